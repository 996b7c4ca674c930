"""A variant is timed only where its step is right: what passes, and what does not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from compare.bench.correctness import judge
from compare.bench.rounds import some_batches
from compare.bench.variants import VARIANTS
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.interface import Array, State, under_prefix
from compare.sides.numpy_side import NumpySide

Spoil = Callable[[State], None]


def ratio(config: Config, dataset: Dataset, variant: str, spoil: Spoil | None = None) -> float:
    """Return how far a variant's first step is off, with what it left spoilt or not."""
    config = replace(config, dtype=VARIANTS[variant].dtype)
    batch, *_ = some_batches(config, dataset.train_images)
    made = VARIANTS[variant].make(config, "cpu")
    made.step(made.put(batch))
    after = made.side.state()
    if spoil:
        spoil(after)
    return judge(config, batch, after).ratio


@pytest.mark.parametrize("variant", ["numpy", "numpy-float64", "torch", "torch-fused"])
def test_a_right_step_is_within_what_rounding_allows(
    config: Config, dataset: Dataset, variant: str
) -> None:
    assert ratio(config, dataset, variant) <= 1


@pytest.mark.parametrize("variant", ["numpy", "torch"])
def test_a_value_that_rounding_carries_over_a_relus_kink_is_no_fault(
    config: Config, dataset: Dataset, variant: str
) -> None:
    batch, *_ = some_batches(config, dataset.train_images)
    state = NumpySide(config).state()
    weight = state["param/fc1.weight"].astype(np.float64)
    kink = -weight @ batch.noisy[0]  # there the first image is, for every unit
    state["param/fc1.bias"] = kink.astype(np.float32)
    made = VARIANTS[variant].make(config, "cpu")
    made.side.load(state)
    made.step(made.put(batch))
    assert judge(config, batch, made.side.state(), before=state).held


def scaled(name: str, factor: float) -> Spoil:
    """Return what multiplies one tensor of a state."""

    def spoil(state: State) -> None:
        state[name] *= np.asarray(factor, state[name].dtype)

    return spoil


@pytest.mark.parametrize("kind", ["adam.exp_avg", "adam.exp_avg_sq", "param"])
@pytest.mark.parametrize("name", ["fc1.weight", "fc3.bias"])
def test_a_tensor_off_by_a_thousandth_is_seen(
    config: Config, dataset: Dataset, kind: str, name: str
) -> None:
    assert ratio(config, dataset, "torch-fused", scaled(f"{kind}/{name}", 1.001)) > 1


def test_a_gradient_that_is_not_finite_is_seen(config: Config, dataset: Dataset) -> None:
    assert ratio(config, dataset, "numpy", scaled("adam.exp_avg/fc1.weight", np.nan)) == np.inf


def fused_on_cuda(state: State, grads: State, config: Config) -> None:
    """Put what a first step of CUDA's fused Adam leaves into a state: β is a float32 there."""
    f = np.float32
    beta1, beta2 = f(config.beta1), f(config.beta2)

    def without(x: Array, beta: np.float32) -> Array:
        return (x - x.astype(np.float64) * beta).astype(f)  # a fused multiply-add rounds once

    for name, grad in grads.items():
        exp_avg, exp_avg_sq = without(grad, beta1), without(grad * grad, beta2)
        denom = np.sqrt(exp_avg_sq) / np.sqrt(f(1) - beta2) + f(config.eps)
        state[f"adam.exp_avg/{name}"], state[f"adam.exp_avg_sq/{name}"] = exp_avg, exp_avg_sq
        state[f"param/{name}"] = (
            state[f"param/{name}"] - f(config.lr) / (f(1) - beta1) * exp_avg / denom
        )


def test_a_beta_kept_as_float32_is_right_where_it_is_said_to_be(
    config: Config, dataset: Dataset
) -> None:
    batch, *_ = some_batches(config, dataset.train_images)
    reference = NumpySide(config)
    before = reference.state()
    grads = under_prefix("grad", reference.observe(batch))
    after = {**before, "adam.step": np.asarray(1)}
    fused_on_cuda(after, grads, config)

    def held(*, float32_betas: bool = False) -> bool:
        return judge(config, batch, after, float32_betas=float32_betas).held

    assert held(float32_betas=True) and not held()
    after["adam.exp_avg_sq/fc1.weight"] *= np.float32(1.0001)
    assert not held(float32_betas=True)
