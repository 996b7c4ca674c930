"""The adapter through which the harness sees `torch_ae`, and so a file that needs torch."""

import torch

import torch_ae
from compare.experiment.config import Config
from compare.parity.numpy_side import describe_layers, initial_state
from compare.parity.side import Array
from compare.parity.torch_network import TorchNetwork, available_device, to_array


class TorchSide(TorchNetwork):
    """`torch_ae` as a config shapes it, on a device, at the start that its seed gives."""

    model: torch_ae.Autoencoder

    def __init__(self, config: Config, input_dim: int = 784, *, device: str = "cpu") -> None:
        place = available_device(device, config.dtype)
        model = torch_ae.Autoencoder(
            config.latent_dim,
            config.hidden_dim,
            input_dim,
            generator=torch.Generator(place),
            dtype=getattr(torch, config.dtype),
            device=place,
        )
        start = initial_state(config, input_dim)
        super().__init__(model, describe_layers(start), config, start)

    @torch.no_grad()
    def encode(self, x: Array) -> Array:
        """Map images to latents."""
        return to_array(self.model.encode(self._tensor(x)))

    @torch.no_grad()
    def decode(self, z: Array) -> Array:
        """Map latents to images."""
        return to_array(self.model.decode(self._tensor(z)))
