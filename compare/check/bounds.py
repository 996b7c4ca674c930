"""What the harness can say of one tensor."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from compare.sides.interface import Array


# ---- compare.parity.verdict: '"""What the harness can say of one tensor."""'
class Verdict(StrEnum):
    """From equal to unjudged. Only `EXACT`, `WITHIN` and `BORDERLINE` are agreement."""

    EXACT = "exact"  # bit for bit
    WITHIN = "within"  # within what rounding allows
    BORDERLINE = "borderline"  # within, but so far out that it was judged again, on fresh operands, and was not so again
    INCONCLUSIVE = "inconclusive"  # what could be judged is right, and it is too little to tell
    FAIL = "fail"
    MISSING = "missing"
    WRONG_SHAPE = "wrong shape"
    WRONG_DTYPE = "wrong dtype"
    NOT_FINITE = "not finite"
    NOT_JUDGED = "not judged"  # there is nothing trustworthy to judge it by

    @property
    def held(self) -> bool:
        """Whether the tensor passed."""
        return self in (Verdict.EXACT, Verdict.WITHIN, Verdict.BORDERLINE)


@dataclass(frozen=True)
class Finding:
    """One tensor of one side, judged by one stage."""

    stage: str
    side: str
    dtype: str
    operation: str  # "fc1.backward", "adam", "train_step", …: what made the tensor
    tensor: str  # its name in a trace, or the operation's result: "dweight"
    verdict: Verdict
    ratio: float = 0.0  # the worst entry's error, in units of what rounding allows
    undecided: float = 0.0  # share of entries that only the absolute allowance excuses
    detail: str = ""  # what else the numbers say, for the sentence at the end


# ---- compare.parity.tolerance: '"""How far rounding may take a result from the truth: formulas,
# and th' Where the truth is computed.
WIDER: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float64),
    "float64": np.dtype(np.longdouble),
}
SUSPECT = 4.0  # an error of 4 √k u is 4 standard deviations and more of k independent roundings
MOST_UNDECIDED = (
    0.01  # of a tensor's entries; more, and the absolute allowance would be doing the judging
)


class Bounded(NamedTuple):
    """A true value in wider precision, the sum of the absolute terms that it is made of, and how often one rounds."""

    value: Array
    scale: Array
    roundings: int
    floor: float = (
        0.0  # in units of the smallest normal number: what flushing subnormals to zero may cost
    )


class Judgement(NamedTuple):
    """What `judge` found: a verdict, and the numbers behind it."""

    verdict: Verdict
    ratio: float = 0.0
    undecided: float = 0.0
    suspect: bool = False  # within, and farther out than independent roundings come


def widen(arrays: Mapping[str, Array], dtype: str) -> dict[str, Array]:
    """Return arrays of a dtype in the wider one, in which their truth is computed."""
    return {name: value.astype(WIDER[dtype]) for name, value in arrays.items()}


def unit_roundoff(dtype: str) -> float:
    """Return u, half the distance from 1 to the next number."""
    return float(np.finfo(dtype).eps) / 2


def gamma(roundings: int, dtype: str) -> float:
    """Return γₖ = k u / (1 − k u), the worst that k roundings do to a sum of products, whatever their order.

    Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.
    """
    ku = roundings * unit_roundoff(dtype)
    return ku / (1 - ku)


def judge(got: Array | None, true: Bounded, dtype: str) -> Judgement:
    """Hold a result against the truth, entry by entry: |error| ≤ γₖ · scale + k · η, η half the smallest subnormal.

    The second term is for products that underflow. It excuses an entry and never certifies it: with
    more than a few such entries, or no other, the tensor is undecided.
    """
    if got is None:
        return Judgement(Verdict.MISSING)
    if got.shape != true.value.shape:
        return Judgement(Verdict.WRONG_SHAPE)
    if got.dtype != np.dtype(dtype):
        return Judgement(Verdict.WRONG_DTYPE)
    if not np.isfinite(got).all():
        return Judgement(Verdict.NOT_FINITE)
    info = np.finfo(dtype)
    error = np.abs(got.astype(true.value.dtype) - true.value)
    relative = gamma(true.roundings, dtype) * true.scale
    absolute = true.roundings * float(info.smallest_subnormal) / 2 + true.floor * float(info.tiny)
    allowed = relative + absolute
    excess = np.where(error > 0, np.inf, 0.0).astype(error.dtype)  # where nothing is allowed
    ratio = float(np.max(np.divide(error, allowed, out=excess, where=allowed > 0), initial=0))
    undecided = (error > relative).mean() if error.size else 0.0
    nothing_decided = undecided == 1.0 and bool(error.any())
    if ratio > 1:
        return Judgement(Verdict.FAIL, ratio, float(undecided))
    if undecided > MOST_UNDECIDED or nothing_decided:
        return Judgement(Verdict.INCONCLUSIVE, ratio, float(undecided))
    verdict = Verdict.WITHIN if error.any() else Verdict.EXACT
    k = max(true.roundings, 1)
    return Judgement(verdict, ratio, float(undecided), suspect=ratio > min(1.0, SUSPECT / k**0.5))
