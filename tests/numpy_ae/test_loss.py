"""The loss is torch's sum of squared errors, and refuses to broadcast."""

import numpy as np
import pytest
from hypothesis import given
from torch.nn import MSELoss

from numpy_ae import SumSquaredError
from tests.operands import Draw, assert_equal, assert_near, draws, rounding, sizes, tensor

loss = SumSquaredError()


@given(draws, sizes, sizes)
def test_the_loss_is_torchs_and_so_is_its_gradient(draw: Draw, batch: int, features: int) -> None:
    y, target = draw(batch, features), draw(batch, features)
    leaf = tensor(y, grad=True)
    expected = MSELoss(reduction="sum")(leaf, tensor(target))
    expected.backward()
    value = loss.forward(y, target)
    # All terms are positive: the sum is their absolute sum.
    assert_near(value, expected, rounding(y.size + 2, np.asarray(value)))
    assert leaf.grad is not None
    assert_equal(loss.backward(y, target), leaf.grad)


def test_the_loss_is_a_sum_over_the_batch_and_not_a_mean() -> None:
    y, target = np.full((2, 3), 0.5), np.zeros((2, 3))
    assert loss.forward(y, target) == 6 * 0.25
    assert (loss.backward(y, target) == 1).all()


@pytest.mark.parametrize("shape", [(1, 4), (3, 1), (4,), ()])
def test_the_loss_does_not_broadcast(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"target has shape .*, not \(3, 4\)"):
        loss.forward(np.ones((3, 4)), np.ones(shape))


@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble", "complex128"])
def test_the_loss_stays_in_the_dtype_that_it_is_given(dtype: str) -> None:
    y, target = Draw(0, dtype)(4, 3), Draw(1, dtype)(4, 3)
    assert loss.forward(y, target).dtype == loss.backward(y, target).dtype == np.dtype(dtype)
