"""The variational autoencoder: it encodes an image as a Gaussian, and decodes a draw from it.

An autoencoder's codes lie wherever they like, so a random latent decodes to no digit. Here a code
is a cloud, and a second term of the loss pulls all clouds towards N(0, 1), so that they fill it.

A draw from N(mean, std²) is mean + std · noise, with noise from N(0, 1). Handed in, the noise is a
constant, and mean and std have gradients like any x (Kingma and Welling, Auto-encoding variational
Bayes, ICLR 2014). docs/vae.md derives every rule.
"""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from numpy_ae.layers import Linear, ReLU, Sigmoid
from numpy_ae.loss import SumSquaredError
from numpy_ae.model import Decoder
from numpy_ae.optim import Adam
from numpy_ae.support import Array, Arrays, expect


class Deviation:
    """y = e^(x/2), entry by entry: from log std², which may be any number, to std, which is > 0."""

    def forward(self, x: Array) -> Array:
        """Map x to y of the same shape."""
        return np.exp(x / 2)

    def backward(self, dy: Array, y: Array) -> Array:
        """Return dx = dy ⊙ y / 2: ∂y/∂x is e^(x/2), which is y, times the slope of x/2."""
        return dy * y / 2


class Draw:
    """y = mean + std ⊙ noise: a draw from N(mean, std²), where the noise is one from N(0, 1)."""

    def forward(self, mean: Array, std: Array, noise: Array) -> Array:
        """Map three arrays of one shape to y of that shape. Other noise raises as `expect` does."""
        expect("noise", noise, mean.shape, like=mean)
        return mean + std * noise

    def backward(self, dy: Array, noise: Array) -> tuple[Array, Array]:
        """Return dmean = dy, dstd = dy ⊙ noise: mean enters y times 1, std times the same noise."""
        return dy, dy * noise


class GaussianKL:
    """How far N(mean, e^logvar) is from N(0, 1): Σ ½ (mean² + e^logvar − 1 − logvar).

    Summed over latents and batch, like the squared error. It is 0 where mean = logvar = 0 alone.
    """

    def forward(self, mean: Array, logvar: Array) -> np.floating:
        """Return the divergence, a scalar. A logvar that does not fit raises as `expect` does."""
        expect("logvar", logvar, mean.shape, like=mean)
        # expm1(x) is eˣ − 1. Near 0 that difference would lose its digits.
        return (mean**2 + np.expm1(logvar) - logvar).sum() / 2

    def backward(self, mean: Array, logvar: Array) -> tuple[Array, Array]:
        """Return dmean = mean, dlogvar = (e^logvar − 1) / 2: each entry is in one term alone."""
        return mean, np.expm1(logvar) / 2


