"""The adapter through which the harness sees `torch_ae`."""

from collections.abc import Iterable, Iterator

import torch

import torch_ae
from compare.data.batches import Batch
from compare.data.config import Config
from compare.sides.interface import Array, Description, Losses
from compare.sides.numpy_side import initial_state, layers, loss_terms
from compare.sides.torch_modules import to_array
from compare.sides.torch_network import TorchNetwork, available_device


class TorchSide(TorchNetwork):
    """`torch_ae`'s autoencoder as a config shapes it, on a device, at the start of its seed."""

    network: type[torch.nn.Module] = torch_ae.Autoencoder

    def __init__(self, config: Config, input_dim: int = 784, *, device: str = "cpu") -> None:
        place = available_device(device, config.dtype)
        model = self.network(
            config.latent_dim,
            config.hidden_dim,
            input_dim,
            generator=torch.Generator(place),
            dtype=getattr(torch, config.dtype),
            device=place,
        )
        who = ("PyTorch", layers(config, input_dim), config.dtype, str(place), 1)
        described = Description(*who, terms=loss_terms(config))
        super().__init__(model, described, config, initial_state(config, input_dim))

    def fit(self, batches: Iterable[Batch]) -> Iterator[Losses]:
        """Take a step on each batch; yield its loss."""
        for batch in batches:
            pair = (self._tensor(batch.noisy), self._tensor(batch.clean))
            yield torch_ae.train_epoch(self.model, self.loss, self.optimizer, [pair])

    @torch.no_grad()
    def encode(self, x: Array) -> Array:
        """Map images to latents."""
        return to_array(self.model.encode(self._tensor(x)))

    @torch.no_grad()
    def decode(self, z: Array) -> Array:
        """Map latents to images."""
        return to_array(self.model.decode(self._tensor(z)))
