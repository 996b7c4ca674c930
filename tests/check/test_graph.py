"""A network that is no chain, with a kind of its own and a third entry in its batch.

Its kind is in the table of kinds, or defined in torch.
"""

from collections.abc import Iterator
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import pytest
import torch

from compare.check.bounds import Bounded, Finding
from compare.check.definition import Operation, Result, Results
from compare.check.formula import check_formula
from compare.check.kinds import OPERATIONS
from compare.check.network import check_network
from compare.data.batches import Batch
from compare.sides.interface import Array, Description, Layer, Operands, State, Trace, graph

WIDTH, ROWS = 6, 8
LAYERS = (
    Layer("fc1", "Linear", WIDTH, WIDTH),
    Layer("relu1", "ReLU", WIDTH, WIDTH),
    Layer("fc2", "Linear", WIDTH, WIDTH),
    Layer("skip", "Add", WIDTH, WIDTH, ("fc2", "fc1")),
    Layer("draw", "Add", WIDTH, WIDTH, ("skip", "noise")),
)


def add(a: Array, b: Array) -> Results:
    return {"y": Bounded(a + b, np.abs(a) + np.abs(b), 1)}


def add_backward(dy: Array) -> Results:
    nothing = np.zeros_like(dy)
    return {"da": Bounded(dy, nothing, 0), "db": Bounded(dy, nothing, 0)}


ADD = {
    "Add.forward": Operation(add, {"a": "ni", "b": "ni"}, {"y": Result("ni", "a + b", "a + b")}),
    "Add.backward": Operation(
        add_backward,
        {"dy": "ni"},
        {"da": Result("ni", "dy", "dy"), "db": Result("ni", "dy", "dy")},
    ),
}


class Sum(torch.nn.Module):
    """y = x + x2."""

    def forward(self, x: torch.Tensor, x2: torch.Tensor) -> torch.Tensor:
        """Add up."""
        return x + x2


DEFINED: dict[str, Any] = {"Add": lambda layer: Sum()}


@pytest.fixture(autouse=True, params=["table", "torch"])
def a_kind_of_its_own(request: pytest.FixtureRequest) -> Iterator[None]:
    kinds = ADD if request.param == "table" else {}
    with patch.dict(cast(dict[str, Operation], OPERATIONS), kinds):
        yield


class Residual:
    """y = fc2(relu(fc1(x))) + fc1(x) + noise, with its gradients by hand."""

    def __init__(self, dtype: str, *, forgets_the_skip: bool = False) -> None:
        self.dtype, self.forgets = dtype, forgets_the_skip
        rng = np.random.default_rng(0)
        self.params = {
            f"{layer}.{name}": rng.standard_normal(shape).astype(dtype)
            for layer in ("fc1", "fc2")
            for name, shape in LAYERS[0].parameters.items()
        }

    def describe(self) -> Description:
        return Description("Residual", LAYERS, self.dtype, "cpu", 1, definitions=DEFINED)

    def state(self) -> State:
        return {f"param/{name}": value.copy() for name, value in self.params.items()}

    def load(self, state: State) -> None:
        pass

    def op(self, name: str, operands: Operands) -> Operands:
        layer, _ = name.split(".")
        if layer == "loss":
            return {"value": ((operands["y"] - operands["target"]) ** 2).sum()}
        kind = next(of.kind for of in LAYERS if of.name == layer)
        if kind == "Add":
            return {"y": np.add(*operands.values())}
        if kind == "ReLU":
            return {"y": np.where(operands["x"] > 0, operands["x"], 0)}
        return {"y": operands["x"] @ operands["weight"].T + operands["bias"]}

    def observe(self, batch: Batch) -> Trace:
        p, x = self.params, batch["input"]
        fc1 = x @ p["fc1.weight"].T + p["fc1.bias"]
        relu1 = np.maximum(fc1, 0)
        fc2 = relu1 @ p["fc2.weight"].T + p["fc2.bias"]
        skip = fc2 + fc1
        draw = skip + batch["noise"]
        dy = 2 * (draw - batch["target"])
        dfc1 = (dy @ p["fc2.weight"]) * (relu1 > 0) + (0 if self.forgets else dy)
        return {
            **{f"act/{name}": value for name, value in batch.items()},
            "act/fc1": fc1,
            "act/relu1": relu1,
            "act/fc2": fc2,
            "act/skip": skip,
            "act/draw": draw,
            "loss": np.asarray(((draw - batch["target"]) ** 2).sum()),
            "dact/draw": dy,
            "dact/skip": dy,
            "dact/fc2": dy,
            "grad/fc2.weight": dy.T @ relu1,
            "grad/fc2.bias": dy.sum(axis=0),
            "dact/relu1": dy @ p["fc2.weight"],
            "dact/fc1": dfc1,
            "grad/fc1.weight": dfc1.T @ x,
            "grad/fc1.bias": dfc1.sum(axis=0),
        }

    def update(self, grads: Operands) -> State:
        raise NotImplementedError

    def fit(self, batches: object) -> Iterator[float]:
        raise NotImplementedError

    def reconstruct(self, x: Array) -> Array:
        raise NotImplementedError


def judged(side: Residual) -> list[Finding]:
    noisy, clean, noise = np.random.default_rng(1).standard_normal((3, ROWS, WIDTH))
    batch = Batch(noisy, clean, noise=noise).each(lambda array: array.astype(side.dtype))
    found = list(check_network(side, batch, np.random.default_rng(2)))
    if side.dtype == "float64":
        found += check_formula(side, batch, np.random.default_rng(3))
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_right_network_passes_and_every_tensor_of_it_is_judged(dtype: str) -> None:
    found = judged(Residual(dtype))
    assert all(f.verdict.held for f in found)
    network = [f.tensor for f in found if f.stage == "network"]
    assert set(network) == set(Residual(dtype).observe(batch_of(dtype)))


def batch_of(dtype: str) -> Batch:
    zeros = np.zeros((ROWS, WIDTH), dtype)
    return Batch(zeros, zeros, noise=zeros)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_that_lacks_one_of_two_ways_fails_and_all_before_it_passes(dtype: str) -> None:
    found = judged(Residual(dtype, forgets_the_skip=True))
    wrong = {f.tensor for f in found if not f.verdict.held}
    assert wrong == {"dact/fc1", "grad/fc1.weight", "grad/fc1.bias"}


def test_nothing_said_is_the_layer_before() -> None:
    inputs = {layer.name: layer.inputs for layer in graph(LAYERS)}
    assert inputs == {
        "fc1": ("input",),
        "relu1": ("fc1",),
        "fc2": ("relu1",),
        "skip": ("fc2", "fc1"),
        "draw": ("skip", "noise"),
    }
