"""Every mistake that the check knows is told of a side that makes it."""

from collections.abc import Callable

import numpy as np
import pytest

from compare.check import optimizer
from compare.check.kinds import OPERATIONS
from compare.check.operations import check_operation
from compare.check.optimizer import adam, check_optimizer
from compare.data.config import Config
from compare.sides.interface import Array, Description, Grads, Layer, Operands, State

KNOWN = [
    (kind, tensor, say)
    for kind, operation in OPERATIONS.items()
    for tensor, result in operation.results.items()
    for say in result.mistakes
]
ADAMS = [(kind, say) for kind, mistakes in optimizer.MISTAKES.items() for say in mistakes]
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


class MistakenAdam:
    """Adam, by its definition, but for one tensor of each parameter."""

    def __init__(self, kind: str, make: Make, config: Config) -> None:
        self.kind, self.make, self.config = kind, make, config
        rng = np.random.default_rng(0)
        names = ("param/fc1.weight", "adam.exp_avg/fc1.weight", "adam.exp_avg_sq/fc1.weight")
        self.now: State = {name: np.abs(rng.standard_normal((20, 30))) for name in names}
        self.now["adam.step"] = np.array(3)

    def describe(self) -> Description:
        return Description("Mistaken", (Layer("fc1", "Linear", 30, 20),), "float64", "cpu", 1)

    def load(self, state: State) -> None:
        self.now = dict(state)

    def state(self) -> State:
        return dict(self.now)

    def update(self, grads: Grads) -> State:
        true = adam(self.now, grads, self.config, "float64")
        wide = grads["fc1.weight"].astype(np.longdouble)
        slot = optimizer._slot("fc1.weight", self.now, wide)
        values = {name: bounded.value for name, bounded in true.items()}
        values[f"{self.kind}/fc1.weight"] = self.make(slot, self.config)
        self.now = {name: value.astype(np.float64) for name, value in values.items()}
        self.now["adam.step"] = np.array(slot.t)
        return self.state()


@pytest.mark.parametrize(("kind", "say"), ADAMS)
def test_a_known_mistake_in_adam_is_told(kind: str, say: str) -> None:
    config = Config(dtype="float64")
    side = MistakenAdam(kind, optimizer.MISTAKES[kind][say], config)
    found = check_optimizer(side, config, np.random.default_rng(0))  # type: ignore[arg-type]
    failed = {finding.tensor: finding.detail for finding in found if not finding.verdict.held}
    assert failed == {f"{kind}/fc1.weight": say}
