"""Networks that go wrong between their operations, each told as what it is; right ones pass."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare.check.check_report import Report
from compare.check.stages import check_subject
from compare.data.batches import Batch
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.interface import Array, Grads, Layer, State, Trace, under_prefix, with_prefix
from compare.sides.layered import LayeredSide
from compare.sides.user import user_supplied
from examples import own_side
from examples.own_network import Linear, ReLU

CONFIG = Config(batch_size=8)


class ByHand(own_side.Network):
    """Goes back through its layers line by line, the last layer's update included."""

    early = False  # the last layer is updated before its input's gradient is taken
    skips = False  # the ReLU's backward is forgotten
    adds = False  # gradients are added to those of the step before

    def observe(self, batch: Batch) -> Trace:
        weights = under_prefix("param", self.now)
        hidden, active, y = self.forward(batch.noisy)
        dy = own_side.loss_backward(y, batch.clean)["dy"]
        last = own_side.linear_backward(dy, active, weights["output.weight"])
        grads = {"output.weight": last["dweight"], "output.bias": last["dbias"]}
        dactive = last["dx"]
        if self.early:
            self.now["adam.step"] = self.update(grads)["adam.step"] - 1
            grads, dactive = {}, dy @ self.now["param/output.weight"]
        dhidden = dactive if self.skips else own_side.relu_backward(dactive, active)["dx"]
        first = own_side.linear_backward(dhidden, batch.noisy, weights["hidden.weight"])
        grads |= {"hidden.weight": first["dweight"], "hidden.bias": first["dbias"]}
        if self.adds:
            kept = getattr(self, "kept", dict.fromkeys(grads, 0))
            grads = self.kept = {name: grad + kept[name] for name, grad in grads.items()}
        shown = {"output.weight": last["dweight"], "output.bias": last["dbias"], **grads}
        return {
            "act/target": batch.clean,
            "act/input": batch.noisy,
            "act/hidden": hidden,
            "act/relu": active,
            "act/output": y,
            "loss": own_side.loss(y, batch.clean)["value"],
            "dact/output": dy,
            "dact/relu": dactive,
            "dact/hidden": dhidden,
            **with_prefix("grad", shown),
            **self.update(grads),
        }


class Centres(own_side.Network):
    """Takes the mean from its batch, in place."""

    def observe(self, batch: Batch) -> Trace:
        batch.noisy[...] -= batch.noisy.mean(axis=0)
        return super().observe(batch)


class Widens(own_side.Network):
    """One np.float64 among its numbers, which NumPy 2 does not ignore."""

    def update(self, grads: Grads) -> State:
        return super().update({name: grad / np.float64(1) for name, grad in grads.items()})


class Drops(own_side.Network):
    """Trains on half of each batch."""

    def fit(self, batches: Any) -> Any:
        return super().fit(batch.each(lambda x: x[: len(x) // 2]) for batch in batches)


class WideMoments(own_side.Network):
    """Its moments are np.zeros(shape)."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        wide = {name: of.astype(float) for name, of in self.now.items() if "exp_avg" in name}
        self.now |= wide


class Sigmoid:
    """The slope as y − y²."""

    def forward(self, x: Array) -> Array:
        e = np.exp(-np.abs(x))
        self.y = np.where(x < 0, e, 1) / (1 + e)
        return self.y

    def backward(self, dout: Array) -> Array:
        return dout * (self.y - self.y**2)


class SquaredNorm:
    """The summed squared error as the square of a distance."""

    def forward(self, y: Array, t: Array) -> Any:
        return np.linalg.norm(y - t) ** 2

    def backward(self, y: Array, t: Array) -> Array:
        return 2 * y - 2 * t


def other_ways(config: Config) -> LayeredSide:
    rng = np.random.default_rng(config.seed)
    layers = {
        Layer("hidden", "Linear", 20, 16): Linear(20, 16, rng, config.dtype),
        Layer("relu", "ReLU", 16, 16): ReLU(),
        Layer("output", "Linear", 16, 3): Linear(16, 3, rng, config.dtype),
        Layer("sigmoid", "Sigmoid", 3, 3): Sigmoid(),
    }
    side = LayeredSide("Mine", config, layers)
    side.loss = SquaredNorm()  # judged as the article's, for the side does not call it its own
    return side


def by_hand(**how: bool) -> Callable[[Config], Any]:
    return lambda config: vars(side := ByHand(config)).update(how) or side


early, skips, adds, right = by_hand(early=True), by_hand(skips=True), by_hand(adds=True), by_hand()


def judged(name: str, dataset: Dataset) -> Report:
    subject = user_supplied(f"{__name__}:{name}", CONFIG, dataset.train_images)
    return check_subject(subject, CONFIG, trajectory=False)


@pytest.mark.parametrize("name", ["right", "other_ways"])
def test_every_ordinary_way_is_right(dataset: Dataset, name: str) -> None:
    report = judged(name, dataset)
    assert report.held, report.sentence


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("early", "output.backward is called with the weights that the step has updated"),
        ("skips", "relu.backward is left out"),
        ("adds", "the gradients of the call before are added: they are never zeroed"),
        ("Centres", "introduced in observe. What is wrong: it changes its batch"),
        ("Widens", "introduced in update. What is wrong: dtype float64; float32 is needed"),
        ("Drops", "introduced in fit"),
        (
            "WideMoments",
            "adam.exp_avg/hidden.weight of My network's state is the first of the wrong",
        ),
    ],
)
def test_a_step_that_goes_wrong_is_told_in_the_right_place(
    dataset: Dataset, name: str, told: str
) -> None:
    report = judged(name, dataset)
    assert not report.held
    assert told in report.sentence, report.sentence
