"""Batches cut into shards: the same sum in the same order, whoever computes which."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compare.data.batches import Batch, epoch_batches, training_batches
from compare.data.config import MODELS, Config
from compare.data.datasets import Dataset
from compare.sides.interface import State, distance, under_prefix
from compare.sides.subject import LABELS, make_side
from compare.training.shards import Team, cut, fit, own
from tests.operands import assert_same
from tests.teams import in_threads

sides = pytest.mark.parametrize("name", tuple(LABELS))
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def trained(
    name: str, config: Config, batches: list[Batch], shards: int, team: Team | None = None
) -> tuple[State, list[Any]]:
    """Train a side; return its state and the losses."""
    side = make_side(name, config)
    losses = list(fit(side, batches, shards, team))
    return side.state(), losses


@pytest.mark.parametrize("count", [0, 1, 3, 30, 50])
@pytest.mark.parametrize("shards", [1, 2, 3, 4, 7])
def test_shards_are_the_batch_in_its_order_as_even_as_can_be(count: int, shards: int) -> None:
    batch = Batch(np.arange(2 * count).reshape(count, 2), np.arange(count).reshape(count, 1))
    parts = cut(batch, shards)
    assert len(parts) == shards
    for name, array in batch.items():
        assert (np.concatenate([part[name] for part in parts]) == array).all()
    sizes = [len(part.clean) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("workers", "shards"), [(1, 4), (2, 4), (3, 4), (4, 4), (5, 7)])
def test_every_shard_has_one_worker_and_every_worker_a_shard(workers: int, shards: int) -> None:
    spans = [own(rank, workers, shards) for rank in range(workers)]
    assert [number for span in spans for number in span] == list(range(shards))
    assert all(spans)


@sides
@dtypes
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("workers", [2, 3, 4])
def test_workers_and_micro_batches_end_in_the_same_bits(
    config: Config, dataset: Dataset, name: str, dtype: str, model: str, workers: int
) -> None:
    config = replace(config, dtype=dtype, model=model)
    batches = list(epoch_batches(config, dataset.train_images, 0))
    state, losses = trained(name, config, batches, 4)
    for other, theirs in in_threads(workers, lambda team: trained(name, config, batches, 4, team)):
        assert_same(other, state)
        assert theirs == losses


@sides
def test_shards_of_which_some_are_empty_are_the_batch(
    config: Config, batches: list[Batch], name: str
) -> None:
    three = [batches[0].each(lambda array: array[:3])]
    found, losses = trained(name, config, three, 3)
    same, again = trained(name, config, three, 7)
    assert_same(found, same)
    assert losses == again


@sides
@pytest.mark.parametrize("model", MODELS)
def test_shards_differ_from_the_whole_batch_by_rounding_alone(
    config: Config, dataset: Dataset, name: str, model: str
) -> None:
    config = replace(config, dtype="float64", model=model)
    batches = list(epoch_batches(config, dataset.train_images, 0))
    (whole, losses), (parts, others) = (trained(name, config, batches, n) for n in (1, 4))
    # Adam divides by the gradient's size, so a step is lr, off by what a sum of 50 images is; and
    # then it is added to a parameter below 1.
    params = (under_prefix("param", state) for state in (whole, parts))
    assert distance(*params) < len(batches) * (50 * config.lr + 1) * np.finfo(float).eps
    np.testing.assert_allclose(others, losses, rtol=50 * np.finfo(float).eps)


@sides
def test_the_optimizer_is_the_sides_own_again(
    config: Config, batches: list[Batch], name: str
) -> None:
    side = make_side(name, config)
    optimizer = side.optimizer  # type: ignore[attr-defined]
    list(fit(side, batches, 2))
    assert side.optimizer is optimizer  # type: ignore[attr-defined]


# What is promised of an article's network after 50 steps; measured 7.8e-15 and 3.7e-6 at most.
PROMISED = {"float64": 2e-14, "float32": 5e-6}
STEPS = 50
FEW = 2  # units of which the two round a sum to either side of zero: in 24 runs, one of one unit


def let_through(side: Any) -> list[np.ndarray]:
    """Return what the side's two ReLUs let through: a list that grows with every call."""
    found: list[np.ndarray] = []

    def noted(forward: Any) -> Any:
        def of(x: Any) -> Any:
            y = forward(x)
            through = y > 0
            found.append(through if isinstance(through, np.ndarray) else through.numpy())
            return y

        return of

    for relu in (side.model.relu1, side.model.relu3):
        relu.forward = noted(relu.forward)
    return found


def by_step(found: list[np.ndarray], shards: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return what each of the two let through in each step, (batch, hidden)."""
    assert len(found) == STEPS * shards * 2
    steps = (found[i : i + 2 * shards] for i in range(0, len(found), 2 * shards))
    return [(np.concatenate(of[::2]), np.concatenate(of[1::2])) for of in steps]


@pytest.mark.slow
@sides
@dtypes
@pytest.mark.parametrize("shards", [2, 3, 4, 5])
def test_after_fifty_steps_shards_are_as_near_to_whole_batches_as_is_promised(
    bundled: Dataset, name: str, dtype: str, shards: int
) -> None:
    config = Config(dtype=dtype)
    batches = list(training_batches(config, bundled.train_images, STEPS))
    ends, masks = [], []
    for count in (1, shards):
        side = make_side(name, config)
        found = let_through(side)
        list(fit(side, batches, count))
        ends.append(under_prefix("param", side.state()))
        masks.append(by_step(found, count))
    # Which side of zero a sum lies on that is zero but for rounding, rounding decides; and of a
    # unit that hardly ever lets anything through, Adam makes a whole step of what comes then.
    first, third = (
        np.any([(a[relu] != b[relu]).any(axis=0) for a, b in zip(*masks, strict=True)], axis=0)
        for relu in range(2)
    )
    assert first.sum() + third.sum() <= (0 if dtype == "float64" else FEW)
    for params in ends:
        for of, decided in (("fc1", first), ("fc3", third)):
            params[f"{of}.weight"][decided], params[f"{of}.bias"][decided] = 0, 0
        for of, decided in (("fc2", first), ("fc4", third)):
            params[f"{of}.weight"][:, decided] = 0
    assert distance(*ends) < PROMISED[dtype]
