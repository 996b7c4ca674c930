"""How far rounding may take a result from the truth, and the verdict of one that is compared.

The formulas stand here, and the constants in them with their reasons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from compare.sides.interface import Array, Description, Shape

# Where the truth is computed.
WIDER: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float64),
    "float64": np.dtype(np.longdouble),
}
BORDERLINE = 4.0  # an error of 4 √k u is 4 standard deviations and more of k independent roundings
# Of a tensor's entries, or one entry; with more, the absolute allowance would do the judging.
MOST_EXCUSED = 0.01


class Verdict(StrEnum):
    """From equal to unjudged. The first four are agreement; what is noted is no fault."""

    EXACT = "exact"  # bit for bit
    WITHIN = "within"  # within what rounding allows
    BORDERLINE = "borderline"  # within, but so far out that it was judged again, and passed
    LESS_EXACT = "less exact"  # beyond that, by an error that shrinks with the unit roundoff
    INCONCLUSIVE = "inconclusive"  # what could be judged is right, and it is too little to tell
    FAIL = "fail"
    MISSING = "missing"
    WRONG_SHAPE = "wrong shape"
    WRONG_DTYPE = "wrong dtype"
    NOT_FINITE = "not finite"
    NOTED = "noted"  # not what it should be, of infinities: only of ours is that a fault
    NOT_OFFERED = "not offered"  # a tensor between operations, which a side may keep to itself
    NOT_JUDGED = "not judged"  # there is nothing trustworthy to judge it by

    @property
    def held(self) -> bool:
        """Whether nothing is held against the tensor."""
        return self in (
            Verdict.EXACT,
            Verdict.WITHIN,
            Verdict.BORDERLINE,
            Verdict.LESS_EXACT,
            Verdict.NOTED,
            Verdict.NOT_OFFERED,
        )


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
    inconclusive: float = 0.0  # share of entries that only the absolute allowance excuses
    detail: str = ""  # what else the numbers say, for the sentence at the end
    square: bool = False  # it is of the small network whose inner layers are square


class Bounded(NamedTuple):
    """A true value in wider precision, the sum of its absolute terms, and how often one rounds."""

    value: Array
    scale: Array
    roundings: int
    flushed: float = 0.0  # what making subnormals zero may cost, in units of the smallest normal


class Judgement(NamedTuple):
    """What `judge` found: a verdict, and the numbers behind it."""

    verdict: Verdict
    ratio: float = 0.0
    inconclusive: float = 0.0
    borderline: bool = False  # within, and farther out than independent roundings come
    why: str = ""  # what it got and what is needed, where that cannot be compared


def equal(same: object) -> Judgement:
    """Return the judgement of what has to be the same, and is or is not."""
    return Judgement(Verdict.EXACT) if same else Judgement(Verdict.FAIL, np.inf)


def finding(
    stage: str, who: Description, operation: str, tensor: str, found: Judgement, detail: str = ""
) -> Finding:
    """Return what a stage says of one tensor of a side; `detail` counts unless that agrees."""
    verdict, ratio, excused, _, why = found
    detail = (
        ""
        if verdict.held and verdict is not Verdict.NOTED
        else ": ".join(filter(None, (why, detail)))
    )
    return Finding(stage, who.name, who.dtype, operation, tensor, verdict, ratio, excused, detail)


def widen(arrays: Mapping[str, Array], dtype: str) -> dict[str, Array]:
    """Return arrays of a dtype in the wider one, in which their truth is computed."""
    return {name: value.astype(WIDER[dtype]) for name, value in arrays.items()}


def norm(x: Array) -> float:
    """Return the Euclidean norm of all entries, which may be too large to be squared."""
    largest = float(np.abs(x).max(initial=0))
    if not 0 < largest < np.inf:
        return largest
    return largest * float(np.sqrt(np.square(x / largest).sum()))


def unit_roundoff(dtype: str) -> float:
    """Return u, half the distance from 1 to the next number."""
    return float(np.finfo(dtype).eps) / 2


def gamma(roundings: int, dtype: str) -> float:
    """Return γₖ = k u / (1 − k u), the worst that k roundings do to a sum, whatever its order.

    Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.
    """
    ku = roundings * unit_roundoff(dtype)
    return ku / (1 - ku)


def unusable(got: Array, shape: Shape, dtype: str) -> Judgement | None:
    """Return why a result cannot be compared at all, if that is so."""
    if got.shape != shape:
        why = f"shape {got.shape}; {shape} is needed"
        return Judgement(Verdict.WRONG_SHAPE, np.inf, why=why)
    if got.dtype != np.dtype(dtype):
        why = f"dtype {got.dtype}; {dtype} is needed"
        return Judgement(Verdict.WRONG_DTYPE, np.inf, why=why)
    return None if np.isfinite(got).all() else Judgement(Verdict.NOT_FINITE, np.inf)


def judge(got: Array | None, true: Bounded, dtype: str) -> Judgement:
    """Compare a result with the truth, entry by entry: |error| ≤ γₖ · scale + k · η.

    η is half the smallest subnormal number, and the second term is for products that underflow. It
    excuses an entry and never certifies it: with more than a few such entries, or no other, the
    tensor is inconclusive.
    """
    if got is None:
        return Judgement(Verdict.MISSING)
    if trouble := unusable(got, true.value.shape, dtype):
        return trouble
    info = np.finfo(dtype)
    error = np.abs(got.astype(true.value.dtype) - true.value)
    relative = gamma(true.roundings, dtype) * true.scale
    absolute = true.roundings * float(info.smallest_subnormal) / 2
    allowed = relative + absolute + true.flushed * float(info.tiny)
    beyond = np.where(error > 0, np.inf, 0.0).astype(error.dtype)  # where nothing is allowed
    ratios = np.divide(error, allowed, out=beyond, where=allowed > 0)
    ratio = float(np.max(ratios, initial=0))
    excused = float((error > relative).mean()) if error.size else 0.0
    if ratio > 1:
        return Judgement(Verdict.FAIL, ratio, excused)
    if excused > max(MOST_EXCUSED, 1 / max(error.size, 1)) or (excused == 1 and error.any()):
        return Judgement(Verdict.INCONCLUSIVE, ratio, excused)
    far_out = min(1.0, BORDERLINE / max(true.roundings, 1) ** 0.5)
    verdict = Verdict.WITHIN if error.any() else Verdict.EXACT
    return Judgement(verdict, ratio, excused, borderline=ratio > far_out)
