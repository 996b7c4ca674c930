"""The same small network on both sides, and one training step of it by autograd."""

import numpy as np
import torch

import numpy_ae
import torch_ae
from tests.operands import Array, tensor

Network = numpy_ae.Autoencoder

LAYERS = ("fc1", "relu1", "fc2", "fc3", "relu3", "fc4", "sigmoid")
CACHE = ("input", *LAYERS)
PARAMETERS = tuple(
    f"{name}.{kind}" for name in ("fc1", "fc2", "fc3", "fc4") for kind in ("weight", "bias")
)


def network(
    latent: int = 3, hidden: int = 6, pixels: int = 8, *, seed: int = 0, dtype: str = "float64"
) -> Network:
    """Return `numpy_ae`'s network at a random start."""
    return Network(latent, hidden, pixels, rng=np.random.default_rng(seed), dtype=dtype)


def in_torch(model: Network) -> torch_ae.Autoencoder:
    """Return `torch_ae`'s network of the same widths, dtype and parameters."""
    latent, hidden = model.fc2.weight.shape
    dtype = getattr(torch, model.fc1.weight.dtype.name)
    theirs = torch_ae.Autoencoder(
        latent, hidden, model.fc1.weight.shape[1], generator=torch.Generator(), dtype=dtype
    )
    theirs.load_state_dict(model.state_dict())
    return theirs


def autograd(model: torch_ae.Autoencoder, x: Array, dy: Array) -> dict[str, torch.Tensor]:
    """Return the gradients of every activation and parameter by name, given that of y."""
    cache: dict[str, torch.Tensor] = {}
    y = model(tensor(x, grad=True), cache)
    for activation in cache.values():
        activation.retain_grad()
    y.backward(tensor(dy))
    leaves = {**cache, **dict(model.named_parameters())}
    return {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
