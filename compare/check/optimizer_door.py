"""The door for anybody's optimizer: its steps against those of one of torch's, in one line.

>>> from compare import check_optimizer
>>> print(check_optimizer(MySGD, lambda params: torch.optim.SGD(params, lr=0.1), params).sentence)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from compare.check.bounds import Finding, Verdict
from compare.check.door_report import DoorReport
from compare.check.mistakes import multiple, number_in_words
from compare.check.optimizer_runs import (
    MISSING,
    ONE_SHAPE,
    STEPS,
    Arrays,
    Reference,
    Taken,
    ratios,
    runs,
    take,
    truths,
)
from compare.check.other_optimizers import Instead, instead, settings, switched
from compare.data.config import DTYPES
from compare.sides.calls import Misbehaved, Returned, arrays, call

COUNTING = "steps also count for a parameter whose gradient is missing; torch does not count them"


class Judged(NamedTuple):
    """A run, the largest ratio of each parameter, and where it fails first, if it does."""

    taken: Taken
    worst: dict[str, float]
    step: int = 0  # from 0
    name: str = ""
    ratio: float = 0.0

    @property
    def wrong(self) -> set[str]:
        """The parameters that fail."""
        return {name for name, ratio in self.worst.items() if ratio > 1}


def check_optimizer(
    make: Callable[[Arrays], Any],
    reference: Reference,
    params: Arrays,
    *,
    seed: int = 0,
) -> DoorReport:
    """Judge a hand-written optimizer by one of torch's that treats every entry by itself.

    `make(params)` returns an object whose `step(grads)` changes the arrays of the dict `params` in
    place; `grads` is a dict of gradients by the same names. `reference` takes a list of tensors to
    a `torch.optim.Optimizer`. `params` are arrays by name; the shapes count, and the values are one
    start of several. All is judged in float32 and float64. What `make` and `step` raise is a
    finding, and so is a warning. Raises `TypeError` for params that are no dict of arrays and for a
    reference that makes no optimizer or another kind of one, `ValueError` for params that are empty
    or no floats.
    """
    try:
        params = arrays(params)
    except Returned as error:
        raise TypeError(f"params is {error}") from None
    if not params or any(not p.size or p.dtype.kind != "f" for p in params.values()):
        raise ValueError("params must hold arrays of floating-point numbers, none of them empty")
    of, group = settings(reference, params)
    rng = np.random.default_rng(seed)
    judged: list[Judged] = []
    notes: dict[str, None] = {}
    each = ((run, dtype) for dtype in DTYPES for run in runs(params, dtype, rng))
    for taken in (take(make, *one) for one in each):
        apart = taken.run.apart
        if taken.did and apart in (ONE_SHAPE, MISSING):
            notes[f"not judged where {apart}, for there {taken.did}"] = None
            continue
        try:
            found = call("the reference", partial(_judged, reference, taken, rng))
        except Misbehaved as error:
            if apart != ONE_SHAPE:
                raise TypeError(f"{error}; it cannot be judged by") from None
            notes[f"not judged where {apart}, for there {error}"] = None
            continue
        counting = apart == MISSING and found.wrong
        if counting and not _judged(reference, taken, rng, counting=True).wrong:
            notes[COUNTING] = None
            continue
        judged.append(found)
        if taken.did:
            break
    return _report(reference, of, group, judged, tuple(notes), rng)


def _judged(
    reference: Reference, taken: Taken, rng: np.random.Generator, *, counting: bool = False
) -> Judged:
    found = Judged(taken, {})
    for step, ratio_of in enumerate(ratios(reference, taken, rng, counting=counting)):
        for name, ratio in ratio_of.items():
            found.worst[name] = max(found.worst.get(name, 0.0), ratio)
            if ratio > 1 and not found.name:
                found = found._replace(step=step, name=name, ratio=ratio)
    return found


def _report(
    reference: Reference,
    of: str,
    group: Mapping[str, Any],
    judged: Sequence[Judged],
    notes: tuple[str, ...],
    rng: np.random.Generator,
) -> DoorReport:
    last, whose = judged[-1].taken, judged[0].taken.whose
    findings, told = [], []

    def found(dtype: str, tensor: str, verdict: Verdict, ratio: float, detail: str = "") -> None:
        row = Finding("optimizer", whose, dtype, "step", tensor, verdict, ratio, 0.0, detail)
        findings.append(row)

    if last.did:
        told.append(f"{last.did} ({_where(last, len(last.steps))}).")
        found(last.dtype, "raised", Verdict.FAIL, np.inf, last.did)
    if changed := next((one.taken for one in judged if one.taken.changed), None):
        say = "it changes the gradients that it is given, in place"
        told.append(f"{whose}'s step is wrong: {say}.")
        found(changed.dtype, "grads", Verdict.FAIL, np.inf, say)
    failed = [one for one in judged if one.wrong]
    kind = _kind(reference, of, group, failed, rng) if failed else ""
    for one in failed[:1]:
        how_far = "" if np.isinf(one.ratio) else f", by {one.ratio:.3g} times what rounding allows"
        where = _where(one.taken, one.step)
        told.append(f"{one.name} of {whose}'s step is the first to fail ({where}){how_far}.")
        told += [f"What is wrong: {kind}."] if kind else []
    for dtype in dict.fromkeys(one.taken.dtype for one in judged):
        of_dtype = [one.worst for one in judged if one.taken.dtype == dtype]
        for name in dict.fromkeys(name for worst in of_dtype for name in worst):
            ratio = max(worst.get(name, 0.0) for worst in of_dtype)
            verdict = Verdict.FAIL if ratio > 1 else Verdict.WITHIN if ratio else Verdict.EXACT
            found(dtype, name, verdict, ratio, kind if ratio > 1 else "")
    right = f"{whose} takes the steps of torch.optim.{of}: all {len(findings)} findings are"
    told = told or [f"{right} within rounding.", *(f"Note: {note}." for note in notes)]
    return DoorReport(whose, findings, " ".join(told))


def _where(taken: Taken, step: int) -> str:
    apart = f", where {taken.run.apart}" if taken.run.apart else ""
    return f"{taken.dtype}, step {step + 1}{apart}"


def _kind(
    reference: Reference,
    of: str,
    group: Mapping[str, Any],
    failed: Sequence[Judged],
    rng: np.random.Generator,
) -> str:
    """Say what is wrong, where that gives every step of every parameter that fails in a run."""
    if all(one.taken.elsewhere for one in failed):
        return "it puts new arrays into the dict; those that it was given have to change"
    others = instead(reference, group, of)
    for other in (*others, *_factor(reference, group, failed[0], rng)):
        if all(_fits(other, one, rng) for one in failed):
            return other.say
    if all(
        one.taken.dtype == "float64"
        and _fits(
            Instead("", reference), one._replace(taken=one.taken._replace(dtype="float32")), rng
        )
        for one in failed
    ):
        return "in float64 it is only as exact as float32"
    (apart, *more) = {one.taken.run.apart for one in failed}
    if apart and not more:
        return f"it is wrong only where {apart}"
    first = min(one.step for one in failed)
    return f"the first {first} steps are right" if first >= STEPS else ""


def _factor(
    reference: Reference, group: Mapping[str, Any], failed: Judged, rng: np.random.Generator
) -> Iterator[Instead]:
    """Yield the factor of the step that fails first."""
    before, after = (
        values[failed.name].astype(np.float64) for values in failed.taken.steps[failed.step]
    )
    true, _ = next(islice(truths(reference, failed.taken, rng), failed.step, None))
    if np.isfinite(after).all() and (after != before).any():
        times = number_in_words(multiple(after - before, true[failed.name][0] - before))
        say = f"the step is {times} times what it should be"
        yield Instead(say, switched(reference, lr=group["lr"] * float(Fraction(times))))


def _fits(other: Instead, failed: Judged, rng: np.random.Generator) -> bool:
    """Whether another optimizer gives, to within rounding, what failed in a run.

    Where gradients are missing, however it counts steps.
    """
    run = failed.taken.run
    grads = [other.gradients(grads, run.start) for grads in run.grads]
    taken = failed.taken._replace(run=run._replace(grads=grads))

    def fits(counting: bool) -> bool:
        try:
            with np.errstate(all="ignore"):
                steps = ratios(other.reference, taken, rng, counting=counting)
                return all(step[name] <= 1 for step in steps for name in failed.wrong)
        except Exception:  # with such settings there is no such optimizer
            return False

    return fits(False) or (run.apart == MISSING and fits(True))
