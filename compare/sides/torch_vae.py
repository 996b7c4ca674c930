"""The adapter of `torch_ae`'s variational autoencoder."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch

import torch_ae
from compare.data.batches import Batch
from compare.sides.interface import Array, Losses
from compare.sides.torch_modules import to_array
from compare.sides.torch_side import TorchSide


class TorchVae(TorchSide):
    """`torch_ae`'s variational autoencoder as a config shapes it, at the start of its seed."""

    network = torch_ae.VariationalAutoencoder

    def fit(self, batches: Iterable[Batch]) -> Iterator[Losses]:
        """Take a step on each batch; yield its squared error and its divergence."""
        kl: Any = self.terms["kl"]
        parts = (self.model, self.loss, kl, self.optimizer)
        for batch in batches:
            images = (self._tensor(batch.noisy), self._tensor(batch.clean))
            noise = self._tensor(batch["noise"])
            yield torch_ae.vae_train_step(*parts, *images, noise, self.who.terms["kl"])

    @torch.no_grad()
    def posterior(self, x: Array) -> tuple[Array, Array]:
        """Map images to the means and the log-variances of their latents."""
        mean, logvar = self.model.encode(self._tensor(x))
        return to_array(mean), to_array(logvar)

    def encode(self, x: Array) -> Array:
        """Map images to the means of their latents."""
        return self.posterior(x)[0]

    def reconstruct(self, x: Array) -> Array:
        """Map images to images, by way of the means: without noise."""
        return self.decode(self.encode(x))
