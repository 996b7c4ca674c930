"""A lane is timed only where its step is right: what passes, and what does not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from compare.bench.judge import judge
from compare.bench.lanes import LANES
from compare.bench.turns import some_batches
from compare.experiment.config import Config
from compare.experiment.data import Dataset
from compare.parity.numpy_side import NumpySide
from compare.parity.side import State

Spoil = Callable[[State], None]


def ratio(config: Config, dataset: Dataset, lane: str, spoil: Spoil | None = None) -> float:
    """Return how far a lane's first step is off, with what it left spoilt or not."""
    config = replace(config, dtype=LANES[lane].dtype)
    batch, *_ = some_batches(config, dataset.train_images)
    made = LANES[lane].make(config, "cpu")
    made.step(made.put(batch))
    after = made.state()
    if spoil:
        spoil(after)
    reference = NumpySide(config)
    return judge(reference.describe(), config, batch, reference.state(), after).ratio


@pytest.mark.parametrize("lane", ["numpy", "numpy-float64", "torch", "torch-fused"])
def test_a_right_step_is_within_what_rounding_allows(config: Config, dataset: Dataset, lane: str) -> None:
    assert ratio(config, dataset, lane) <= 1


@pytest.mark.parametrize("lane", ["numpy", "torch"])
def test_a_value_that_rounding_carries_over_a_relus_kink_is_no_fault(
    config: Config, dataset: Dataset, lane: str
) -> None:
    batch, *_ = some_batches(config, dataset.train_images)
    reference = NumpySide(config)
    state = reference.state()
    weight = state["param/fc1.weight"].astype(np.float64)
    state["param/fc1.bias"] = (-weight @ batch.noisy[0]).astype(np.float32)  # the first image is at every unit's kink
    made = LANES[lane].make(config, "cpu")
    made.side.load(state)
    made.step(made.put(batch))
    assert judge(reference.describe(), config, batch, state, made.state()).held


def scaled(name: str, factor: float) -> Spoil:
    """Return what multiplies one tensor of a state."""

    def spoil(state: State) -> None:
        state[name] *= np.asarray(factor, state[name].dtype)

    return spoil


@pytest.mark.parametrize("kind", ["adam.exp_avg", "adam.exp_avg_sq", "param"])
@pytest.mark.parametrize("name", ["fc1.weight", "fc3.bias"])
def test_a_tensor_off_by_a_thousandth_is_seen(config: Config, dataset: Dataset, kind: str, name: str) -> None:
    assert ratio(config, dataset, "torch-fused", scaled(f"{kind}/{name}", 1.001)) > 1


def test_a_gradient_that_is_not_finite_is_seen(config: Config, dataset: Dataset) -> None:
    assert ratio(config, dataset, "numpy", scaled("adam.exp_avg/fc1.weight", np.nan)) == np.inf
