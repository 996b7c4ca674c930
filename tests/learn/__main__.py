"""The proof of the graders: a small change of right work that alters a result is not let through.

    python -m tests.learn [--report docs/learn.md] [--picture docs/learn.png]

Every way to do every exercise is changed as `tests.mutants` changes files: one operator, constant,
name, operand, keyword or statement. Of those that are refused it is seen, on other operands,
whether the first wrong result is named, and whether what is said of it is said there, too.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from compare.learn.catalogue import EXERCISES, Exercise, find
from compare.learn.child import forked
from compare.learn.grading import PASSED, Graded, grade
from compare.learn.tasks import Task
from compare.learn.work import Trouble, Work
from tests.learn.equivalent import reason
from tests.learn.typical import TYPICAL
from tests.learn.verdict_picture import draw_verdict
from tests.learn.ways import ways
from tests.mutants import Mutant, mutants_of

DEADLINE = 5.0  # seconds for one mutant
ELSEWHERE = 1  # a seed of other operands than those of verdicts
NAMED, KINDS = 0.95, 0.80  # the least shares, of those that are refused


class Judged(NamedTuple):
    """What became of one mutant."""

    exercise: Exercise
    mutant: Mutant
    passed: bool
    named: bool = False  # the first wrong result is, or what the code did in place of returning it
    kind: bool = False  # what is said of it is said on other operands, too

    @property
    def equivalent(self) -> str | None:
        """Why it is as right, where it is."""
        mutant = self.mutant
        if not self.passed:
            return None
        return reason(self.exercise.number, mutant.file, mutant.old, mutant.new)


def judged(exercise: Exercise) -> Iterator[Judged]:
    """Judge every mutant of every way to do an exercise."""
    for path in ways(exercise.name):
        right = path.read_bytes()
        for mutant in mutants_of(path.stem, path.read_text()):
            source = mutant.source.encode()
            told = _graded(exercise, source, 0)
            if told.state == PASSED:
                yield Judged(exercise, mutant, True)
                continue
            wrong = forked(lambda: _first_wrong(exercise, source, right), DEADLINE).value  # noqa: B023
            kind = _plain(told.kind)
            again = bool(kind) and kind == _plain(_graded(exercise, source, ELSEWHERE).kind)
            yield Judged(exercise, mutant, False, not told.result or told.result == wrong, again)


def _graded(exercise: Exercise, source: bytes, seed: int) -> Graded:
    answer = forked(lambda: grade(exercise, source, seed)._asdict(), DEADLINE).value
    return Graded(**answer) if answer else Graded("wrong", "", kind="hangs")


def _plain(kind: str) -> str:
    """Return a kind without its numbers: those of noise are another's on other operands."""
    return re.sub(r"-?\d+(\.\d+)?(e-?\d+)?%?", "#", kind)


def _first_wrong(exercise: Exercise, source: bytes, right: bytes) -> str:
    """Return the first result, in the order in which one causes the next, that is not as it was."""
    names = [task.function for task in exercise.tasks]
    theirs, ours = (Work(exercise.file, text, names) for text in (source, right))
    for task in exercise.tasks:
        wrong = set(_wrong(task, theirs, ours))
        if wrong:
            return next(name for name in task.results if name in wrong)
    return ""


def _wrong(task: Task, theirs: Work, ours: Work) -> Iterator[str]:
    for case in task.cases(np.random.default_rng(ELSEWHERE)):
        try:
            got = theirs.call(task, case, "ignore")
        except Trouble:  # it is told where no result was wrong before
            return
        for name, value in ours.call(task, case).items():
            same = got[name].shape == value.shape and got[name].dtype == value.dtype
            if not same or not np.allclose(got[name], value, rtol=1e-5, atol=1e-6):
                yield name


