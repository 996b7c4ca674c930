"""Three kinds of layer, each a forward and, below it, its backward. Reading starts here.

The loss L is one number. We write dy for its gradient with respect to an array y: dy[j] = ∂L/∂y[j],
one number for each entry of y. If y is computed from x, and x is used nowhere else, then x[i] acts
on L only through the entries of y that it enters, and the chain rule adds up all these ways:

    dx[i] = Σⱼ dy[j] · ∂y[j]/∂x[i]

A backward is this sum for one layer: handed dy, it returns dx. Weight and bias are inputs like x,
with the same sum. i and j are all indices of an entry; below, x[n,i] is feature i of image n.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from numpy_ae.support import Array, expect, floating, flush_subnormals


class Linear:
    """y = x Wᵀ + b, with the weight laid out as in PyTorch: (out_features, in_features).

    Weight and bias start uniform in ±1/√in_features. Raises `TypeError` for another `dtype` than
    a float or a complex one.
    """

    def __init__(
        self, in_features: int, out_features: int, *, rng: Generator, dtype: DTypeLike = np.float32
    ) -> None:
        bound, dtype = 1 / np.sqrt(in_features), floating(dtype)
        self.weight = rng.uniform(-bound, bound, (out_features, in_features)).astype(dtype)
        self.bias = rng.uniform(-bound, bound, out_features).astype(dtype)

    def forward(self, x: Array) -> Array:
        """Map x (batch, in) to y (batch, out). Raises `ValueError` or `TypeError` for another x."""
        expect("x", x, ("batch", self.weight.shape[1]), like=self.weight)
        y = x @ self.weight.T
        y += self.bias
        return y

    def backward(
        self, dy: Array, x: Array, input_grad: bool = True
    ) -> tuple[Array | None, Array, Array]:
        """Return dx (None unless `input_grad`), dweight, dbias, given dy (batch, out), forward's x.

        One output is y[n,o] = Σᵢ x[n,i] W[o,i] + b[o]. So
        x[n,i] enters every output o of its row, times W[o,i]:  dx[n,i] = Σₒ dy[n,o] W[o,i]
        W[o,i] enters output o of every row n, times x[n,i]:    dW[o,i] = Σₙ dy[n,o] x[n,i]
        b[o] enters output o of every row n, times 1:           db[o]   = Σₙ dy[n,o]

        dx = dy W, (batch, in)    dW = dyᵀ x, (out, in)    db = the rows of dy added up, (out,)
        A product sums its left factor's last index with its right one's first: for Σₙ, take dyᵀ.
        """
        dx = dy @ self.weight if input_grad else None
        dweight = np.dot(dy.T, x)  # dy.T @ x, and faster than that for a single image
        dbias = dy.sum(axis=0)
        return dx, dweight, dbias


class ReLU:
    """y = max(x, 0), entry by entry."""

    def forward(self, x: Array) -> Array:
        """Map x to y of the same shape."""
        return np.maximum(x, 0)

    def backward(self, dy: Array, y: Array) -> Array:
        """Return dx from dy and forward's y, which is positive exactly where x was.

        Each x enters one y alone, so the sum has one term. ∂y/∂x is 1 where x > 0, 0 where x < 0.
        At 0 it is 0 on the left, 1 on the right. Any from 0 to 1 will do; we take PyTorch's 0.

        dx = dy ⊙ [y > 0]    (⊙ is entry by entry; true counts as 1, false as 0)
        """
        return dy * (y > 0)


class Sigmoid:
    """y = 1 / (1 + e⁻ˣ), entry by entry: all values land between 0 and 1."""

    def forward(self, x: Array) -> Array:
        """Map x to y of the same shape: y = e^min(x, 0) / (1 + e^−|x|).

        For x ≥ 0 that is 1 / (1 + e⁻ˣ). For x < 0 it is eˣ / (1 + eˣ), the same number with top
        and bottom times eˣ. No exponent is above 0, so nothing overflows.
        """
        e = np.exp(np.minimum(x, -x))  # e^−|x|
        return np.maximum(e, x >= 0) / (1 + e)  # e^min(x, 0) is 1 where x ≥ 0, and e elsewhere

    def backward(self, dy: Array, y: Array) -> Array:
        """Return dx from dy and forward's y.

        ∂y/∂x = e⁻ˣ / (1 + e⁻ˣ)² = y · e⁻ˣ/(1 + e⁻ˣ), and e⁻ˣ/(1 + e⁻ˣ) = 1 − 1/(1 + e⁻ˣ) = 1 − y.
        The slope needs y alone: backward is handed y, not x, and computes no exponential again.

        dx = dy ⊙ y ⊙ (1 − y)
        """
        return flush_subnormals(dy * y * (1 - y))  # for speed: numbers too small to matter become 0
