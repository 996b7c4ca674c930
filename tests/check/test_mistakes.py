"""Every mistake that the check knows of an operation is told of a side that makes it."""

from collections.abc import Callable

import numpy as np
import pytest

from compare.check.kinds import OPERATIONS
from compare.check.operations import check_operation
from compare.sides.interface import Array, Description, Layer, Operands

KNOWN = [
    (kind, tensor, say)
    for kind, operation in OPERATIONS.items()
    for tensor, result in operation.results.items()
    for say in result.mistakes
]
Make = Callable[..., Array]


def layer_of(operation: str) -> Layer:
    kind = operation.partition(".")[0]
    return Layer("layer", kind, 4, 3 if kind == "Linear" else 4)


class Mistaken:
    """One operation, by its definition, but for one result."""

    def __init__(self, operation: str, tensor: str, make: Make) -> None:
        self.operation, self.tensor, self.make = operation, tensor, make

    def describe(self) -> Description:
        return Description("Mistaken", (layer_of(self.operation),), "float64", "cpu", 1)

    def op(self, name: str, operands: Operands) -> Operands:
        defined = OPERATIONS[self.operation].define(**operands)
        results = {tensor: np.asarray(bounded.value) for tensor, bounded in defined.items()}
        return results | {self.tensor: np.asarray(self.make(**operands))}


@pytest.mark.parametrize(("operation", "tensor", "say"), KNOWN)
def test_a_known_mistake_in_an_operation_is_told(operation: str, tensor: str, say: str) -> None:
    rng, layer = np.random.default_rng(0), layer_of(operation)
    state = {
        f"param/layer.{name}": rng.standard_normal(shape)
        for name, shape in layer.parameters.items()
    }
    side = Mistaken(operation, tensor, OPERATIONS[operation].results[tensor].mistakes[say])
    found = list(check_operation(side, "layer.op", operation, layer, state, rng))
    assert {finding.tensor for finding in found if not finding.verdict.held} == {tensor}
    assert say in {finding.detail for finding in found}
