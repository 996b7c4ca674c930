"""Stage formula: gradients by hand against complex-step derivatives; no second framework is needed.

f(x + i h v) = f(x) + i h ∇f·v + O(h²), so the imaginary part over h is the derivative along v, and
since nothing is subtracted, h can be so small that the error term vanishes. Squire and Trapp, Using
complex variables to estimate derivatives of real functions (SIAM Review, 1998). A complex number is
ordered by its real part, and so takes the branch of a ReLU that its real part takes.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from compare.check.analytic import analytic
from compare.check.bounds import Finding, Judgement, Verdict, finding, unusable
from compare.check.kinds import OPERATIONS, in_table, taken
from compare.check.miscalled import miscalled
from compare.data.batches import Batch
from compare.sides.interface import (
    Array,
    Description,
    Layer,
    Operands,
    Side,
    between_operations,
    observed,
    with_loss,
)

STEP = 1e-30
DIRECTIONS = 2  # random ones, for every tensor
ENTRIES = 3  # single ones, for every tensor
TOLERANCE = 1e-12  # of the derivative's absolute terms: some 5,000 u, for about as many roundings


def check_formula(side: Side, batch: Batch, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge the gradients of one observed step, in float64, of every activation and parameter."""
    who, state = side.describe(), side.state()
    trace = observed(side, batch)
    values = trace | state  # the state is that before the step

    def found(
        operation: str, tensor: str, verdict: Verdict, ratio: float = np.inf, detail: str = ""
    ) -> Finding:
        return finding("formula", who, operation, tensor, Judgement(verdict, ratio), detail)

    nodes = with_loss(who)
    lowered = {"loss": 1.0, **who.terms}  # by training, each times its weight
    between = [layer for layer in nodes if layer.name not in lowered]
    slopes = (f"dact/{layer.name}" for layer in between if _is_a_difference(layer))
    acts = (f"act/{name}" for name in (*batch, *(layer.name for layer in who.layers)))
    for name in (*acts, *slopes):
        if name not in trace:
            yield found("observe", name, _absent(name, who), 0.0)
            return

    def derivative(moved: str, value: Array) -> tuple[float, float]:
        """Return the loss's derivative as one tensor moves, and the terms of the slopes on the way.

        Only what the tensor reaches is computed again. Where a slope is a difference, its terms may
        cancel: what is left is as exact as they are, not as it is itself.
        """
        at, terms = {moved: value}, 0.0
        for layer in nodes:
            sources = {operand: f"act/{source}" for operand, source in taken(layer).items()}
            sources |= {key: f"param/{layer.name}.{key}" for key in layer.parameters}
            if not at.keys() & sources.values():
                continue
            operands: Operands = {
                operand: analytic(at[name] if name in at else values[name])
                for operand, name in sources.items()
            }
            (y,) = map(np.asarray, side.op(f"{layer.name}.forward", operands).values())
            at[f"act/{layer.name}"] = y
            if not in_table(layer) and not np.iscomplexobj(y):
                raise TypeError(f"{layer.name}.forward returned {y.dtype} for complex operands")
            if layer.name not in lowered and _is_a_difference(layer):
                dy, moves = trace[f"dact/{layer.name}"], [x.imag for x in operands.values()]
                terms += _slope_terms(layer, dy, y.real, moves) / STEP
        moved_by = ((weight, at.get(f"act/{name}")) for name, weight in lowered.items())
        along = sum(weight * float(of.imag) for weight, of in moved_by if of is not None)
        return along / STEP, terms

    def judge(moved: str, tensor: str, layer: Layer, result: str) -> Finding:
        gradient, value, made_by = trace.get(tensor), values[moved], f"{layer.name}.backward"
        if gradient is None:
            return found(made_by, tensor, _absent(tensor, who), 0.0)
        if trouble := unusable(gradient, value.shape, gradient.dtype.name):
            return finding("formula", who, made_by, tensor, trouble)
        directions = [rng.standard_normal(value.shape) for _ in range(DIRECTIONS)]
        for index in rng.integers(value.size, size=ENTRIES):
            entry = np.zeros(value.size)
            entry[index] = 1
            directions.append(entry.reshape(value.shape))
        ratio = 0.0
        for direction in directions:
            true, slope_terms = derivative(moved, value + 1j * STEP * direction)
            along = gradient * direction
            # For a single entry the terms are those of its sum over the batch, about as large as
            # the largest entry.
            largest = float(np.abs(gradient).max()) * float(np.abs(direction).max())
            terms = max(float(np.abs(along).sum()), largest, slope_terms, abs(true))
            off = abs(true - float(along.sum())) / (TOLERANCE * terms) if terms else 0.0
            if off > 1:
                behind, _ = derivative(moved, value - 1j * STEP * direction)
                if abs(true + behind) > TOLERANCE * terms:
                    continue  # a kink: the derivative is another one the other way
            ratio = max(ratio, off)
        if ratio <= 1:
            return found(made_by, tensor, Verdict.WITHIN, ratio)
        # Of several ways that a gradient comes by, one layer's call is not all.
        alone = sum(moved.removeprefix("act/") in node.inputs for node in nodes) < 2
        how = miscalled(side, layer, result, gradient, trace) if alone else ""
        return found(made_by, tensor, Verdict.FAIL, ratio, how)

    for i, layer in reversed(list(enumerate(nodes[:-1]))):  # in the order in which they come about
        if layer.name in who.terms:  # what its gradient is, is its weight
            continue
        (last, *_) = (node for node in nodes[i + 1 :] if layer.name in node.inputs)
        operand = next(of for of, source in taken(last).items() if source == layer.name)
        yield judge(f"act/{layer.name}", f"dact/{layer.name}", last, f"d{operand}")
        for key in layer.parameters:
            name = f"{layer.name}.{key}"
            yield judge(f"param/{name}", f"grad/{name}", layer, f"d{key}")


def _is_a_difference(layer: Layer) -> bool:
    """Return whether the terms of a layer's slope may cancel; of a kind of its own they may."""
    return not in_table(layer) or bool(OPERATIONS[f"{layer.kind}.backward"].slope_terms)


def _slope_terms(layer: Layer, dy: Array, y: Array, moves: Sequence[Array]) -> float:
    """Return the absolute terms of what a layer's slopes make of its operands' moves.

    Those of a kind of its own are not known, and taken as one. Those of tanh are 1 and y²; they are
    of that order in softmax, too.
    """
    if in_table(layer):
        terms = OPERATIONS[f"{layer.kind}.backward"].slope_terms
        return float(np.abs(dy * terms(y) * moves[0]).sum()) if terms else 0.0
    return float(np.abs(dy).max()) * sum(float(np.abs(move).sum()) for move in moves)


def _absent(tensor: str, who: Description) -> Verdict:
    return Verdict.NOT_OFFERED if between_operations(tensor, who.layers) else Verdict.MISSING
