"""Networks with kinds of their own, written by hand: tanh, layer norm, softmax, a convolution."""

from typing import Any

import numpy as np

from compare.data.config import Config
from compare.sides.interface import Array, Layer
from compare.sides.layered import LayeredSide
from examples.own_network import Linear, ReLU

SIDE, CHANNELS, KERNEL = 6, 2, 3
OUT = SIDE - KERNEL + 1


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


def definitions() -> dict[str, Any]:
    """Return what torch says of the kinds here; torch is imported only when one is asked for."""

    def conv(layer: Layer) -> Any:
        from torch import nn

        class Flat(nn.Conv2d):
            def forward(self, x: Any) -> Any:
                return super().forward(x.reshape(-1, 1, SIDE, SIDE)).flatten(1)

        return Flat(1, CHANNELS, KERNEL)

    def named(name: str, **options: Any) -> Any:
        def make(layer: Layer) -> Any:
            from torch import nn

            widths = [layer.in_features] if name == "LayerNorm" else []
            return getattr(nn, name)(*widths, **options)

        return make

    return {
        "Tanh": named("Tanh"),
        "LayerNorm": named("LayerNorm"),
        "MaxPool": named("MaxPool1d", kernel_size=2),
        "Conv": conv,
        "CrossEntropy": named("CrossEntropyLoss", reduction="sum"),
    }


def normed(width: int) -> Layer:
    """Return a layer norm's description."""
    return Layer(
        "norm", "LayerNorm", width, width, shapes=(("weight", (width,)), ("bias", (width,)))
    )


def perceptron(config: Config, **own: Any) -> LayeredSide:
    """Return a network with tanh and layer norm, and the article's loss."""
    rng, dtype = np.random.default_rng(config.seed), config.dtype
    layers = {
        Layer("first", "Linear", 10, 8): Linear(10, 8, rng, dtype),
        normed(8): LayerNorm(8, dtype),
        Layer("tanh", "Tanh", 8, 8): Tanh(),
        Layer("last", "Linear", 8, 4): Linear(8, 4, rng, dtype),
    }
    return LayeredSide("Mine", config, layers, definitions=definitions(), **own)


def classifier(config: Config) -> LayeredSide:
    """Return a network with a softmax in its loss."""
    return perceptron(config, loss=CrossEntropy())


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
    return LayeredSide("Mine", config, layers, definitions=definitions())
