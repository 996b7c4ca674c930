"""Stage 1, formula: hand-written gradients against complex-step derivatives of the loss. It needs no second framework.

f(x + i h v) = f(x) + i h ∇f·v + O(h²), so the imaginary part over h is the derivative along v, and
since nothing is subtracted, h can be so small that the error term vanishes. Squire and Trapp, Using
complex variables to estimate derivatives of real functions (SIAM Review, 1998). A complex number is
ordered by its real part, and so takes the branch of a ReLU that its real part takes.
"""

from collections.abc import Iterator

import numpy as np

from compare.check.bounds import Finding, Verdict
from compare.data.batches import Batch
from compare.sides.interface import Array, Description, Operands, Side, State, Trace

STEP = 1e-30
DIRECTIONS = 2  # random ones, for every tensor
ENTRIES = 3  # single ones, for every tensor
TOLERANCE = 1e-12  # of the sum of the derivative's absolute terms: some 5,000 u, for chains of about as many roundings


def check_formula(side: Side, batch: Batch, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge the gradients of one observed step, in float64, of every activation and every parameter."""
    who, before = side.describe(), side.state()
    trace = side.observe(batch)
    side.load(before)
    needed = ("target", "input", *(layer.name for layer in who.layers))
    if missing := [f"act/{name}" for name in needed if f"act/{name}" not in trace]:
        yield Finding(
            "formula", who.name, who.dtype, "observe", missing[0], Verdict.MISSING, np.inf
        )
        return
    chain = _Chain(side, who, before, trace)
    made_by = "loss.backward"
    for i, layer in reversed(
        list(enumerate(who.layers))
    ):  # in the order in which gradients come about
        y, gradient = trace[f"act/{layer.name}"], trace.get(f"dact/{layer.name}")
        yield _judge(chain, i + 1, y, y, "x", gradient, f"dact/{layer.name}", made_by, rng)
        x = trace["act/input"] if i == 0 else trace[f"act/{who.layers[i - 1].name}"]
        made_by = f"{layer.name}.backward"
        if layer.kind == "Linear":
            for kind in ("weight", "bias"):
                name = f"{layer.name}.{kind}"
                value, gradient = before[f"param/{name}"], trace.get(f"grad/{name}")
                yield _judge(chain, i, x, value, kind, gradient, f"grad/{name}", made_by, rng)


class _Chain:
    """The loss as a function of what enters one layer, or of its weight or bias, in complex numbers."""

    def __init__(self, side: Side, who: Description, state: State, trace: Trace) -> None:
        self.side, self.who, self.state, self.trace = side, who, state, trace
        self.target = trace["act/target"].astype(np.complex128)

    def derivative(self, start: int, x: Array, replaced: Operands) -> tuple[float, float]:
        """Return the derivative of the loss from layer `start` on, and what its sigmoids leave of its absolute terms.

        x enters that layer, and its operands are replaced as given. A sigmoid's slope is y (1 − y),
        the difference of y and y²: where y is near 1 they cancel, and what is left is as exact as
        they are, not as it is itself.
        """
        x = replaced.get("x", x).astype(np.complex128)
        terms = 0.0
        for i, layer in enumerate(self.who.layers[start:]):
            operands = {"x": x}
            if layer.kind == "Linear":
                operands |= {
                    kind: self.state[f"param/{layer.name}.{kind}"] for kind in ("weight", "bias")
                }
            operands |= {kind: value for kind, value in replaced.items() if i == 0 and kind != "x"}
            complex_operands = {
                kind: value.astype(np.complex128) for kind, value in operands.items()
            }
            y = self.side.op(f"{layer.name}.forward", complex_operands)["y"]
            if layer.kind == "Sigmoid":
                slope_terms = y.real + y.real**2
                terms += (
                    float(np.abs(self.trace[f"dact/{layer.name}"] * slope_terms * x.imag).sum())
                    / STEP
                )
            x = y
        loss = self.side.op("loss.forward", {"y": x, "target": self.target})["value"]
        return float(loss.imag) / STEP, terms


def _judge(
    chain: _Chain, start: int, x: Array, value: Array, operand: str, gradient: Array | None, tensor: str,
    operation: str, rng: np.random.Generator,
) -> Finding:  # fmt: skip
    who = chain.who
    if gradient is None or gradient.shape != value.shape:
        verdict = Verdict.MISSING if gradient is None else Verdict.WRONG_SHAPE
        return Finding("formula", who.name, who.dtype, operation, tensor, verdict, np.inf)
    if not np.isfinite(gradient).all():
        return Finding(
            "formula", who.name, who.dtype, operation, tensor, Verdict.NOT_FINITE, np.inf
        )
    directions = [rng.standard_normal(value.shape) for _ in range(DIRECTIONS)]
    for index in rng.integers(value.size, size=ENTRIES):
        direction = np.zeros(value.size)
        direction[index] = 1
        directions.append(direction.reshape(value.shape))
    ratio = 0.0
    for direction in directions:
        derivative, sigmoid_terms = chain.derivative(
            start, x, {operand: value + 1j * STEP * direction}
        )
        claimed = float((gradient * direction).sum())
        # For a single entry the terms are those of its sum over the batch, about as large as the
        # largest entry.
        terms = max(
            float(np.abs(gradient * direction).sum()),
            float(np.abs(gradient).max()) * np.abs(direction).max(),
        )
        error = abs(derivative - claimed)
        ratio = max(
            ratio,
            error / (TOLERANCE * max(terms, sigmoid_terms, abs(derivative))) if error else 0.0,
        )
    verdict = Verdict.WITHIN if ratio <= 1 else Verdict.FAIL
    return Finding("formula", who.name, who.dtype, operation, tensor, verdict, ratio)
