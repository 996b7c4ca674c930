"""The loss: the squared error, summed over pixels and over the batch, as the article has it."""

import numpy as np

from numpy_ae.layers import require

__all__ = ["SumSquaredError"]


class SumSquaredError:
    """L = Σ (y − target)², a sum and not a mean: the gradient of an image does not shrink with the batch."""

    def forward(self, y: np.ndarray, target: np.ndarray) -> np.floating:
        """Return the loss of y against a target of the same shape, as a scalar of their dtype.

        Raises `ValueError` where the shapes differ: broadcasting would sum something else in silence.
        """
        require("target", target, y.shape, like=y)
        error = y - target
        value: np.floating = (error * error).sum()
        return value

    def backward(self, y: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Return dy, where the chain of gradients starts.

        One element:  ∂(y − target)²/∂y = 2 (y − target)
        As arrays:    dy = 2 (y − target)
        """
        require("target", target, y.shape, like=y)
        dy: np.ndarray = 2 * (y - target)
        return dy
