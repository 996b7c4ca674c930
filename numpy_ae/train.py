"""Training: one step, and one pass over all batches."""

from collections.abc import Iterable

from numpy_ae.loss import SumSquaredError
from numpy_ae.model import Autoencoder
from numpy_ae.optim import Adam
from numpy_ae.support import Array, Batch


def train_step(
    model: Autoencoder, loss: SumSquaredError, optimizer: Adam, noisy: Array, clean: Array
) -> float:
    """Learn to map noisy to clean, both (batch, input_dim); return L as it was before the update.

    The network sees the noisy image, the loss compares with the clean one. If it used the noisy
    one, a plain copy would be best. To come close to the clean one, it must tell image from noise.
    """
    cache: dict[str, Array] = {}
    y = model.forward(noisy, cache)
    value = loss.forward(y, clean)
    grads = model.backward(loss.backward(y, clean), cache)
    optimizer.step(grads)
    return float(value)


def train_epoch(
    model: Autoencoder, loss: SumSquaredError, optimizer: Adam, batches: Iterable[Batch]
) -> float:
    """Take a step on every (noisy, clean) pair (the caller added the noise); return Σ L."""
    return sum(train_step(model, loss, optimizer, noisy, clean) for noisy, clean in batches)
