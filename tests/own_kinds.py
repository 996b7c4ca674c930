"""Networks with kinds of their own: the example's, and one with a convolution and a maximum."""

from typing import Any

import numpy as np

from compare.data.config import Config
from compare.sides.interface import Array, Layer
from compare.sides.layered import LayeredSide
from examples import own_kinds
from examples.own_kinds import in_torch
from examples.own_network import Linear, ReLU

SIDE, CHANNELS, KERNEL = 6, 2, 3
OUT = SIDE - KERNEL + 1


class Conv:
    """A convolution of flattened images, (batch, 36) to (batch, 2 · 16)."""

    def __init__(self, rng: np.random.Generator, dtype: str) -> None:
        shape = (CHANNELS, 1, KERNEL, KERNEL)
        self.weight = (rng.standard_normal(shape) / KERNEL).astype(dtype)
        self.bias = np.zeros(CHANNELS, dtype)

    def forward(self, x: Array) -> Any:
        """Keep the windows, (batch, 4, 4, 3, 3)."""
        images = x.reshape(len(x), SIDE, SIDE)
        self.windows = np.lib.stride_tricks.sliding_window_view(images, (KERNEL, KERNEL), (1, 2))
        y = np.einsum("nhwij,cij->nchw", self.windows, self.weight[:, 0])
        return (y + self.bias[:, None, None]).reshape(len(x), -1)

    def backward(self, dout: Array) -> Any:
        """Return dx; keep the other gradients."""
        dy = dout.reshape(len(dout), CHANNELS, OUT, OUT)
        self.dweight = np.einsum("nhwij,nchw->cij", self.windows, dy)[:, None]
        self.dbias = dy.sum(axis=(0, 2, 3))
        dx = np.zeros((len(dout), SIDE, SIDE), dout.dtype)
        for i in range(KERNEL):
            for j in range(KERNEL):
                moved = np.einsum("nchw,c->nhw", dy, self.weight[:, 0, i, j])
                dx[:, i : i + OUT, j : j + OUT] += moved
        return dx.reshape(len(dout), -1)


class MaxPool:
    """The largest of each pair of neighbours."""

    def forward(self, x: Array) -> Any:
        """Keep which."""
        pairs = x.reshape(len(x), -1, 2)
        self.second = pairs[:, :, 1] > pairs[:, :, 0]
        return np.where(self.second, pairs[:, :, 1], pairs[:, :, 0])

    def backward(self, dout: Array) -> Any:
        """Let dout through where the largest was."""
        return np.stack([dout * ~self.second, dout * self.second], axis=2).reshape(len(dout), -1)


def conv(layer: Layer) -> Any:
    """Return the convolution of flattened images."""
    from torch import nn

    class Flat(nn.Conv2d):
        def forward(self, x: Any) -> Any:
            return super().forward(x.reshape(-1, 1, SIDE, SIDE)).flatten(1)

    return Flat(1, CHANNELS, KERNEL)


DEFINITIONS = {
    **own_kinds.DEFINITIONS,
    "Conv": conv,
    "MaxPool": in_torch("MaxPool1d", kernel_size=2),
}
classifier = own_kinds.make


def perceptron(config: Config) -> LayeredSide:
    """Return the same layers with the article's loss."""
    return LayeredSide("Mine", config, own_kinds.layers(config), definitions=DEFINITIONS)


def convolutional(config: Config) -> LayeredSide:
    """Return a convolutional network with a maximum."""
    rng, dtype = np.random.default_rng(config.seed), config.dtype
    shapes = (("weight", (CHANNELS, 1, KERNEL, KERNEL)), ("bias", (CHANNELS,)))
    width = CHANNELS * OUT * OUT
    layers = {
        Layer("conv", "Conv", SIDE * SIDE, width, shapes=shapes): Conv(rng, dtype),
        Layer("relu", "ReLU", width, width): ReLU(),
        Layer("pool", "MaxPool", width, width // 2): MaxPool(),
        Layer("last", "Linear", width // 2, 3): Linear(width // 2, 3, rng, dtype),
    }
    return LayeredSide("Mine", config, layers, definitions=DEFINITIONS)
