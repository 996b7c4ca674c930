"""The truth about each operation, in wider precision: the definition, once more, and how much rounding may spoil it.

Every function takes an operation's operands and returns its results by name, each with the sum of
its absolute terms and the number of roundings on the way. That the definitions are right is not
taken on trust: PyTorch in float64 has to agree with them before anything is judged.
"""

from collections.abc import Callable, Mapping

import numpy as np

from compare.check.bounds import Bounded
from compare.sides.interface import Array

# One exponential in the numerator and one below, each good to 4 ULP (NumPy's vector kernels for
# float32 promise that; PyTorch's are better), then an addition and a division.
SIGMOID_ROUNDINGS = 4 + 4 + 2

Results = dict[str, Bounded]


def linear_forward(x: Array, weight: Array, bias: Array) -> Results:
    """Compute y = x Wᵀ + b."""
    return {"y": Bounded(x @ weight.T + bias, _product(x, weight.T) + np.abs(bias), x.shape[1] + 1)}


def linear_backward(dy: Array, x: Array, weight: Array) -> Results:
    """Compute dx = dy W, dW = dyᵀ x, db = the column sums of dy."""
    batch, out_features = dy.shape
    return {
        "dx": Bounded(dy @ weight, _product(dy, weight), out_features),
        "dweight": Bounded(dy.T @ x, _product(dy.T, x), batch),
        "dbias": Bounded(dy.sum(axis=0), np.abs(dy).sum(axis=0), batch),
    }


def relu_forward(x: Array) -> Results:
    """Compute y = x where x > 0, else 0: no rounding."""
    return _exact("y", np.where(x > 0, x, 0))


def relu_backward(dy: Array, y: Array) -> Results:
    """Compute dx = dy where y > 0, else 0: no rounding."""
    return _exact("dx", np.where(y > 0, dy, 0))


def sigmoid_forward(x: Array) -> Results:
    """Compute y = 1 / (1 + e⁻ˣ)."""
    e = np.exp(-np.abs(x))
    y = np.where(x < 0, e, 1) / (1 + e)
    return {"y": Bounded(y, y, SIGMOID_ROUNDINGS, floor=1.0)}


def sigmoid_backward(dy: Array, y: Array) -> Results:
    """Compute dx = dy y (1 − y): a difference and two products; a subnormal result may be made zero."""
    dx = dy * y * (1 - y)
    return {"dx": Bounded(dx, np.abs(dx), 3, floor=1.0)}


def loss_forward(y: Array, target: Array) -> Results:
    """Compute L = Σ (y − target)²: a difference, whose error counts twice, a square, and the sum."""
    value = np.square(y - target).sum()
    return {"value": Bounded(value, value, y.size + 2)}


def loss_backward(y: Array, target: Array) -> Results:
    """Compute dy = 2 (y − target): doubling is exact."""
    dy = 2 * (y - target)
    return {"dy": Bounded(dy, np.abs(dy), 1)}


OPERATIONS: Mapping[str, Callable[..., Results]] = {
    "Linear.forward": linear_forward,
    "Linear.backward": linear_backward,
    "ReLU.forward": relu_forward,
    "ReLU.backward": relu_backward,
    "Sigmoid.forward": sigmoid_forward,
    "Sigmoid.backward": sigmoid_backward,
    "SumSquaredError.forward": loss_forward,
    "SumSquaredError.backward": loss_backward,
}


def _product(a: Array, b: Array) -> Array:
    """Return |A||B|. It is a size and no result, so float64 is enough."""
    product: Array = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    return product


def _exact(name: str, value: Array) -> Results:
    return {name: Bounded(value, np.zeros_like(value), 0)}
