"""Every mistake that the check knows of an operation is told of a side that makes it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare.check.kinds import OPERATIONS
from compare.check.operations import check_operation
from compare.sides.interface import Description, Layer, Operands

KNOWN = [
    (kind, tensor, say)
    for kind, operation in OPERATIONS.items()
    for tensor, result in operation.results.items()
    for say in result.mistakes
]
SQUARE = ("the weight is not transposed", "the weight is transposed")  # of a square weight alone
Make = Callable[..., Any]  # an array, of operands with which the mistake can be made


def layer_of(operation: str, say: str) -> Layer:
    kind = operation.partition(".")[0]
    return Layer("layer", kind, 4, 3 if kind == "Linear" and say not in SQUARE else 4)


class Mistaken:
    """One operation of a layer, by its definition, but for one result."""

    def __init__(self, operation: str, layer: Layer, tensor: str, make: Make) -> None:
        self.operation, self.layer, self.tensor, self.make = operation, layer, tensor, make

    def describe(self) -> Description:
        return Description("Mistaken", (self.layer,), "float64", "cpu", 1)

    def op(self, name: str, operands: Operands) -> Operands:
        defined = OPERATIONS[self.operation].define(**operands)
        results = {tensor: np.asarray(bounded.value) for tensor, bounded in defined.items()}
        return results | {self.tensor: np.asarray(self.make(**operands))}


@pytest.mark.parametrize(("operation", "tensor", "say"), KNOWN)
def test_a_known_mistake_in_an_operation_is_told(operation: str, tensor: str, say: str) -> None:
    rng, layer = np.random.default_rng(0), layer_of(operation, say)
    state = {
        f"param/layer.{name}": rng.standard_normal(shape)
        for name, shape in layer.parameters.items()
    }
    make = OPERATIONS[operation].results[tensor].mistakes[say]
    side = Mistaken(operation, layer, tensor, make)
    found = list(check_operation(side, "layer.op", operation, layer, state, rng, (8, 3)))
    assert {finding.tensor for finding in found if not finding.verdict.held} == {tensor}
    assert say in {finding.detail for finding in found}
