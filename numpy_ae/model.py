"""The network: seven layers by name, their forward in order, and their backward in the opposite order."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from numpy_ae.layers import Linear, ReLU, Sigmoid


class Autoencoder:
    """The article's network, 784-400-latent-400-784: fc1 → relu1 → fc2 → fc3 → relu3 → fc4 → sigmoid.

    The latent is the output of fc2, with no activation after it: a code may be any number, and no part of it can die
    as a ReLU's unit can. All arrays are (batch, features).
    """

    def __init__(
        self,
        latent_dim: int = 32,
        hidden_dim: int = 400,
        input_dim: int = 784,
        *,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.fc1 = Linear(input_dim, hidden_dim, rng=rng, dtype=dtype)
        self.relu1 = ReLU()
        self.fc2 = Linear(hidden_dim, latent_dim, rng=rng, dtype=dtype)
        self.fc3 = Linear(latent_dim, hidden_dim, rng=rng, dtype=dtype)
        self.relu3 = ReLU()
        self.fc4 = Linear(hidden_dim, input_dim, rng=rng, dtype=dtype)
        self.sigmoid = Sigmoid()

    def encode(self, x: np.ndarray, tape: dict[str, np.ndarray] | None = None) -> np.ndarray:
        """Map images (batch, input_dim) to latents (batch, latent_dim)."""
        tape = {} if tape is None else tape
        tape["input"] = x
        tape["fc1"] = self.fc1.forward(tape["input"])
        tape["relu1"] = self.relu1.forward(tape["fc1"])
        tape["fc2"] = self.fc2.forward(tape["relu1"])
        return tape["fc2"]

    def decode(self, z: np.ndarray, tape: dict[str, np.ndarray] | None = None) -> np.ndarray:
        """Map latents (batch, latent_dim) to images (batch, input_dim) in [0, 1]."""
        tape = {} if tape is None else tape
        tape["fc3"] = self.fc3.forward(z)
        tape["relu3"] = self.relu3.forward(tape["fc3"])
        tape["fc4"] = self.fc4.forward(tape["relu3"])
        tape["sigmoid"] = self.sigmoid.forward(tape["fc4"])
        return tape["sigmoid"]

    def forward(self, x: np.ndarray, tape: dict[str, np.ndarray] | None = None) -> np.ndarray:
        """Reconstruct x (batch, input_dim). A tape, given empty, is filled with every activation by name.

        It is what backward reads. PyTorch keeps the same out of sight, in the graph that its forward builds.
        """
        return self.decode(self.encode(x, tape), tape)

    __call__ = forward

    def backward(
        self, dy: np.ndarray, tape: Mapping[str, np.ndarray], *, input_grad: bool = False
    ) -> dict[str, np.ndarray]:
        """Return the gradient of every activation ("fc4") and every parameter ("fc4.weight"), last layer first.

        Takes dy, the loss's gradient with respect to the reconstruction, and the tape of that forward. A gradient
        has the shape of what it belongs to. That of the input is computed on demand only: training needs none.
        """
        d: dict[str, Any] = {"sigmoid": dy}
        d["fc4"] = self.sigmoid.backward(d["sigmoid"], tape["sigmoid"])
        d["relu3"], d["fc4.weight"], d["fc4.bias"] = self.fc4.backward(d["fc4"], tape["relu3"])
        d["fc3"] = self.relu3.backward(d["relu3"], tape["relu3"])
        d["fc2"], d["fc3.weight"], d["fc3.bias"] = self.fc3.backward(d["fc3"], tape["fc2"])
        d["relu1"], d["fc2.weight"], d["fc2.bias"] = self.fc2.backward(d["fc2"], tape["relu1"])
        d["fc1"] = self.relu1.backward(d["relu1"], tape["relu1"])
        dx, d["fc1.weight"], d["fc1.bias"] = self.fc1.backward(d["fc1"], tape["input"], input_grad=input_grad)
        if input_grad:
            d["input"] = dx
        return d

    def parameters(self) -> dict[str, np.ndarray]:
        """Return the live arrays by name: what an optimizer changes in place."""
        params = {}
        for name in ("fc1", "fc2", "fc3", "fc4"):
            layer: Linear = getattr(self, name)
            params[f"{name}.weight"], params[f"{name}.bias"] = layer.weight, layer.bias
        return params

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return a copy of every parameter by name; names and layouts are PyTorch's."""
        return {name: param.copy() for name, param in self.parameters().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy arrays or CPU tensors into the parameters, cast to this model's dtype.

        Raises `KeyError` for a missing or unknown name, `ValueError` for a wrong shape or for what is no number, and
        then changes nothing.
        """
        params = self.parameters()
        if wrong := params.keys() ^ state_dict.keys():
            raise KeyError(f"missing or unknown parameters: {', '.join(sorted(wrong))}")
        arrays = {name: np.asarray(state_dict[name], param.dtype) for name, param in params.items()}
        for name, param in params.items():
            if arrays[name].shape != param.shape:
                raise ValueError(f"{name} has shape {arrays[name].shape}, this model needs {param.shape}")
        for name, param in params.items():
            param[...] = arrays[name]
