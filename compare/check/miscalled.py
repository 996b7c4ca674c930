"""How an operation that is right alone was called in a step: not at all, or with later weights."""

import numpy as np

from compare.check.bounds import norm
from compare.check.kinds import OPERATIONS, in_table, taken
from compare.check.mistakes import EXPLAINED
from compare.sides.interface import Array, Layer, Side, Trace


def miscalled(side: Side, layer: Layer, result: str, got: Array, trace: Trace) -> str:
    """Say how a layer's backward came to a wrong result in a step, or nothing.

    `trace` is the step's, with the parameters as they are after it.
    """
    name = f"{layer.name}.backward"
    at = {"dy": f"dact/{layer.name}", "y": f"act/{layer.name}"}
    at |= {operand: f"act/{source}" for operand, source in taken(layer).items()}
    at |= {key: f"param/{layer.name}.{key}" for key in layer.parameters}
    if layer.name == "loss" or not in_table(layer):
        return ""
    needed = OPERATIONS[f"{layer.kind}.backward"].operands
    if not all(at[of] in trace for of in needed):
        return ""
    operands = {of: trace[at[of]] for of in needed}
    if not layer.parameters:
        return f"{name} is left out" if np.array_equal(got, operands["dy"]) else ""
    later = side.op(name, operands).get(result, np.zeros(0))
    if later.shape == got.shape and norm(later - got) <= EXPLAINED * norm(got):
        return f"{name} is called with the weights that the step has updated"
    return ""
