"""The three layers: each a forward and, right below it, its backward.

x goes in and y comes out; dy, the gradient of the loss with respect to y, comes back and dx goes on. A row is an
image. Nothing is remembered between the two passes: backward is handed the arrays that its rule needs. No line names
a dtype, so the same code runs in float32, float64, longdouble and complex128. The last is for the check, which takes
the derivative of a forward by a step h along the imaginary axis, f′(x) = Im f(x + ih) / h; NumPy orders complex numbers
by their real part first, so maximum, minimum and comparisons decide there as they do for x.
An array of another shape or precision than a pass needs raises `ValueError` or `TypeError`; see `require`.
"""

import math

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["Linear", "ReLU", "Sigmoid"]


class Linear:
    """y = x Wᵀ + b, with the weight laid out as PyTorch lays it out: (out_features, in_features).

    Weight and bias start uniform in ±1/√in_features, the default of `torch.nn.Linear`.
    """

    def __init__(
        self, in_features: int, out_features: int, *, rng: np.random.Generator, dtype: DTypeLike = np.float32
    ) -> None:
        if in_features < 1 or out_features < 1:
            raise ValueError(f"a layer has at least one input and one output, not {in_features} and {out_features}")
        if not np.issubdtype(dtype, np.inexact):
            raise TypeError(f"weights are floating-point numbers, not {np.dtype(dtype)}")
        bound = 1 / math.sqrt(in_features)
        self.weight = rng.uniform(-bound, bound, (out_features, in_features)).astype(dtype)
        self.bias = rng.uniform(-bound, bound, out_features).astype(dtype)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Map x (batch, in) to y (batch, out)."""
        require("x", x, ("batch", self.weight.shape[1]), like=self.weight)
        y: np.ndarray = x @ self.weight.T
        y += self.bias
        return y

    def backward(
        self, dy: np.ndarray, x: np.ndarray, *, input_grad: bool = True
    ) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        """Return dx (None unless `input_grad`), dweight and dbias from dy (batch, out) and forward's x (batch, in).

        One output:  y[n,o] = Σᵢ x[n,i] W[o,i] + b[o]
        By indices:  dx[n,i] = Σₒ dy[n,o] W[o,i]    dW[o,i] = Σₙ dy[n,o] x[n,i]    db[o] = Σₙ dy[n,o]
        As arrays:   dx = dy W  (batch, in)         dW = dyᵀ x  (out, in)          db = dyᵀ 1  (out,)
        """
        require("x", x, ("batch", self.weight.shape[1]), like=self.weight)
        require("dy", dy, (len(x), len(self.weight)), like=self.weight)
        dx = dy @ self.weight if input_grad else None
        # One image makes it an outer product: np.dot gives the same numbers in a third to a tenth of the time.
        dweight = dy.T @ x if len(x) > 1 else np.dot(dy.T, x)
        dbias = dy.sum(axis=0)
        return dx, dweight, dbias


class ReLU:
    """y = max(x, 0), element by element. Its slope at the kink, x = 0, is taken as 0, as in PyTorch."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Map x to y of the same shape."""
        y: np.ndarray = np.maximum(x, 0)
        return y

    def backward(self, dy: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return dx from dy and forward's y, which is positive exactly where x was.

        One element:  ∂y/∂x = 1 where x > 0, else 0
        As arrays:    dx = dy ⊙ [y > 0]    (a zero may be −0, which PyTorch's is not, and which equals it)
        """
        require("dy", dy, y.shape, like=y)
        dx: np.ndarray = dy * (y > 0)
        return dx


class Sigmoid:
    """y = 1 / (1 + e⁻ˣ), element by element."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Map x to y of the same shape, in [0, 1]: 1 / (1 + e⁻ˣ) where x is positive, eˣ / (1 + eˣ) where negative.

        The two are equal, but e⁻ˣ overflows for very negative x, where small results would become 1 / ∞ = 0, and eˣ for
        very positive x, where ∞ / ∞ is no number.
        """
        e = np.exp(np.minimum(x, -x))  # the one of the two that is at most 1
        y: np.ndarray = np.maximum(e, x >= 0) / (1 + e)  # a truth value counts as 1 or 0
        return y

    def backward(self, dy: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return dx from dy and forward's y.

        One element:  ∂y/∂x = e⁻ˣ / (1 + e⁻ˣ)² = y (1 − y)
        As arrays:    dx = dy ⊙ y ⊙ (1 − y)
        """
        require("dy", dy, y.shape, like=y)
        dx: np.ndarray = dy * y * (1 - y)
        flush(dx)
        return dx


def flush(x: np.ndarray) -> None:
    """Set subnormal numbers, below 1e-38 in float32, to zero: products of them take processors many times as long.

    A pixel that is always black ends at y = 1e-20 or less. Its target is 0, so dy = 2 y, and dx = 2 y² (1 − y) = 2e-40.
    """
    x[np.abs(x) < np.finfo(x.dtype).tiny] = 0


def require(name: str, array: np.ndarray, shape: tuple[int | str, ...], *, like: np.ndarray) -> None:
    """Refuse what NumPy would broadcast or widen in silence. A size given as "batch" may be any.

    Raises `ValueError` for another shape; `TypeError` for what is no array, and for a dtype that is not floating or
    that `like`'s cannot hold.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}, not an array")
    if array.shape != shape and (
        array.ndim != len(shape) or any(size not in (n, "batch") for n, size in zip(array.shape, shape, strict=True))
    ):
        raise ValueError(f"{name} has shape {array.shape}, not ({', '.join(map(str, shape))})")
    if array.dtype.kind not in "fc" or (array.dtype != like.dtype and not np.can_cast(array.dtype, like.dtype)):
        needed = like.dtype if like.dtype.kind in "fc" else "a floating-point dtype"
        raise TypeError(f"{name} is {array.dtype}, where {needed} is needed")
