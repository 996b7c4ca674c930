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
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")  # Linux, where there is one


def require_memory(config: Config, dataset: Dataset | None = None, *, sides: int = 1) -> None:
    """Raise `UserError` where a training needs more memory than this machine has.

    Without a data set, only the state counts.
    """
    if (needed := bytes_of_training(config, dataset, sides=sides)) > (available := memory()):
        raise UserError(
            f"hidden-dim {config.hidden_dim}, latent-dim {config.latent_dim} and "
            f"batch-size {config.batch_size} need {needed / 2**30:,.1f} GiB, "
            f"and this machine has {available / 2**30:,.1f}; choose smaller ones"
        )


def bytes_of_training(config: Config, dataset: Dataset | None = None, *, sides: int = 1) -> float:
    """Return what a training holds at its peak, to a factor of two.

    The data set and the libraries come on top. A side holds its parameters and both moments, a copy
    of the last that were finite and one that is being written, and gradients; while a step is
    taken, each activation, its gradient, and as much again in passing.
    """
    network = layers(config)
    state = sum(math.prod(shape) for shape in state_shapes(network).values())
    needed = sides * (STATES * state + state / 3)
    if dataset:
        widths = network[0].in_features + sum(layer.out_features for layer in network)
        step = 3 * widths * min(config.batch_size, len(dataset.train_images))
        needed += max(step, widths * len(dataset.test_images))
    return needed * np.dtype(config.dtype).itemsize


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
