"""The gradients of a whole loss against its complex step: no reference and no rule is needed.

One random direction for each operand; `formula` says why this works. What a function does to
complex numbers may be no longer analytic, and not all such functions are known to `analytic`. So
where its derivative is neither that of its gradients nor the reference's, nothing is said of it.
"""

from collections.abc import Callable, Mapping

import numpy as np

from compare.check.analytic import analytic
from compare.check.bounds import Verdict
from compare.check.formula import STEP, TOLERANCE
from compare.sides.interface import Array


def complex_step(
    loss: Callable[[dict[str, Array]], complex],
    operands: Mapping[str, Array],
    gradients: Mapping[str, tuple[Array, Array, Array]],
    rng: np.random.Generator,
) -> dict[str, tuple[Verdict, float]]:
    """Judge gradients, by operand: what came, what the reference has, how far off it may be."""
    found = {}
    for name, (got, true, allowed) in gradients.items():
        along = rng.standard_normal(got.shape)
        step = loss({**operands, name: analytic(operands[name] + 1j * STEP * along)}).imag / STEP
        terms = TOLERANCE * float(np.abs(got * along).sum())
        most = terms + float((allowed * np.abs(along)).sum())
        ratio, other = (abs(step - float((x * along).sum())) / most for x in (got, true))
        verdict = Verdict.FAIL if other <= 1 else Verdict.NOT_JUDGED
        found[name] = (Verdict.WITHIN if ratio <= 1 else verdict), ratio
    return found
