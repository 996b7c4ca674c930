"""Networks with kinds that the table lacks are judged by their definitions in torch."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from compare.check.bounds import Finding
from compare.check.diagnosis import responsible, sentence
from compare.check.formula import check_formula
from compare.check.network import check_network
from compare.check.own_operations import check_own_operations
from compare.check.stages import check_subject
from compare.data.batches import Batch
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.sides.interface import Array, Trace
from compare.sides.layered import LayeredSide
from compare.sides.user import user_supplied
from examples.own_kinds import CrossEntropy, LayerNorm, Tanh
from tests import own_kinds
from tests.own_kinds import Conv, MaxPool

ROWS = 24
Make = Callable[[Config], LayeredSide]
NETWORKS = [own_kinds.perceptron, own_kinds.classifier, own_kinds.convolutional]


def judged(make: Make, dtype: str, seed: int = 0) -> tuple[LayeredSide, list[Finding]]:
    """Return a network, and what three stages find of it."""
    side = make(Config(dtype=dtype, seed=seed))
    layers, rng = side.describe().layers, np.random.default_rng(seed)
    noisy = rng.standard_normal((ROWS, layers[0].in_features))
    clean = rng.dirichlet(np.ones(layers[-1].out_features), ROWS)
    batch = Batch(noisy, clean).each(lambda x: x.astype(dtype))
    findings = list(check_own_operations(side, rng, 5))
    if dtype == "float64":
        findings += check_formula(side, batch, rng)
    return side, [*findings, *check_network(side, batch, rng)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", NETWORKS)
def test_a_right_network_passes_and_every_tensor_of_it_is_judged(make: Make, dtype: str) -> None:
    for seed in range(3):
        side, findings = judged(make, dtype, seed)
        assert all(f.verdict.held for f in findings), sentence(findings, side.describe())
    network = {f.tensor for f in findings if f.stage == "network"}
    assert network == set(side.observe(Batch(*_zeros(side)))) - set(side.state())


def _zeros(side: LayeredSide) -> tuple[Array, Array]:
    layers, dtype = side.describe().layers, side.describe().dtype
    return np.zeros((1, layers[0].in_features), dtype), np.zeros(
        (1, layers[-1].out_features), dtype
    )


@pytest.mark.parametrize("make", NETWORKS)
def test_every_stage_judges_it(make: Make, dataset: Dataset) -> None:
    config = Config(batch_size=8)
    name = f"{make.__module__}:{make.__name__}"
    subject = user_supplied(name, config, dataset.train_images)
    report = check_subject(subject, config)
    assert report.held, report.sentence
    assert {f.operation for f in report.findings if f.stage == "rounding"} >= {
        f"{layer.name}.{way}"
        for layer in report.description.layers
        for way in ("forward", "backward")
    }
    assert {f.stage for f in report.findings} >= {"formula", "network", "step", "trajectory"}


def test_without_torch_its_kinds_are_judged_by_the_complex_step_alone(dataset: Dataset) -> None:
    config = Config(batch_size=8)
    subject = user_supplied("examples.own_kinds:make", config, dataset.train_images)
    report = check_subject(subject, config, torch=False)
    assert report.held
    assert report.notes[0] == (
        "Not judged: stage network and, alone, norm, tanh, loss: torch defines their kinds."
    )
    of_norm = {f.stage for f in report.findings if f.operation == "norm.backward"}
    assert of_norm == {"formula"}
    assert "network" not in {f.stage for f in report.findings}


def tanh_of_y(self: Tanh, dout: Array) -> Array:
    return dout * (1 - np.tanh(self.y) ** 2)


def tanh_no_square(self: Tanh, dout: Array) -> Array:
    return dout * (1 - self.y)


def tanh_a_little(self: Tanh, dout: Array) -> Array:
    return dout * (1 - self.y**2) * dout.dtype.type(1.0001)


right_norm = LayerNorm.forward
right_back = LayerNorm.backward


def unbiased(self: LayerNorm, x: Array) -> Array:
    y = right_norm(self, x)
    factor = x.dtype.type(((x.shape[1] - 1) / x.shape[1]) ** 0.5)
    self.normed, self.std = self.normed * factor, self.std / factor
    return (y - self.bias) * factor + self.bias


def norm_without_the_mean(self: LayerNorm, dout: Array) -> Array:
    right_back(self, dout)
    d = dout * self.weight
    return (d - self.normed * (d * self.normed).mean(axis=1, keepdims=True)) / self.std


def norm_of_the_bias(self: LayerNorm, dout: Array) -> Array:
    dx = right_back(self, dout)
    self.dweight = dout.sum(axis=0)
    return dx


def mean_entropy(self: CrossEntropy, y: Array, target: Array) -> Any:
    return right_entropy(self, y, target) / y.dtype.type(len(y))


right_entropy, right_softmax = CrossEntropy.forward, CrossEntropy.backward


def mean_softmax(self: CrossEntropy, y: Array, target: Array) -> Array:
    return right_softmax(self, y, target) / y.dtype.type(len(y))


def logits(self: CrossEntropy, y: Array, target: Array) -> Array:
    return y - target


right_conv, right_conv_back = Conv.forward, Conv.backward


def turned(self: Conv, x: Array) -> Array:
    weight = self.weight
    self.weight = weight[:, :, ::-1, ::-1]
    y = right_conv(self, x)
    self.weight = weight
    return y


def turned_back(self: Conv, dout: Array) -> Array:
    dx = right_conv_back(self, dout)
    return np.ascontiguousarray(dx[:, ::-1])


def one_position(self: Conv, dout: Array) -> Array:
    dx = right_conv_back(self, dout)
    self.dbias = self.dbias / dout.dtype.type(own_kinds.OUT**2)
    return dx


def always_the_first(self: MaxPool, dout: Array) -> Array:
    return np.stack([dout, 0 * dout], axis=2).reshape(len(dout), -1)


def to_both(self: MaxPool, dout: Array) -> Array:
    return np.repeat(dout, 2, axis=1)


FAULTS: list[tuple[Make, type, str, Any, str]] = [
    (own_kinds.perceptron, Tanh, "backward", tanh_of_y, "Tanh.backward"),
    (own_kinds.perceptron, Tanh, "backward", tanh_no_square, "Tanh.backward"),
    (own_kinds.perceptron, Tanh, "backward", tanh_a_little, "Tanh.backward"),
    (own_kinds.perceptron, LayerNorm, "forward", unbiased, "LayerNorm.forward"),
    (own_kinds.perceptron, LayerNorm, "backward", norm_without_the_mean, "LayerNorm.backward"),
    (own_kinds.classifier, LayerNorm, "backward", norm_of_the_bias, "LayerNorm.backward"),
    (own_kinds.classifier, CrossEntropy, "forward", mean_entropy, "CrossEntropy.forward"),
    (own_kinds.classifier, CrossEntropy, "backward", mean_softmax, "CrossEntropy.backward"),
    (own_kinds.classifier, CrossEntropy, "backward", logits, "CrossEntropy.backward"),
    (own_kinds.convolutional, Conv, "forward", turned, "Conv.forward"),
    (own_kinds.convolutional, Conv, "backward", turned_back, "Conv.backward"),
    (own_kinds.convolutional, Conv, "backward", one_position, "Conv.backward"),
    (own_kinds.convolutional, MaxPool, "backward", always_the_first, "MaxPool.backward"),
    (own_kinds.convolutional, MaxPool, "backward", to_both, "MaxPool.backward"),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("make", "owner", "method", "wrong", "named"), FAULTS, ids=[of[3].__name__ for of in FAULTS]
)
def test_a_fault_is_caught_in_the_network_and_named(
    make: Make,
    owner: type,
    method: str,
    wrong: Any,
    named: str,
    dtype: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(owner, method, wrong)
    side, findings = judged(make, dtype)
    stages = {f.stage for f in findings if not f.verdict.held}
    # No training computes the gradient of the first layer's input.
    assert stages >= {"rounding"} | ({"network"} if wrong is not turned_back else set())
    assert responsible(findings, side.describe()) == named


def skips_relu(side: LayeredSide, batch: Batch) -> Trace:
    trace = right_observe(side, batch)
    return trace | {"dact/conv": trace["dact/relu"]}


def adds_up_twice(side: LayeredSide, batch: Batch) -> Trace:
    trace = right_observe(side, batch)
    return trace | {"grad/norm.weight": 2 * trace["grad/norm.weight"]}


right_observe = LayeredSide.observe


@pytest.mark.parametrize(
    ("make", "wrong", "tensor"),
    [
        (own_kinds.convolutional, skips_relu, "dact/conv"),
        (own_kinds.classifier, adds_up_twice, "grad/norm.weight"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_operations_that_are_right_alone_and_wrongly_put_together_are_told(
    make: Make, wrong: Any, tensor: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LayeredSide, "observe", wrong)
    _, findings = judged(make, dtype)
    assert {f.tensor for f in findings if not f.verdict.held} == {tensor}
    assert {f.stage for f in findings if not f.verdict.held} <= {"formula", "network"}


def unlike(make: Any) -> Make:
    """Return the perceptron with another definition of tanh."""

    def network(config: Config) -> LayeredSide:
        side = own_kinds.perceptron(config)
        side.who = replace(side.who, definitions={**side.who.definitions, "Tanh": make})
        return side

    return network


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda layer: 3, "the definition of Tanh must be a module of torch's, not int"),
        (lambda layer: 1 / 0, "the definition of Tanh raised ZeroDivisionError: division by zero"),
        (lambda layer: torch.nn.Dropout(), "Dropout draws a random mask"),
        (
            lambda layer: torch.nn.Linear(8, 8),
            "layer 'tanh' says shapes=(), and the definition of Tanh has (('weight', (8, 8)), "
            "('bias', (8,))); say these",
        ),
        (
            lambda layer: torch.nn.Flatten(0),
            "the definition of Tanh returned (192,) for layer 'tanh'; (24, 8) is needed",
        ),
        (lambda layer: torch.nn.Bilinear(8, 8, 8, bias=False), "layer 'tanh' says shapes=()"),
        (lambda layer: torch.nn.AvgPool2d(2), "the definition of Tanh raised IndexError"),
    ],
)
def test_a_definition_that_cannot_be_used_is_told_in_one_line(make: Any, said: str) -> None:
    side = unlike(make)(Config())
    batch = Batch(np.ones((ROWS, 10), np.float32), np.ones((ROWS, 4), np.float32))
    with pytest.raises(UserError, match=f"^{re.escape(said)}.*$"):
        list(check_network(side, batch, np.random.default_rng(0)))
