"""Calls into somebody's functions, on every set of operands, and the verdict of each result."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

import numpy as np

from compare.check.bounds import Verdict
from compare.check.complex_step import complex_step
from compare.check.failures import Failure
from compare.check.reference import Reference, gradient_of
from compare.check.regimes import Operands, Source, Trial, trials
from compare.data.config import DTYPES
from compare.sides.calls import Misbehaved
from compare.sides.interface import Array
from compare.sides.watched import watched

LOSS = "loss"
# An error of rounding shrinks with the unit roundoff, by 2⁻²⁹ from float32 to float64, up to its
# luck; one that is of the same size in both is 2²⁹ times as far out in float64. What is within in
# float32 may be out by luck alone in float64, as far as this.
LUCK = 32
SPECIAL = {"a NaN": np.nan, "an infinite entry": np.inf}


@dataclass(frozen=True)
class Step:
    """A call into somebody's code: its name, and what makes it.

    What it returns is its caller's, and no later call may change it, unless `reuses`.
    """

    name: str
    run: Callable[[Operands], dict[str, Array]]
    reuses: bool = False


@dataclass(frozen=True)
class Judged:
    """One tensor of one trial in one dtype; a call that came to nothing has none."""

    step: str
    trial: Trial
    dtype: str
    tensor: str
    verdict: Verdict
    ratio: float = np.inf
    detail: str = ""
    result: Failure | None = None  # what came, failure or not


class Tried:
    """All calls, with what is to be said of each result."""

    def __init__(
        self,
        steps: list[Step],
        reference: Reference,
        source: Source,
        seed: int,
        dtypes: tuple[str, ...],
    ) -> None:
        self.reference, self.source, self.seed, self.dtypes = reference, source, seed, dtypes
        self.trials = list(trials(source, reference, dtypes, seed))
        self.printed = ""
        judged: list[Judged] = []
        overwritten: list[Judged] = []
        self._returned: list[tuple[Step, Trial, str, Array, Array]] = []
        self._came: list[tuple[Step, Trial, str, set[str]]] = []
        for dtype in dtypes:  # outermost: what one call leaves in the next is of its dtype
            before: list[dict[str, Array]] = []
            for trial in self.trials:
                for step in steps:
                    judged += self._judge(step, trial, dtype, tuple(before))
                before.append(trial.truths[dtype].true)
            overwritten += self._overwritten(dtype)
        self.judged = [*_less_exact([*judged, *self._missing(judged)]), *overwritten]
        right = all(j.verdict.held for j in self.judged)
        self.notes = [note for step in steps for note in self._special(step)] if right else []

    def _judge(
        self, step: Step, trial: Trial, dtype: str, before: tuple[dict[str, Array], ...]
    ) -> list[Judged]:
        truth = trial.truths[dtype]
        finite = all(entries.all() for entries in truth.judged.values())
        given, kept = trial.given(dtype), trial.operands[dtype]

        def failed(did: str) -> list[Judged]:
            detail = f"it {did}, on {trial.regime}"
            return [Judged(step.name, trial, dtype, "", Verdict.FAIL, detail=detail)]

        try:
            returned = self._run(step, given, strict=finite)
        except Misbehaved as error:
            # Where the reference itself is not finite, others may raise.
            return failed(error.did) if finite or not error.did.startswith("raised") else []
        for name, x in given.items():
            if not np.array_equal(x, kept[name], equal_nan=True):
                return failed(f"changed its operand {name}")
        self._came.append((step, trial, dtype, set(returned)))
        results = {name: x.copy() for name, x in returned.items()}
        self._returned += [(step, trial, of, x, results[of]) for of, x in returned.items()]
        return [
            _compared(step, Failure(trial, dtype, tensor, got, before))
            for tensor, got in results.items()
        ]

    def _run(self, step: Step, given: Operands, *, strict: bool) -> dict[str, Array]:
        printed = StringIO()
        results = watched(step.name, lambda: step.run(dict(given)), strict=strict, prints=printed)
        self.printed = self.printed or printed.getvalue()
        return results

    def _missing(self, judged: list[Judged]) -> list[Judged]:
        """Return the results that did not come of a call, and came of others of the same step.

        Where another step came to nothing, there may be nothing to return.
        """
        ended = {(id(j.trial), j.dtype) for j in judged if not j.tensor}
        all_of: dict[int, set[str]] = {}
        for step, _, _, came in self._came:
            all_of.setdefault(id(step), set()).update(came)
        return [
            Judged(step.name, trial, dtype, tensor, Verdict.MISSING)
            for step, trial, dtype, came in self._came
            if (id(trial), dtype) not in ended
            for tensor in sorted(all_of[id(step)] - came)
        ]

    def _overwritten(self, dtype: str) -> list[Judged]:
        """Return which results, kept since they came, later calls have changed."""
        kept, self._returned = self._returned, []
        changed = {
            (step.name, tensor): trial
            for step, trial, tensor, now, then in kept
            if not step.reuses and not np.array_equal(now, then, equal_nan=True)
        }
        detail = "a later call changes what was returned"
        return [
            Judged(name, trial, dtype, tensor, Verdict.FAIL, detail=detail)
            for (name, tensor), trial in changed.items()
        ]

    def _special(self, step: Step) -> list[str]:
        """Say which results lack the NaN, or the infinity, that the reference makes of one."""
        notes = []
        for what, value in SPECIAL.items():
            hidden = [name for name in sorted(self.source.free) if self._hides(step, name, value)]
            if hidden:
                where = f"{what} of {', '.join(hidden)} in {step.name}"
                notes.append(f"Hidden, where the reference shows it: {where}.")
        return notes

    def _hides(self, step: Step, name: str, value: float) -> bool:
        dtype = self.dtypes[-1]
        given = self.trials[0].given(dtype)
        given[name].flat[0] = value
        true = self.reference.results(given, dtype)
        try:
            results = self._run(step, given, strict=False)
        except Misbehaved:
            return False
        return any(
            got.shape == true[tensor].shape and np.isfinite(got[~np.isfinite(true[tensor])]).any()
            for tensor, got in results.items()
        )


def tried_in(
    dtype: str, steps: Callable[[], list[Step]], reference: Reference, source: Source, seed: int
) -> Tried:
    """Return what was tried in one dtype, by steps that are made anew for each time.

    Whether an error is no more than another formula's rounding, the other dtype tells.
    """
    tried = Tried(steps(), reference, source, seed, (dtype,))
    if any(1 < judged.ratio < np.inf for judged in tried.judged):
        both = Tried(steps(), reference, source, seed, DTYPES)
        tried.judged = [judged for judged in both.judged if judged.dtype == dtype]
        tried.trials = both.trials
    return tried


def _compared(step: Step, result: Failure) -> Judged:
    def judged(verdict: Verdict, ratio: float = np.inf, detail: str = "") -> Judged:
        return Judged(
            step.name, result.trial, result.dtype, result.tensor, verdict, ratio, detail, result
        )

    got, dtype = result.got, result.dtype
    if got.shape != result.true.shape:
        return judged(Verdict.WRONG_SHAPE)
    if got.dtype != dtype and not (result.tensor == LOSS and got.dtype == np.float64):
        detail = f"it is {got.dtype} where the operands are {dtype}"
        return judged(Verdict.WRONG_DTYPE, detail=detail)
    entries = result.judged
    if not np.isfinite(got[entries]).all():
        return judged(Verdict.NOT_FINITE)
    off = np.abs(got[entries] - result.true[entries])
    ratio = float((off / result.allowed[entries]).max(initial=0))
    if ratio > 1:
        return judged(Verdict.FAIL, ratio)
    return judged(Verdict.WITHIN if off.any() else Verdict.EXACT, ratio)


def _less_exact(judged: list[Judged]) -> list[Judged]:
    """Return the same, but for the failures that are no fault: they shrink with the roundoff."""
    pairs: dict[tuple[int, str], dict[str, Judged]] = {}
    for j in judged:
        pairs.setdefault((id(j.trial), j.tensor), {})[j.dtype] = j
    excused = set()
    for pair in pairs.values():
        if len(pair) == len(DTYPES):
            narrow, wide = (pair[dtype] for dtype in DTYPES)
            luck = LUCK * max(narrow.ratio, 1)
            if max(narrow.ratio, wide.ratio) < np.inf and wide.ratio <= luck:
                excused |= {id(j) for j in (narrow, wide) if not j.verdict.held}
    return [replace(j, verdict=Verdict.LESS_EXACT) if id(j) in excused else j for j in judged]


def complex_steps(
    tried: Tried, loss: Callable[[Operands], Any]
) -> dict[str, tuple[Verdict, float]] | str:
    """Hold the gradients of the first trial, by name, against the complex step of their loss.

    Or return what the code did of complex operands, where it does not take them.
    """
    trial = tried.trials[0]
    results = [
        j.result
        for j in tried.judged
        if j.result and j.trial is trial and j.dtype == "float64" and j.tensor != LOSS
    ]
    gradients = {
        name: (result.got, result.true, result.allowed)
        for name in trial.operands["float64"]
        for result in results
        if result.tensor == gradient_of(name) and result.got.shape == result.true.shape
    }

    def of(operands: Operands) -> complex:
        return watched("", lambda: complex(loss(operands)))

    rng = np.random.default_rng(tried.seed)
    try:
        found = complex_step(of, trial.given("float64"), gradients, rng)
    except Misbehaved as error:
        return error.did
    return {gradient_of(name): verdict for name, verdict in found.items()}
