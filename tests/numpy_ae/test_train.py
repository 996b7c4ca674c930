"""A step returns the loss from before it, an epoch the sum of its steps, and training learns."""

import numpy as np
import pytest

from numpy_ae import Adam, SumSquaredError, train_epoch, train_step
from tests.networks import Network, network
from tests.operands import Array, Draw, frozen

loss = SumSquaredError()


def batches(count: int, dtype: str = "float64") -> list[tuple[Array, Array]]:
    """Return read-only pairs of noisy and clean, the last of them of a single image."""
    draw = Draw(0, dtype)
    return [(draw(n, 8), frozen(np.abs(np.tanh(draw(n, 8))))) for n in [5] * (count - 1) + [1]]


def learner(dtype: str = "float64") -> tuple[Network, Adam]:
    """Return a network and its optimizer, at their start."""
    model = network(dtype=dtype)
    return model, Adam(model.parameters())


def test_a_step_returns_the_loss_before_the_update() -> None:
    (noisy, clean), *_ = batches(2)
    model, optimizer = learner()
    before = float(loss.forward(model(noisy), clean))
    value = train_step(model, loss, optimizer, noisy, clean)
    assert type(value) is float
    assert value == before > float(loss.forward(model(noisy), clean))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_epoch_is_its_steps(dtype: str) -> None:
    (model, optimizer), (other, other_optimizer) = learner(dtype), learner(dtype)
    total = train_epoch(model, loss, optimizer, iter(batches(4, dtype)))
    assert total == sum(
        train_step(other, loss, other_optimizer, *batch) for batch in batches(4, dtype)
    )
    for name, param in model.parameters().items():
        assert param.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(param, other.parameters()[name])


def test_training_on_one_batch_lowers_its_loss() -> None:
    (noisy, clean), *_ = batches(2)
    model, _ = learner()
    optimizer = Adam(model.parameters(), lr=0.01)
    first, *_, last = (train_step(model, loss, optimizer, noisy, clean) for _ in range(300))
    assert last < first / 2
