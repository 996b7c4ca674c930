"""A network too large for the memory is refused before any work; the system would kill it later."""

import math
import os
from pathlib import Path

import numpy as np

from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.sides.interface import state_shapes
from compare.sides.numpy_side import layers

STATES = 3  # of a side, at once: its own, the last that was finite, one that is being written
MICRO_BATCHES = tuple(2**n for n in range(1, 11))  # of which one is advised
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")  # Linux, where there is one


def require_memory(
    config: Config,
    dataset: Dataset | None = None,
    *,
    sides: int = 1,
    shards: int = 1,
    workers: int = 1,
) -> None:
    """Raise `UserError` where a training needs more memory than this machine has.

    Without a data set, only the state counts. The `workers` are those on this machine.
    """

    def needed(shards: int) -> float:
        return bytes_of_training(config, dataset, sides=sides, shards=shards, workers=workers)

    if needed(shards) <= (available := memory()):
        return
    advice = "choose smaller ones"
    if workers > 1:
        advice += ", or fewer --workers"
    elif enough := next((n for n in MICRO_BATCHES if needed(n) <= available), None):
        advice += f", or train with --micro-batches {enough}"
    raise UserError(
        f"hidden-dim {config.hidden_dim}, latent-dim {config.latent_dim} and "
        f"batch-size {config.batch_size} need {needed(shards) / 2**30:,.1f} GiB, "
        f"and this machine has {available / 2**30:,.1f}; {advice}"
    )


def bytes_of_training(
    config: Config,
    dataset: Dataset | None = None,
    *,
    sides: int = 1,
    shards: int = 1,
    workers: int = 1,
) -> float:
    """Return what a training holds at its peak, to a factor of two.

    The data set and the libraries come on top. A side holds its parameters and both moments, and
    gradients; the first worker also holds a copy of the last that were finite and one that is being
    written. While a step is taken, there is each activation of a shard, its gradient, and as much
    again in passing; of the other images, those of the batch and of the next, noisy and clean.
    """
    network = layers(config)
    state = sum(math.prod(shape) for shape in state_shapes(network).values())
    parameters = state / 3
    sums = 0.0
    if shards > 1:  # the sum, and the row of one shard; workers hold their own and everybody's
        rows = 1 if workers == 1 else math.ceil(shards / workers) + shards
        sums = parameters * (1 + rows)
    step = test = 0
    if dataset:
        pixels = network[0].in_features
        widths = pixels + sum(layer.out_features for layer in network)
        images = min(config.batch_size, len(dataset.train_images))
        shard = math.ceil(images / shards)
        step = 3 * widths * shard + 4 * pixels * (images - shard)
        test = widths * len(dataset.test_images)
    first = sides * (STATES * state + parameters) + sums + max(step, test)
    other = sides * (state + parameters) + sums + step
    return (first + (workers - 1) * other) * np.dtype(config.dtype).itemsize


def memory() -> float:
    """Return the bytes that a process may have here; infinity where the system does not say."""
    try:
        physical: float = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        physical = math.inf
    try:
        return min(physical, float(CONTAINER_LIMIT.read_text()))  # bytes, or "max"
    except (OSError, ValueError):
        return physical
