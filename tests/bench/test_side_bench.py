"""A user-supplied network is timed against torch's, once its first step is right."""

import numpy as np
import pytest

from compare.bench import side_bench
from compare.bench.side_bench import time_side
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.sides.calls import HERE
from compare.sides.interface import Array
from compare.sides.layered import LayeredSide
from compare.tables import Table
from examples.own_network import Linear, make


class Doubled(Linear):
    """Its bias's gradient is twice what it should be."""

    def backward(self, dout: Array) -> Array:
        """Return dx."""
        dx = super().backward(dout)
        self.db = self.db * 2
        return dx


def doubled(config: Config) -> LayeredSide:
    """Return the example with such layers."""
    side = make(config)
    rng = np.random.default_rng(0)
    layers = {layer: side.named[layer.name].live.layer for layer in side.who.layers}
    first = side.who.layers[0]
    return LayeredSide("Mine", config, {**layers, first: Doubled(20, 16, rng, config.dtype)})


@pytest.fixture(autouse=True)
def in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_bench, "ROUNDS", 3)
    monkeypatch.setattr(side_bench, "SLICE", 0.01)


def timed(name: str, dataset: Dataset) -> Table:
    config = Config(batch_size=8)
    return time_side(name, config, dataset.train_images, "cpu", 1, HERE, lambda *_: None)


@pytest.mark.parametrize("name", ["examples.own_network:make", "examples.own_side:make"])
def test_both_are_timed_and_compared(name: str, dataset: Dataset) -> None:
    title, _, rows, _ = timed(name, dataset)
    assert title.startswith(f"A step of {name}: ") and "of its reference's time" in title
    assert [row[0] for row in rows] == ["My network", "PyTorch"]
    assert all(float(cell) > 0 for row in rows for cell in row[1:])


def test_a_wrong_step_is_not_timed(dataset: Dataset) -> None:
    with pytest.raises(UserError, match=r"grad/hidden\.bias of its first step fails.* says more$"):
        timed(f"{__name__}:doubled", dataset)
