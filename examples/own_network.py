"""A network of your own layers, 20 → 16 → 3, and what `compare` makes of it.

    python -m compare check --side examples.own_network:make

Spoil a line below, and run it again. examples/own_side.py does the same without `LayeredSide`.
"""

import numpy as np

from compare.data.config import Config
from compare.sides.interface import Array, Layer
from compare.sides.layered import LayeredSide


class Linear:
    """y = x W + b, with W (in, out); keeps x for backward, and leaves gradients in attributes."""

    def __init__(self, n_in: int, n_out: int, rng: np.random.Generator, dtype: str) -> None:
        self.W = (rng.standard_normal((n_in, n_out)) / 4).astype(dtype)
        self.b = np.zeros(n_out, dtype)

    def forward(self, x: Array) -> Array:
        """Map x (batch, in) to y (batch, out)."""
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Array) -> Array:
        """Keep the gradients of W and b; return that of x."""
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class ReLU:
    """y = max(x, 0)."""

    def forward(self, x: Array) -> Array:
        """Cut off below zero."""
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dout: Array) -> Array:
        """Let the gradient through where y is positive."""
        return dout * (self.y > 0)


def make(config: Config) -> LayeredSide:
    """Return the network that `compare check --side` judges, at the start of a config's seed."""
    rng = np.random.default_rng(config.seed)
    layers = {
        Layer("hidden", "Linear", 20, 16): Linear(20, 16, rng, config.dtype),
        Layer("relu", "ReLU", 16, 16): ReLU(),
        Layer("output", "Linear", 16, 3): Linear(16, 3, rng, config.dtype),
    }
    return LayeredSide("My network", config, layers)
