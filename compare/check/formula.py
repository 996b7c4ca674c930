"""Stage formula: gradients by hand against complex-step derivatives; no second framework is needed.

f(x + i h v) = f(x) + i h ∇f·v + O(h²), so the imaginary part over h is the derivative along v, and
since nothing is subtracted, h can be so small that the error term vanishes. Squire and Trapp, Using
complex variables to estimate derivatives of real functions (SIAM Review, 1998). A complex number is
ordered by its real part, and so takes the branch of a ReLU that its real part takes.
"""

from collections.abc import Iterator

import numpy as np

from compare.check.bounds import Finding, Judgement, Verdict, finding, unusable
from compare.check.kinds import OPERATIONS
from compare.data.batches import Batch
from compare.sides.interface import Array, Operands, Side, observed

STEP = 1e-30
DIRECTIONS = 2  # random ones, for every tensor
ENTRIES = 3  # single ones, for every tensor
TOLERANCE = 1e-12  # of the derivative's absolute terms: some 5,000 u, for about as many roundings


def check_formula(side: Side, batch: Batch, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge the gradients of one observed step, in float64, of every activation and parameter."""
    who, state = side.describe(), side.state()
    trace = observed(side, batch)

    def found(operation: str, tensor: str, verdict: Verdict, ratio: float = np.inf) -> Finding:
        return finding("formula", who, operation, tensor, Judgement(verdict, ratio))

    names = ["input", *(layer.name for layer in who.layers)]
    for name in ("target", *names):
        if f"act/{name}" not in trace:
            yield found("observe", f"act/{name}", Verdict.MISSING)
            return
    acts = [trace[f"act/{name}"] for name in names]
    target = trace["act/target"].astype(np.complex128)

    def derivative(start: int, x: Array, replaced: Operands) -> tuple[float, float]:
        """Return the derivative of the loss from layer `start` on, and the terms of its slopes.

        x enters that layer, and its operands are replaced as given. Where a slope is a difference,
        its terms may cancel: what is left is as exact as they are, not as it is itself.
        """
        x, terms = replaced.get("x", x).astype(np.complex128), 0.0
        for i, layer in enumerate(who.layers[start:]):
            operands = {"x": x}
            for key in layer.parameters:
                value = replaced.get(key) if i == 0 else None
                own = state[f"param/{layer.name}.{key}"]
                operands[key] = (own if value is None else value).astype(np.complex128)
            y = side.op(f"{layer.name}.forward", operands)["y"]
            if slope_terms := OPERATIONS[f"{layer.kind}.backward"].slope_terms:
                moved = trace[f"dact/{layer.name}"] * slope_terms(y.real) * x.imag
                terms += float(np.abs(moved).sum()) / STEP
            x = y
        loss = side.op("loss.forward", {"y": x, "target": target})["value"]
        return float(loss.imag) / STEP, terms

    def judge(start: int, value: Array, operand: str, tensor: str, made_by: str) -> Finding:
        gradient = trace.get(tensor)
        if gradient is None:
            return found(made_by, tensor, Verdict.MISSING)
        if trouble := unusable(gradient, value.shape, gradient.dtype.name):
            return found(made_by, tensor, trouble)
        directions = [rng.standard_normal(value.shape) for _ in range(DIRECTIONS)]
        for index in rng.integers(value.size, size=ENTRIES):
            entry = np.zeros(value.size)
            entry[index] = 1
            directions.append(entry.reshape(value.shape))
        ratio = 0.0
        for direction in directions:
            moved = {operand: value + 1j * STEP * direction}
            true, slope_terms = derivative(start, acts[start], moved)
            along = gradient * direction
            # For a single entry the terms are those of its sum over the batch, about as large as
            # the largest entry.
            largest = float(np.abs(gradient).max()) * float(np.abs(direction).max())
            terms = max(float(np.abs(along).sum()), largest, slope_terms, abs(true))
            if error := abs(true - float(along.sum())):
                ratio = max(ratio, error / (TOLERANCE * terms))
        return found(made_by, tensor, Verdict.WITHIN if ratio <= 1 else Verdict.FAIL, ratio)

    made_by = "loss.backward"
    for i, layer in reversed(list(enumerate(who.layers))):  # in the order in which they come about
        yield judge(i + 1, acts[i + 1], "x", f"dact/{layer.name}", made_by)
        made_by = f"{layer.name}.backward"
        for key in layer.parameters:
            name = f"{layer.name}.{key}"
            yield judge(i, state[f"param/{name}"], key, f"grad/{name}", made_by)
