"""Every verdict there is, and what it takes to get it."""

import numpy as np
import pytest

from compare.check import bounds
from compare.check.bounds import Bounded, Finding, Verdict
from compare.check.operations import check_operation
from compare.sides.interface import Description, Layer, Operands

TRUE = np.ones(200, np.float64)
TINY = float(np.finfo(np.float32).smallest_subnormal)


def bounded(value: np.ndarray = TRUE, scale: float = 1.0, roundings: int = 100) -> Bounded:
    """Return a true value, of so many roundings of terms of this size."""
    return Bounded(value, np.full_like(value, scale), roundings)


def changed(change: float, entries: int) -> np.ndarray:
    """Return the true values with so many of them changed."""
    return (TRUE + change * (np.arange(len(TRUE)) < entries)).astype(np.float32)


@pytest.mark.parametrize(
    ("got", "true", "verdict"),
    [
        (changed(0, 0), bounded(), Verdict.EXACT),
        (changed(1e-6, 1), bounded(), Verdict.WITHIN),
        (changed(1e-4, 1), bounded(), Verdict.FAIL),
        (None, bounded(), Verdict.MISSING),
        (changed(0, 0)[:5], bounded(), Verdict.WRONG_SHAPE),
        (TRUE, bounded(), Verdict.WRONG_DTYPE),
        (changed(np.nan, 200), bounded(), Verdict.NOT_FINITE),
        # Nothing but the absolute allowance.
        (TINY * changed(0, 0), bounded(0 * TRUE, 0.0), Verdict.INCONCLUSIVE),
        (TINY * (changed(1, 3) - 1), bounded(0 * TRUE, 0.0), Verdict.INCONCLUSIVE),  # 1.5 %
        (TINY * (changed(1, 2) - 1), bounded(0 * TRUE, 0.0), Verdict.WITHIN),  # 1 %
    ],
)
def test_a_tensor_gets_the_verdict_that_its_numbers_are(
    got: np.ndarray, true: Bounded, verdict: Verdict
) -> None:
    assert bounds.judge(got, true, "float32").verdict is verdict


def test_nothing_is_held_against_agreement_and_what_is_not_offered() -> None:
    assert {verdict for verdict in Verdict if verdict.held} == {
        Verdict.EXACT,
        Verdict.WITHIN,
        Verdict.BORDERLINE,
        Verdict.NOT_OFFERED,
        Verdict.NOTED,
        Verdict.LESS_EXACT,
    }


class Rough:
    """A loss that is a little wrong, for so many calls on random operands."""

    def __init__(self, times: int, excess: float = 0.5) -> None:
        self.times = times
        self.excess = excess

    def describe(self) -> Description:
        """Say who this is: twenty outputs."""
        return Description("Rough", (Layer("fc", "Linear", 20, 20),), "float64", "cpu", threads=1)

    def op(self, name: str, operands: Operands) -> Operands:
        """Sum the squared errors, and add half of what rounding may do at the worst."""
        y, target = (operands[key].astype(np.longdouble) for key in ("y", "target"))
        value = np.square(y - target).sum()
        if np.any(np.rint(y) != y) and np.isfinite(value):  # those of the exact stage are integers
            self.times -= 1
            value += (self.times >= 0) * self.excess * bounds.gamma(y.size + 2, "float64") * value
        return {"value": np.asarray(value, np.float64)}


def judged(side: Rough) -> Finding:
    """Return what the rounding stage finds of it."""
    loss, rng = Layer("loss", "SumSquaredError", 20, 20), np.random.default_rng(0)
    found = check_operation(side, "loss.forward", "SumSquaredError.forward", loss, {}, rng, (32,))
    rounding, far = (one for one in found if one.stage == "rounding")
    assert far.verdict is Verdict.EXACT
    return rounding


@pytest.mark.parametrize(
    ("side", "verdict"),
    [
        (Rough(0), Verdict.WITHIN),
        (Rough(1), Verdict.BORDERLINE),
        (Rough(2), Verdict.FAIL),
        (Rough(1, 2.0), Verdict.FAIL),
    ],
)
def test_what_rounding_hardly_does_is_judged_again_and_off_only_if_it_repeats(
    side: Rough, verdict: Verdict
) -> None:
    assert judged(side).verdict is verdict
