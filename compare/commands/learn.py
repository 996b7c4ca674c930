"""`python -m compare learn`: exercises are put into a folder and judged as they are written."""

import shlex
from pathlib import Path

import click

from compare.errors import UserError
from compare.learn.catalogue import EXERCISES, Exercise, find
from compare.learn.grading import PASSED, Graded
from compare.learn.watching import changes
from compare.learn.work import UNWRITTEN
from compare.learn.workbook import Workbook, hints

NEEDED = [exercise for exercise in EXERCISES if not exercise.extra]
COLOURS = {PASSED: "green", UNWRITTEN: "yellow"}  # red for what is wrong


def learn(
    folder: Path,
    once: bool,
    only: str | None,
    hint: str | None,
    reset: str | None,
    show_list: bool,
) -> bool:
    """Judge the exercises in a folder; return whether all that was asked for is finished."""
    wanted = {"--only": only, "--hint": hint, "--reset": reset}
    asked = [name for name, value in wanted.items() if value is not None]
    asked += [name for name, given in (("--once", once), ("--list", show_list)) if given]
    if len(asked) > 1:
        raise click.UsageError(f"{asked[0]} and {asked[1]} ask for two things: leave one out")
    book = Workbook(folder)
    match asked:
        case ["--only"]:
            return _only(book, find(only or ""))
        case ["--hint"]:
            _hint(book, hint or "")
        case ["--reset"]:
            _reset(book, find(reset or ""))
        case ["--list"]:
            for exercise in EXERCISES:
                _tell_state(exercise, book.standing(exercise))
        case ["--once"]:
            _prepare(book)
            return _tell_first(book) is None
        case _:
            _prepare(book)
            return _watch(book)
    return True


def _prepare(book: Workbook) -> None:
    written = book.prepare()
    if len(written) == len(EXERCISES):
        extra = len(EXERCISES) - len(NEEDED)
        click.echo(f"{len(written)} exercises are in {book.folder} now, {extra} of them extra")
    else:
        for exercise in written:
            click.echo(f"{book.path(exercise)} was not there, and is written anew")


def _only(book: Workbook, exercise: Exercise) -> bool:
    _prepare(book)
    graded = book.judge(exercise)
    _tell(book, exercise, graded)
    return graded.state == PASSED


def _reset(book: Workbook, exercise: Exercise) -> None:
    kept = book.reset(exercise)
    old = f"; your work is kept in {kept}" if kept else ""
    click.echo(f"{book.path(exercise)} is as it was at first{old}")


def _hint(book: Workbook, name: str) -> None:
    """Show one hint, and how to see the next: "8.2" is the second for exercise 8."""
    name, _, number = name.partition(".")
    if name:
        exercise = find(name)
    else:
        unfinished = (of for of in EXERCISES if book.standing(of).state != PASSED)
        exercise = next(unfinished, EXERCISES[-1])
    all_of = hints(exercise)
    if number not in ("", *map(str, range(1, len(all_of) + 1))):
        raise UserError(f"{exercise.name} has hints 1 to {len(all_of)}, not {number!r}")
    index = int(number or 1)
    click.echo(f"{exercise.name}, hint {index} of {len(all_of)}\n")
    click.echo(click.wrap_text(all_of[index - 1], width=88))
    if index < len(all_of):
        click.echo(f"\nthe next: {_command(book)} --hint {exercise.number}.{index + 1}")


def _first(book: Workbook) -> Exercise | None:
    """Return the first exercise that is not finished, of those that are needed."""
    return next((of for of in NEEDED if book.standing(of).state != PASSED), None)


def _watch(book: Workbook) -> bool:
    """Tell of the first unfinished exercise, again after each change, until there is none."""
    before: Exercise | None = None
    for _ in changes(book.folder):
        try:
            _first(book)  # what it says stays to be read until there is a new verdict
            if before:
                click.clear()
            if before and book.judge(before).state == PASSED:
                _tell_state(before, book.judge(before))
            before = _tell_first(book)
            if before is None:
                return _rewarded(book)
            click.echo("save the file, and it is judged again; Ctrl-C ends")
        except UserError as error:
            if not book.folder.is_dir():
                raise
            click.echo(str(error))
    return False


def _rewarded(book: Workbook) -> bool:
    from compare.learn.reward import reward

    click.echo("\nNow all of it trains, on the digits: your functions and nothing else.")
    click.echo("That takes a minute …\n")
    for line in reward(book):
        click.echo(line)
    if more := [of for of in EXERCISES if book.standing(of).state != PASSED]:
        names = ", ".join(of.name for of in more)
        click.echo(f"\nmore, if you like: {names}; {_command(book)} --only {more[0].number}")
    return True


def _tell_first(book: Workbook) -> Exercise | None:
    """Tell how far one is, and the verdict on the first unfinished exercise; return that."""
    done = sum(book.judge(of).state == PASSED for of in NEEDED)
    click.echo(f"{done} of {len(NEEDED)} exercises are finished")
    if exercise := _first(book):
        _tell(book, exercise, book.judge(exercise))
        click.echo(f"\na hint: {_command(book)} --hint {exercise.number}")
    return exercise


def _command(book: Workbook) -> str:
    """Return the command line that one needs for this folder."""
    folder = "" if str(book.folder) == "exercises" else f" {shlex.quote(str(book.folder))}"
    return f"python -m compare learn{folder}"


def _tell(book: Workbook, exercise: Exercise, graded: Graded) -> None:
    click.echo(f"{book.path(exercise)}\n")
    click.secho(graded.sentence, fg=COLOURS.get(graded.state, "red"))
    for line in graded.lines:
        click.echo(f"    {line}")


def _tell_state(exercise: Exercise, graded: Graded) -> None:
    state = click.style(graded.state, fg=COLOURS.get(graded.state, "red"))
    click.echo(f"{exercise.name:28}{state}{' (extra)' if exercise.extra else ''}")
