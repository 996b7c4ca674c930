"""Networks of people's own layers, with and without a loss and an optimizer of their own."""

from typing import Any

import numpy as np
import pytest

from compare.check.check_report import Report
from compare.check.diagnosis import responsible
from compare.check.stages import check_subject
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.interface import Array, Layer
from compare.sides.layered import LayeredSide
from compare.sides.user import user_supplied
from examples.own_network import Linear, ReLU

CONFIG = Config(batch_size=8)


class Sigmoid:
    """Keeps its output, as most do."""

    def forward(self, x: Array) -> Array:
        """Squash every entry."""
        e = np.exp(-np.abs(x))
        self.y = np.where(x < 0, e, 1) / (1 + e)
        return self.y

    def backward(self, dout: Array) -> Array:
        """Return dx."""
        return dout * self.y * (1 - self.y)


class Forgetful(Linear):
    """Leaves its input's gradient untouched by the weight's transpose."""

    def backward(self, dout: Array) -> Array:
        """Return twice dx."""
        return 2 * super().backward(dout)


class Mean:
    """The mean squared error."""

    def forward(self, y: Array, t: Array) -> Any:
        """Return a number."""
        return ((y - t) ** 2).mean()

    def backward(self, y: Array, t: Array) -> Array:
        """Return dy."""
        return 2 * (y - t) / y.size


class Summed(Mean):
    """Its gradient is that of the sum."""

    def backward(self, y: Array, t: Array) -> Array:
        """Return dy of another loss."""
        return 2 * (y - t)


class Descent:
    """Plain gradient descent."""

    def __init__(self, params: dict[str, Array]) -> None:
        self.params = params

    def step(self, grads: dict[str, Array]) -> None:
        """Move every parameter."""
        for name, grad in grads.items():
            self.params[name] -= grad / 64


def network(config: Config, last: type = Linear, **own: Any) -> LayeredSide:
    rng, dtype = np.random.default_rng(config.seed), config.dtype
    layers = {
        Layer("hidden", "Linear", 20, 16): Linear(20, 16, rng, dtype),
        Layer("relu", "ReLU", 16, 16): ReLU(),
        Layer("output", "Linear", 16, 3): last(16, 3, rng, dtype),
        Layer("sigmoid", "Sigmoid", 3, 3): Sigmoid(),
    }
    return LayeredSide("Mine", config, layers, **own)


def plain(config: Config) -> LayeredSide:
    return network(config)


def own(config: Config) -> LayeredSide:
    return network(config, loss=Mean(), optimizer=Descent)


def forgetful(config: Config) -> LayeredSide:
    return network(config, Forgetful)


def another_loss(config: Config) -> LayeredSide:
    return network(config, loss=Summed(), optimizer=Descent)


def judged(name: str, dataset: Dataset) -> Report:
    subject = user_supplied(f"{__name__}:{name}", CONFIG, dataset.train_images)
    return check_subject(subject, CONFIG)


def test_layers_that_keep_what_they_need_pass_every_stage(dataset: Dataset) -> None:
    report = judged("plain", dataset)
    assert report.held, report.sentence
    stages = {finding.stage for finding in report.findings}
    assert stages == {"exact", "rounding", "formula", "network", "step", "optimizer", "trajectory"}


def test_a_loss_and_an_optimizer_of_its_own_are_used_and_not_judged(dataset: Dataset) -> None:
    report = judged("own", dataset)
    assert report.held, report.sentence
    assert report.notes[0] == "Not judged: its own loss, its own optimizer."
    of_its_loss = [f for f in report.findings if f.side == "Mine" and f.operation == "loss.forward"]
    assert not of_its_loss
    assert not [f for f in report.findings if f.side == "Mine" and f.stage == "optimizer"]


def test_a_wrong_layer_is_named(dataset: Dataset) -> None:
    report = judged("forgetful", dataset)
    assert responsible(report.findings, report.description) == "Linear.backward"
    assert "it is 2 times what it should be" in report.sentence


def test_the_gradient_of_its_own_loss_is_judged_by_the_complex_step(dataset: Dataset) -> None:
    failed = [f for f in judged("another_loss", dataset).findings if not f.verdict.held]
    assert {(f.stage, f.operation) for f in failed} >= {("formula", "loss.backward")}
    assert {f.stage for f in failed} == {"formula"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_state_goes_in_and_comes_out_in_the_references_layout(dtype: str) -> None:
    side = plain(Config(dtype=dtype))
    state = side.state()
    assert state["param/hidden.weight"].shape == (16, 20)
    state["param/hidden.weight"][3, 7] = 0.5
    side.load(state)
    assert side.params()["hidden.weight"][7, 3] == 0.5
    assert all(value.dtype == dtype for name, value in side.state().items() if "/" in name)
