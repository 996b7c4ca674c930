"""The network: seven layers by name, forward in order, backward in reverse."""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from numpy_ae.layers import Linear, ReLU, Sigmoid
from numpy_ae.support import Array, Arrays, copy_into


class Decoder:
    """The half after the latent, fc3 → relu3 → fc4 → sigmoid, and the parameters by name.

    `Autoencoder` has it, and so has the network of `vae`. Pixels lie in [0, 1], as the sigmoid's
    outputs do.
    """

    fc3: Linear
    relu3: ReLU
    fc4: Linear
    sigmoid: Sigmoid

    def decode(self, z: Array, cache: dict[str, Array] | None = None) -> Array:
        """Map latents (batch, latent_dim) to images (batch, input_dim) in [0, 1]."""
        cache = {} if cache is None else cache
        cache["fc3"] = self.fc3.forward(z)
        cache["relu3"] = self.relu3.forward(cache["fc3"])
        cache["fc4"] = self.fc4.forward(cache["relu3"])
        cache["sigmoid"] = self.sigmoid.forward(cache["fc4"])
        return cache["sigmoid"]

    def parameters(self) -> dict[str, Array]:
        """Return the live arrays by name: what an optimizer changes in place."""
        params: dict[str, Array] = {}
        for name, layer in vars(self).items():
            if isinstance(layer, Linear):
                params |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
        return params

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of every parameter by name; names and layouts are PyTorch's."""
        return {name: param.copy() for name, param in self.parameters().items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Copy arrays or CPU tensors by name into the parameters. Raises as `copy_into` does."""
        copy_into(self.parameters(), state_dict)


class Autoencoder(Decoder):
    """784-400-latent-400-784: fc1 → relu1 → fc2 → fc3 → relu3 → fc4 → sigmoid.

    The latent is the output of fc2, with no activation after it, so it may be any number. `rng` and
    `dtype` are as in `Linear`.
    """

    def __init__(
        self, latent_dim: int = 32, hidden_dim: int = 400, input_dim: int = 784, *,
        rng: Generator, dtype: DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        self.fc1 = Linear(input_dim, hidden_dim, rng=rng, dtype=dtype)
        self.relu1 = ReLU()
        self.fc2 = Linear(hidden_dim, latent_dim, rng=rng, dtype=dtype)
        self.fc3 = Linear(latent_dim, hidden_dim, rng=rng, dtype=dtype)
        self.relu3 = ReLU()
        self.fc4 = Linear(hidden_dim, input_dim, rng=rng, dtype=dtype)
        self.sigmoid = Sigmoid()

    def encode(self, x: Array, cache: dict[str, Array] | None = None) -> Array:
        """Map images (batch, input_dim) to latents (batch, latent_dim)."""
        cache = {} if cache is None else cache
        cache["input"] = x
        cache["fc1"] = self.fc1.forward(cache["input"])
        cache["relu1"] = self.relu1.forward(cache["fc1"])
        cache["fc2"] = self.fc2.forward(cache["relu1"])
        return cache["fc2"]

    def forward(self, x: Array, cache: dict[str, Array] | None = None) -> Array:
        """Reconstruct x (batch, input_dim). A dict handed in gets x and every layer's output."""
        return self.decode(self.encode(x, cache), cache)

    __call__ = forward

    def backward(self, dy: Array, cache: Arrays, *, input_grad: bool = False) -> dict[str, Array]:
        """Return all gradients: d["fc4"] of that layer's output, d["fc4.weight"] of that parameter.

        Takes dy, the reconstruction's gradient, and the forward's cache (`KeyError` if it lacks
        an array that is read). One layer's output is the next one's x, so each dx is the dy of the
        layer before. The input's own is left out unless asked for: training changes no image.
        """
        d: dict[str, Any] = {"sigmoid": dy}
        d["fc4"] = self.sigmoid.backward(d["sigmoid"], cache["sigmoid"])
        d["relu3"], d["fc4.weight"], d["fc4.bias"] = self.fc4.backward(d["fc4"], cache["relu3"])
        d["fc3"] = self.relu3.backward(d["relu3"], cache["relu3"])
        d["fc2"], d["fc3.weight"], d["fc3.bias"] = self.fc3.backward(d["fc3"], cache["fc2"])
        d["relu1"], d["fc2.weight"], d["fc2.bias"] = self.fc2.backward(d["fc2"], cache["relu1"])
        d["fc1"] = self.relu1.backward(d["relu1"], cache["relu1"])
        dx, d["fc1.weight"], d["fc1.bias"] = self.fc1.backward(d["fc1"], cache["input"], input_grad)
        if input_grad:
            d["input"] = dx
        return d
