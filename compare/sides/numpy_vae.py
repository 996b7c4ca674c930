"""The adapter of `numpy_ae`'s variational autoencoder."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

import numpy_ae
from compare.data.batches import Batch
from compare.data.config import Config
from compare.sides.interface import Array, Grads, Losses, Operands
from compare.sides.numpy_side import NumpySide, run_layer
from numpy_ae import vae


class NumpyVae(NumpySide):
    """`numpy_ae`'s variational autoencoder as a config shapes it, at the start of its seed."""

    def __init__(self, config: Config, input_dim: int = 784) -> None:
        super().__init__(config, input_dim)
        self.kl, self.beta = numpy_ae.GaussianKL(), config.beta

    def _step(self, batch: Batch, cache: dict[str, Array]) -> tuple[Any, Grads]:
        y = self.model.forward(batch.noisy, batch["noise"], cache)
        loss, latent = self.loss.forward(y, batch.clean), (cache["fc_mean"], cache["fc_logvar"])
        cache["kl"] = np.asarray(self.kl.forward(*latent))
        dmean, dlogvar = (self.beta * of for of in self.kl.backward(*latent))
        dy = self.loss.backward(y, batch.clean)
        return loss, self.model.backward(dy, dmean, dlogvar, cache)

    def op(self, name: str, operands: Operands) -> Operands:
        """Do one operation alone."""
        layer, direction = name.split(".")
        if layer == "kl":
            return run_layer(self.kl, direction, operands)
        return super().op(name, operands)

    def fit(self, batches: Iterable[Batch]) -> Iterator[Losses]:
        """Take a step on each batch; yield its squared error and its divergence."""
        parts = (self.model, self.loss, self.kl, self.optimizer)
        for batch in batches:
            yield vae.vae_train_step(*parts, batch.noisy, batch.clean, batch["noise"], self.beta)

    def posterior(self, x: Array) -> tuple[Array, Array]:
        """Map images to the means and the log-variances of their latents."""
        mean, logvar = self.model.encode(x.astype(self.dtype, copy=False))
        return mean, logvar

    def encode(self, x: Array) -> Array:
        """Map images to the means of their latents."""
        return self.posterior(x)[0]
