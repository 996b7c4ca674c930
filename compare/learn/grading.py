"""The verdict on an exercise: one sentence, and what helps to see it.

Every case is tried, in both dtypes; the first that fails is shown. A kind of mistake is said where
it gives, in every case that fails, what the function gave.
"""

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

import numpy as np

from compare.check.bounds import Bounded, Judgement, Verdict, judge, norm, unit_roundoff
from compare.check.mistakes import EXPLAINED, common, kinds
from compare.errors import clipped
from compare.learn.catalogue import Exercise
from compare.learn.tasks import Case, Task
from compare.learn.work import UNWRITTEN, Trouble, Work
from compare.sides.interface import Array

SEED = 0  # of operands: the same work gets the same verdict
PRINTED = 400  # characters that are kept of what the code prints
SLIGHT = 8  # roundings of the largest entry, which are many of the smallest
SHOWN = 12  # entries of an array that is shown whole
PASSED, WRONG = "passed", "wrong"
ANEW = "a second call with equal operands gives another result: draw nothing"


class Graded(NamedTuple):
    """What became of an exercise: passed, wrong or not written yet; and why."""

    state: str
    sentence: str
    lines: tuple[str, ...] = ()
    result: str = ""  # what is wrong: "dbias"
    kind: str = ""  # in what way, where that is known


class Failure(NamedTuple):
    """One result that is wrong in one case."""

    case: Case
    result: str
    got: Array
    true: Bounded
    judgement: Judgement


class Printed(io.StringIO):
    """What the code prints, of which the beginning is kept."""

    def write(self, text: str) -> int:
        """Keep the text while there is room."""
        if self.tell() < PRINTED:
            super().write(clipped(text, PRINTED))
        return len(text)


def grade(exercise: Exercise, source: bytes, seed: int = SEED) -> Graded:
    """Judge what an exercise's file has become. Runs its code; raises nothing that it raises."""
    printed = Printed()
    with redirect_stdout(printed), redirect_stderr(io.StringIO()), np.errstate(under="ignore"):
        try:
            work = Work(exercise.file, source, [task.function for task in exercise.tasks])
            graded = _in_order(exercise.tasks, work, seed)
        except Trouble as trouble:
            graded = _trouble(trouble)
    if text := printed.getvalue().strip():
        graded = graded._replace(lines=(*graded.lines, "It prints:", *text.splitlines()))
    return graded


def _in_order(tasks: Sequence[Task], work: Work, seed: int) -> Graded:
    """Judge one function after the other, up to the first that is not right."""
    right = ""
    for task in tasks:
        try:
            work.require_written(task.function)
        except Trouble as trouble:
            return Graded(UNWRITTEN, f"{right}{trouble}", kind=UNWRITTEN)
        graded = _judge(task, work, seed)
        if graded.state != PASSED:
            return graded
        right = f"{task.function} is right; "
    return graded


def _trouble(trouble: Trouble, lines: Sequence[str] = ()) -> Graded:
    state = UNWRITTEN if trouble.kind == UNWRITTEN else WRONG
    return Graded(state, str(trouble), tuple(lines), kind=trouble.kind)


def _judge(task: Task, work: Work, seed: int) -> Graded:
    failures: list[Failure] = []
    count, first = 0, task.results[0]
    for case in task.cases(np.random.default_rng(seed)):
        count += 1
        try:
            results = work.call(task, case)
        except Trouble as trouble:
            if failures:  # what was wrong before is nearer to the cause
                break
            if graded := _known(task, work, case) if trouble.kind == "warning" else None:
                return graded
            return _trouble(trouble, [] if trouble.kind == UNWRITTEN else list(_operands(case)))
        if task.complain:
            noisy, again = results[first], lambda of: work.call(task, of)[first]
            for say in task.complain(case, noisy, again):
                return Graded(WRONG, say, tuple(_operands(case)), first, say)
        failures += _failures(task, case, results)
    if not failures:
        return Graded(PASSED, f"{task.function} is right: {count} calls, float32 and float64")
    found = _of_first(task, failures)
    return _told(task, found, ANEW if _varies(task, work, found[0]) else "")


def _varies(task: Task, work: Work, failure: Failure) -> bool:
    """Whether a result that is wrong is another one when it is computed again."""
    try:
        again = work.call(task, failure.case, "ignore")[failure.result]
    except Trouble:
        return False
    return not np.array_equal(again, failure.got, equal_nan=again.dtype.kind == "f")


def _of_first(task: Task, failures: Sequence[Failure]) -> list[Failure]:
    """Return those of the first result that is wrong, in the order in which one causes the next.

    An array of another dtype is told of where all else is right.
    """
    wrong = [f for f in failures if f.judgement.verdict is not Verdict.WRONG_DTYPE] or failures
    first = next(name for name in task.results if any(f.result == name for f in wrong))
    return [failure for failure in wrong if failure.result == first]


def _known(task: Task, work: Work, case: Case) -> Graded | None:
    """Return the verdict on a call that warns, where it is of a known kind, and so says more."""
    try:
        failures = list(_failures(task, case, work.call(task, case, "ignore")))
    except Trouble:
        return None
    graded = _told(task, _of_first(task, failures)) if failures else None
    return graded if graded and graded.kind in graded.sentence else None