def _report(found: Sequence[Judged]) -> str:
    lines = [
        "# The exercises' graders, proven",
        "",
        "Made by `python -m tests.learn --report docs/learn.md`. Each exercise has three right",
        "solutions or more (`tests/learn/solutions`), the *ways*. Each was changed in every small",
        "way, one operator, constant, name, operand, keyword or statement at a time: *mutants*.",
        "Those *as right* give the same results; the last table says why. *Named*: the sentence",
        "names the first result that is wrong, or tells what the code did in place of returning",
        "one. *Kind*: it says how the result is wrong, and says the same on other operands.",
        "",
        "| exercise | ways | mutants | as right | refused | let through | named | kind |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    total: Counter[str] = Counter()
    for exercise in EXERCISES:
        of = [one for one in found if one.exercise.name == exercise.name]
        row = Counter({**_counts(of), "ways": len(ways(exercise.name))})
        total += row
        lines.append(_row(exercise.name, row))
    lines.append(_row("all", total))
    if missed := [one for one in found if one.passed and not one.equivalent]:
        lines += ["", "| let through | was | became |", "| --- | --- | --- |"]
        lines += [f"| {_place(of)} | `{of.mutant.old}` | `{of.mutant.new}` |" for of in missed]
    lines += ["", *said_of_typical_mistakes()]
    lines += ["", "## Mutants that are as right", "", "| way | was | became | because |"]
    lines += ["| --- | --- | --- | --- |"]
    lines += [
        f"| {_place(of)} | `{_cell(of.mutant.old)}` | `{_cell(of.mutant.new)}` | {of.equivalent} |"
        for of in found
        if of.equivalent
    ]
    return "\n".join(lines) + "\n"


def said_of_typical_mistakes() -> list[str]:
    """Return the lines of a table."""
    lines = ["## What is said of typical mistakes", "", "| exercise | mistake | sentence |"]
    lines.append("| --- | --- | --- |")
    for mistake in TYPICAL:
        sentence = grade(find(mistake.exercise), mistake.source).sentence
        lines.append(f"| {mistake.exercise[:2]} | {mistake.what} | {_cell(sentence)} |")
    return lines


def _counts(found: Sequence[Judged]) -> dict[str, int]:
    refused = [one for one in found if not one.passed]
    alike = sum(one.equivalent is not None for one in found)
    return {
        "mutants": len(found),
        "alike": alike,
        "refused": len(refused),
        "missed": len(found) - alike - len(refused),
        "named": sum(one.named for one in refused),
        "kind": sum(one.kind for one in refused),
    }


def _row(name: str, of: Any) -> str:
    shares = (f"{100 * of[which] // of['refused']}%" for which in ("named", "kind"))
    counts = (of[which] for which in ("ways", "mutants", "alike", "refused", "missed"))
    return f"| {' | '.join(map(str, (name, *counts, *shares)))} |"


def _place(of: Judged) -> str:
    return f"`{of.exercise.number}/{of.mutant.file}.py:{of.mutant.line}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


@click.command()
@click.option("--report", type=click.Path(path_type=Path), help="Write the tables to this file.")
@click.option("--only", help="This exercise alone.")
@click.option("--picture", type=click.Path(path_type=Path), help="Draw a verdict, and no more.")
def main(report: Path | None, only: str | None, picture: Path | None) -> None:
    """Judge every mutant; print the table; exit with 1 where a grader lets too much through."""
    if picture:
        draw_verdict(picture)
        return
    exercises = [find(only)] if only else EXERCISES
    found = [one for exercise in exercises for one in judged(exercise)]
    if not only:
        text = _report(found)
        click.echo(text.partition("\n## ")[0])
        if report:
            report.write_text(text)
    of = _counts(found)
    for one in found:
        if one.passed and not one.equivalent:
            click.echo(f"let through: {_place(one)}  {one.mutant.old}  →  {one.mutant.new}")
        if not one.passed and not one.named:
            click.echo(f"not named: {_place(one)}  {one.mutant.old}  →  {one.mutant.new}")
    few = of["named"] < NAMED * of["refused"] or of["kind"] < KINDS * of["refused"]
    sys.exit(bool(of["missed"]) or few)


if __name__ == "__main__":
    main()