class VariationalAutoencoder(Decoder):
    """fc1 → relu1 → fc_mean, fc_logvar; deviation → draw; then as in `Autoencoder`, from fc3 on."""

    def __init__(
        self, latent_dim: int = 32, hidden_dim: int = 400, input_dim: int = 784, *,
        rng: Generator, dtype: DTypeLike = np.float32,
    ) -> None:  # fmt: skip
        self.fc1 = Linear(input_dim, hidden_dim, rng=rng, dtype=dtype)
        self.relu1 = ReLU()
        self.fc_mean = Linear(hidden_dim, latent_dim, rng=rng, dtype=dtype)
        self.fc_logvar = Linear(hidden_dim, latent_dim, rng=rng, dtype=dtype)
        self.deviation = Deviation()
        self.draw = Draw()
        self.fc3 = Linear(latent_dim, hidden_dim, rng=rng, dtype=dtype)
        self.relu3 = ReLU()
        self.fc4 = Linear(hidden_dim, input_dim, rng=rng, dtype=dtype)
        self.sigmoid = Sigmoid()

    def encode(self, x: Array, cache: dict[str, Array] | None = None) -> tuple[Array, Array]:
        """Map images (batch, input_dim) to mean and log-variance, both (batch, latent_dim)."""
        cache = {} if cache is None else cache
        cache["input"] = x
        cache["fc1"] = self.fc1.forward(cache["input"])
        cache["relu1"] = self.relu1.forward(cache["fc1"])
        cache["fc_mean"] = self.fc_mean.forward(cache["relu1"])
        cache["fc_logvar"] = self.fc_logvar.forward(cache["relu1"])
        return cache["fc_mean"], cache["fc_logvar"]

    def forward(self, x: Array, noise: Array, cache: dict[str, Array] | None = None) -> Array:
        """Reconstruct x from a draw; noise is (batch, latent_dim), from N(0, 1)."""
        cache = {} if cache is None else cache
        mean, logvar = self.encode(x, cache)
        cache["noise"] = noise
        cache["deviation"] = self.deviation.forward(logvar)
        cache["draw"] = self.draw.forward(mean, cache["deviation"], cache["noise"])
        return self.decode(cache["draw"], cache)

    __call__ = forward

    def backward(self, dy: Array, dmean: Array, dlogvar: Array, cache: Arrays) -> dict[str, Array]:
        """Return all gradients by name, as `Autoencoder.backward` does.

        dy is the reconstruction's gradient; dmean and dlogvar are what the divergence adds. What is
        used twice acts on the loss in two ways, and the chain rule adds them up. That happens at
        mean and logvar (the draw, the divergence) and at relu1 (fc_mean, fc_logvar).
        """
        d: dict[str, Any] = {"sigmoid": dy}
        d["fc4"] = self.sigmoid.backward(d["sigmoid"], cache["sigmoid"])
        d["relu3"], d["fc4.weight"], d["fc4.bias"] = self.fc4.backward(d["fc4"], cache["relu3"])
        d["fc3"] = self.relu3.backward(d["relu3"], cache["relu3"])
        d["draw"], d["fc3.weight"], d["fc3.bias"] = self.fc3.backward(d["fc3"], cache["draw"])
        of_draw, d["deviation"] = self.draw.backward(d["draw"], cache["noise"])
        of_deviation = self.deviation.backward(d["deviation"], cache["deviation"])
        d["fc_logvar"], d["fc_mean"] = of_deviation + dlogvar, of_draw + dmean
        h = cache["relu1"]
        d["relu1"], d["fc_mean.weight"], d["fc_mean.bias"] = self.fc_mean.backward(d["fc_mean"], h)
        dh, d["fc_logvar.weight"], d["fc_logvar.bias"] = self.fc_logvar.backward(d["fc_logvar"], h)
        d["relu1"] += dh
        d["fc1"] = self.relu1.backward(d["relu1"], h)
        _, d["fc1.weight"], d["fc1.bias"] = self.fc1.backward(d["fc1"], cache["input"], False)
        return d


def vae_train_step(
    model: VariationalAutoencoder, loss: SumSquaredError, kl: GaussianKL, optimizer: Adam,
    noisy: Array, clean: Array, noise: Array, beta: float = 1.0,
) -> tuple[float, float]:  # fmt: skip
    """Lower squared error + β · KL; return both as they were before the update, without the β.

    Why β = 1 suits Σ (y − target)², which has no ½: where a pixel is N(y, σ²), −log p(target) is
    (y − target)² / 2σ² and a constant. At σ² = ½ it is the squared error, and the sum is Kingma's
    and Welling's bound on −log p of the images. With another σ², use β = 2σ². Maximum likelihood
    makes σ² the mean squared error, so β would be about 0.035 on MNIST: that hardly pulls the
    clouds towards N(0, 1), and draws from there decode badly.
    """
    cache: dict[str, Array] = {}
    y = model.forward(noisy, noise, cache)
    mean, logvar = cache["fc_mean"], cache["fc_logvar"]
    error, divergence = loss.forward(y, clean), kl.forward(mean, logvar)
    dmean, dlogvar = kl.backward(mean, logvar)
    grads = model.backward(loss.backward(y, clean), beta * dmean, beta * dlogvar, cache)
    optimizer.step(grads)
    return float(error), float(divergence)
