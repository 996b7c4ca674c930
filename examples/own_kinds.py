"""A classifier of your own layers, of kinds that `compare` does not know until torch defines them.

    python -m compare check --side examples.own_kinds:make

The last layer gives logits, and the loss has the softmax in it. A definition is a function of the
layer, so that torch is imported only where a check asks for it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from compare.data.config import Config
from compare.sides.interface import Array, Layer
from compare.sides.layered import LayeredSide
from examples.own_network import Linear


class Tanh:
    """y = tanh(x)."""

    def forward(self, x: Array) -> Any:
        """Keep y."""
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout: Array) -> Any:
        """Return dx."""
        return dout * (1 - self.y**2)


class LayerNorm:
    """Rows of mean zero and variance one, times weight, plus bias."""

    def __init__(self, width: int, dtype: str) -> None:
        self.weight, self.bias = np.ones(width, dtype), np.zeros(width, dtype)

    def forward(self, x: Array) -> Any:
        """Keep the normed rows and their deviation."""
        centred = x - x.mean(axis=1, keepdims=True)
        self.std = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        self.normed = centred / self.std
        return self.normed * self.weight + self.bias

    def backward(self, dout: Array) -> Any:
        """Return dx; keep the other gradients."""
        self.dweight, self.dbias = (dout * self.normed).sum(axis=0), dout.sum(axis=0)
        d = dout * self.weight
        along = (d * self.normed).mean(axis=1, keepdims=True)
        return (d - d.mean(axis=1, keepdims=True) - self.normed * along) / self.std


class CrossEntropy:
    """Of softmax, summed over the batch."""

    def forward(self, y: Array, target: Array) -> Any:
        """Return the loss."""
        shifted = y - y.max(axis=1, keepdims=True)
        return (target * (np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted)).sum()

    def backward(self, y: Array, target: Array) -> Any:
        """Return dy."""
        e = np.exp(y - y.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True) - target


def in_torch(name: str, **options: Any) -> Callable[[Layer], Any]:
    """Return the definition that is torch's module of that name."""

    def make(layer: Layer) -> Any:
        from torch import nn

        widths = [layer.out_features] if name == "LayerNorm" else []
        return getattr(nn, name)(*widths, **options)

    return make


DEFINITIONS = {
    "Tanh": in_torch("Tanh"),
    "LayerNorm": in_torch("LayerNorm"),
    "CrossEntropy": in_torch("CrossEntropyLoss", reduction="sum"),
}


def layers(config: Config) -> dict[Layer, Any]:
    """Return a network from 10 numbers to 4 logits; a norm says its parameters' shapes."""
    rng, dtype = np.random.default_rng(config.seed), config.dtype
    shapes = (("weight", (8,)), ("bias", (8,)))
    return {
        Layer("first", "Linear", 10, 8): Linear(10, 8, rng, dtype),
        Layer("norm", "LayerNorm", 8, 8, shapes=shapes): LayerNorm(8, dtype),
        Layer("tanh", "Tanh", 8, 8): Tanh(),
        Layer("last", "Linear", 8, 4): Linear(8, 4, rng, dtype),
    }


def make(config: Config) -> LayeredSide:
    """Return the network that `compare check --side` judges, at the start of a config's seed."""
    return LayeredSide(
        "My classifier", config, layers(config), loss=CrossEntropy(), definitions=DEFINITIONS
    )