def _failures(task: Task, case: Case, results: Mapping[str, Array]) -> Iterator[Failure]:
    for name, true in task.define(**case.wide).items():
        if task.composed:
            true = true._replace(roundings=int(unit_roundoff(case.dtype) ** -0.5))
        got = results[name]
        judgement = judge(got.astype(case.dtype), true, case.dtype)
        number = got.ndim == 0 and got.dtype == np.float64  # may be Python's, which is of no dtype
        if judgement.verdict.held and got.dtype != case.dtype and not number:
            judgement = Judgement(Verdict.WRONG_DTYPE)
        if not judgement.verdict.held and judgement.verdict is not Verdict.INCONCLUSIVE:
            yield Failure(case, name, got, true, judgement)


def _told(task: Task, failures: Sequence[Failure], kind: str = "") -> Graded:
    """Say what is wrong with one result, and show it on the first case; find out its kind."""
    case, name, got, true, judgement = failures[0]
    telling = [of for of in failures if of.true.value.any()] or failures  # zeros are anything's
    if (
        not kind and judgement.verdict is not Verdict.WRONG_DTYPE
    ):  # which says it all: the numbers are right
        # A mistake may divide by zero and overflow, and leave a median nothing but NaN.
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            kind = common(_claims(task, failure) for failure in telling)
    match judgement.verdict:
        case Verdict.WRONG_SHAPE:
            says = f"{name} has shape {got.shape}, and {true.value.shape} is needed"
        case Verdict.WRONG_DTYPE:
            says = f"{name} is {got.dtype} where {case.dtype} was given, and is needed"
        case Verdict.NOT_FINITE:
            says = f"{name} has entries that are {'nan' if np.isnan(got).any() else 'infinite'}"
        case _:
            says = f"{name} is wrong"
    lines = [
        *_operands(case, lambda operand: _counts(task, case, name, operand)),
        *_shown(f"{name} came out as", got),
        *_shown("and should be", true.value),
    ]
    fact = "" if judgement.verdict is Verdict.FAIL else judgement.verdict.value
    return Graded(WRONG, f"{says}: {kind}" if kind else says, tuple(lines), name, kind or fact)


def _claims(task: Task, failure: Failure) -> Iterator[str]:
    """Yield all that may be said of how a result is wrong."""
    case, name, got, true, _ = failure
    wide, truth = case.wide, true.value
    alike = got.shape == truth.shape
    made = [(say, make(**wide)) for say, make in task.mistakes.get(name, {}).items()]
    order = "" if task.unpack else f"; the results are {', '.join(task.results)}, in this order"
    others = ((other, of.value) for other, of in task.define(**wide).items() if other != name)
    made += [(f"it is {other}{order}", value) for other, value in others]
    if alike:
        made += [(say, fit(got, **wide)) for say, fit in task.fitted.get(name, {}).items()]
    if alike and truth.ndim:
        more = np.mean(got - truth)
        made.append((f"every entry is {more:.4g} more than it should be", truth + more))
    made = [
        (say, np.asarray(of)) for say, of in made if of is not None and np.shape(of) == got.shape
    ]
    if not alike:
        yield from (say for say, wrong in made if np.allclose(got, wrong, rtol=EXPLAINED))
    mistakes = [(say, np.where(np.isnan(wrong), got, wrong)) for say, wrong in made]
    added = [(say, make(**wide)) for say, make in task.added.get(name, {}).items()]
    whole = next(value for operand, value in wide.items() if "/" not in operand)
    rounding = unit_roundoff(case.dtype) * true.roundings**0.5 * norm(true.scale)
    yield from kinds(got, truth, mistakes, added, {"rows": len(whole)}, rounding)
    slight = SLIGHT * unit_roundoff(case.dtype) * np.abs(truth).max()
    if alike and np.abs(got - truth).max() <= slight:
        yield "small values have lost their digits: in it, nearly equal numbers cancel"


def _operands(case: Case, shows: Callable[[str], bool] = bool) -> Iterator[str]:
    for name, value in case.operands.items():
        if "/" not in name and shows(name):  # a slash: one of many in a dict
            yield from _shown(name, value)


def _counts(task: Task, case: Case, result: str, operand: str) -> bool:
    """Whether a result depends on an operand; of the others, x for dbias, nothing need be seen."""
    wide = case.wide
    if np.asarray(wide[operand]).dtype.kind != "f":  # labels and counts stand for themselves
        return True
    with np.errstate(all="ignore"):
        moved = task.define(**{**wide, operand: 2 * wide[operand] + 1})[result].value
    return not np.array_equal(moved, task.define(**wide)[result].value)


def _shown(name: str, value: object) -> Iterator[str]:
    """Show an array, aligned below its first row; a large one by its shape."""
    start = f"{name} = " if not name.endswith(" as") and not name.endswith("be") else f"{name} "
    if isinstance(value, np.ndarray | np.generic):
        array = value + np.zeros_like(value)  # which has no −0
        if array.size > SHOWN:
            yield f"{start}an array {array.shape} of {array.dtype}"
            return
        text = np.array2string(array, prefix=start, precision=6)
        yield from f"{start}{text}".splitlines()
    else:
        yield f"{start}{value}"
