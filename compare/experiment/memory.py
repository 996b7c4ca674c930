"""A network that cannot fit into memory is refused before any work, where the system would kill the process later."""

import math
import os
from pathlib import Path

import numpy as np

from compare.errors import UserError
from compare.experiment.config import Config
from compare.parity.numpy_side import state_shapes

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")  # Linux, where there is one


def require_memory(config: Config) -> None:
    """Raise `UserError` where one side's parameters, gradients and both moments are more than this machine can hold."""
    arrays = sum(math.prod(shape) for shape in state_shapes(config).values())
    gradients = sum(math.prod(shape) for name, shape in state_shapes(config).items() if name.startswith("param/"))
    needed = (arrays + gradients) * np.dtype(config.dtype).itemsize
    if needed > (available := memory()):
        raise UserError(
            f"hidden-dim {config.hidden_dim} and latent-dim {config.latent_dim} need {needed / 2**30:,.0f} GiB a side, "
            f"and this machine has {available / 2**30:,.0f}; choose smaller ones"
        )


def memory() -> float:
    """Return the bytes of memory that a process may have here; infinity where the system does not say."""
    try:
        physical: float = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        physical = math.inf
    try:
        return min(physical, float(CONTAINER_LIMIT.read_text()))  # bytes, or "max"
    except (OSError, ValueError):
        return physical
