"""Training: one step, and one pass over the batches."""

from collections.abc import Iterable

from torch import Tensor

from torch_ae.loss import SumSquaredError
from torch_ae.model import Autoencoder
from torch_ae.optim import Adam


def train_step(
    model: Autoencoder, loss: SumSquaredError, optimizer: Adam, noisy: Tensor, clean: Tensor
) -> float:
    """Learn to map noisy to clean, both (batch, input_dim); return the loss before the update."""
    optimizer.zero_grad()
    y = model(noisy)
    value = loss(y, clean)
    value.backward()
    optimizer.step()
    return float(value.detach())


def train_epoch(
    model: Autoencoder,
    loss: SumSquaredError,
    optimizer: Adam,
    batches: Iterable[tuple[Tensor, Tensor]],
) -> float:
    """Take a step on every (noisy, clean) pair; return the sum of their losses."""
    return sum(train_step(model, loss, optimizer, noisy, clean) for noisy, clean in batches)
