"""Training: one step, and one pass over the batches."""

from collections.abc import Iterable

import numpy as np

from numpy_ae.loss import SumSquaredError
from numpy_ae.model import Autoencoder
from numpy_ae.optim import Adam


def train_step(
    model: Autoencoder, loss: SumSquaredError, optimizer: Adam, noisy: np.ndarray, clean: np.ndarray
) -> float:
    """Learn to map noisy to clean, both (batch, input_dim); return the loss before the update."""
    tape: dict[str, np.ndarray] = {}
    y = model.forward(noisy, tape)
    value = loss.forward(y, clean)
    grads = model.backward(loss.backward(y, clean), tape)
    optimizer.step(grads)
    return float(value)


def train_epoch(
    model: Autoencoder,
    loss: SumSquaredError,
    optimizer: Adam,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
) -> float:
    """Take a step on every (noisy, clean) pair; return the sum of their losses."""
    return sum(train_step(model, loss, optimizer, noisy, clean) for noisy, clean in batches)
