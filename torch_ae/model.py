"""The network: seven layers by name and their forward in order. Their backward is autograd's."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from torch_ae.layers import Linear, ReLU, Sigmoid


class Decoder(nn.Module):
    """The half after the latent, fc3 → relu3 → fc4 → sigmoid, and what tensors it takes.

    All tensors are (batch, features); others raise `ValueError`, and of another dtype `TypeError`.
    """

    fc3: Linear
    relu3: ReLU
    fc4: Linear
    sigmoid: Sigmoid

    def decode(self, z: Tensor, cache: dict[str, Tensor] | None = None) -> Tensor:
        """Map latents (batch, latent_dim) to images (batch, input_dim) in [0, 1]."""
        self._require("z", z, self.fc3)
        cache = {} if cache is None else cache
        cache["fc3"] = self.fc3(z)
        cache["relu3"] = self.relu3(cache["fc3"])
        cache["fc4"] = self.fc4(cache["relu3"])
        cache["sigmoid"] = self.sigmoid(cache["fc4"])
        return cache["sigmoid"]

    @staticmethod
    def _require(name: str, tensor: Tensor, layer: Linear) -> None:
        """Raise `ValueError` for a shape that a layer does not take, `TypeError` for a dtype."""
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} is a {type(tensor).__name__}, not a tensor")
        if tensor.ndim != 2 or tensor.shape[1] != layer.in_features:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}, not (batch, {layer.in_features})"
            )
        if tensor.dtype != layer.weight.dtype:
            raise TypeError(f"{name} is {tensor.dtype}, where {layer.weight.dtype} is needed")

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Copy tensors or NumPy arrays into the parameters; `nn.Module` takes tensors alone."""
        tensors = {name: torch.as_tensor(value) for name, value in state_dict.items()}
        return super().load_state_dict(tensors, strict=strict, assign=assign)


class Autoencoder(Decoder):
    """The article's network: fc1 → relu1 → fc2 → fc3 → relu3 → fc4 → sigmoid.

    The latent is the output of fc2, with no activation after it: a code may be any number, and no
    part of it can die as a ReLU's unit can.
    """

    def __init__(
        self,
        latent_dim: int = 32,
        hidden_dim: int = 400,
        input_dim: int = 784,
        *,
        generator: torch.Generator,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.fc1 = Linear(input_dim, hidden_dim, generator=generator, dtype=dtype, device=device)
        self.relu1 = ReLU()
        self.fc2 = Linear(hidden_dim, latent_dim, generator=generator, dtype=dtype, device=device)
        self.fc3 = Linear(latent_dim, hidden_dim, generator=generator, dtype=dtype, device=device)
        self.relu3 = ReLU()
        self.fc4 = Linear(hidden_dim, input_dim, generator=generator, dtype=dtype, device=device)
        self.sigmoid = Sigmoid()

    def encode(self, x: Tensor, cache: dict[str, Tensor] | None = None) -> Tensor:
        """Map images (batch, input_dim) to latents (batch, latent_dim)."""
        self._require("x", x, self.fc1)
        cache = {} if cache is None else cache
        cache["input"] = x
        cache["fc1"] = self.fc1(cache["input"])
        cache["relu1"] = self.relu1(cache["fc1"])
        cache["fc2"] = self.fc2(cache["relu1"])
        return cache["fc2"]

    def forward(self, x: Tensor, cache: dict[str, Tensor] | None = None) -> Tensor:
        """Reconstruct x (batch, input_dim); a cache, given empty, gets every activation by name."""
        return self.decode(self.encode(x, cache), cache)
