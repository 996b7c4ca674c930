"""The loss: the squared error, summed over pixels and over the batch. Here the gradients start."""

import numpy as np

from numpy_ae.support import Array, expect


class SumSquaredError:
    """L = Σ (y − target)². Not a mean: an image's row of dy is the same in a batch of any size."""

    def forward(self, y: Array, target: Array) -> np.floating:
        """Return L, a scalar. A target that does not fit y: `ValueError` (shape), `TypeError`."""
        expect("target", target, y.shape, like=y)
        return ((y - target) ** 2).sum()

    def backward(self, y: Array, target: Array) -> Array:
        """Return dy = 2 (y − target), the slope of the one term of the sum that has this y."""
        return 2 * (y - target)
