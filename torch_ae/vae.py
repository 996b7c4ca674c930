"""The variational autoencoder: it encodes an image as a Gaussian, and decodes a draw from it."""

import torch
from torch import Tensor, nn

from torch_ae.layers import Linear, ReLU, Sigmoid
from torch_ae.loss import SumSquaredError
from torch_ae.model import Decoder
from torch_ae.optim import Adam


class Deviation(nn.Module):
    """y = e^(x/2): from the logarithm of a variance, the standard deviation."""

    def forward(self, x: Tensor) -> Tensor:
        """Map x to y of the same shape."""
        return torch.exp(x / 2)


class Draw(nn.Module):
    """y = mean + std · noise: a draw from N(mean, std²), where the noise is one from N(0, 1)."""

    def forward(self, mean: Tensor, std: Tensor, noise: Tensor) -> Tensor:
        """Map three tensors of one shape to y. Raises `ValueError` for noise of another."""
        _require("noise", noise, mean)
        return mean + std * noise


class GaussianKL(nn.Module):
    """How far N(mean, e^logvar) is from N(0, 1), summed over latents and batch.

    `torch.distributions.kl_divergence` has the same, to fewer digits near N(0, 1).
    """

    def forward(self, mean: Tensor, logvar: Tensor) -> Tensor:
        """Return the divergence, a scalar. Raises `ValueError` for a logvar of another shape."""
        _require("logvar", logvar, mean)
        return (mean**2 + torch.expm1(logvar) - logvar).sum() / 2


class VariationalAutoencoder(Decoder):
    """fc1 → relu1 → fc_mean, fc_logvar; deviation → draw; then as in `Autoencoder`, from fc3 on."""

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
        self.fc_mean = Linear(
            hidden_dim, latent_dim, generator=generator, dtype=dtype, device=device
        )
        self.fc_logvar = Linear(
            hidden_dim, latent_dim, generator=generator, dtype=dtype, device=device
        )
        self.deviation = Deviation()
        self.draw = Draw()
        self.fc3 = Linear(latent_dim, hidden_dim, generator=generator, dtype=dtype, device=device)
        self.relu3 = ReLU()
        self.fc4 = Linear(hidden_dim, input_dim, generator=generator, dtype=dtype, device=device)
        self.sigmoid = Sigmoid()

    def encode(self, x: Tensor, cache: dict[str, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Map images (batch, input_dim) to mean and log-variance, both (batch, latent_dim)."""
        self._require("x", x, self.fc1)
        cache = {} if cache is None else cache
        cache["input"] = x
        cache["fc1"] = self.fc1(cache["input"])
        cache["relu1"] = self.relu1(cache["fc1"])
        cache["fc_mean"] = self.fc_mean(cache["relu1"])
        cache["fc_logvar"] = self.fc_logvar(cache["relu1"])
        return cache["fc_mean"], cache["fc_logvar"]

    def forward(self, x: Tensor, noise: Tensor, cache: dict[str, Tensor] | None = None) -> Tensor:
        """Reconstruct x from a draw; noise is (batch, latent_dim), from N(0, 1)."""
        cache = {} if cache is None else cache
        mean, logvar = self.encode(x, cache)
        cache["noise"] = noise
        cache["deviation"] = self.deviation(logvar)
        cache["draw"] = self.draw(mean, cache["deviation"], cache["noise"])
        return self.decode(cache["draw"], cache)


def vae_train_step(
    model: VariationalAutoencoder,
    loss: SumSquaredError,
    kl: GaussianKL,
    optimizer: Adam,
    noisy: Tensor,
    clean: Tensor,
    noise: Tensor,
    beta: float = 1.0,
) -> tuple[float, float]:
    """Lower squared error + β · KL; return both as they were before the update, without the β."""
    optimizer.zero_grad()
    cache: dict[str, Tensor] = {}
    y = model(noisy, noise, cache)
    error, divergence = loss(y, clean), kl(cache["fc_mean"], cache["fc_logvar"])
    (error + beta * divergence).backward()
    optimizer.step()
    return float(error.detach()), float(divergence.detach())


def _require(name: str, tensor: Tensor, like: Tensor) -> None:
    """Raise `ValueError` for another shape, which torch would broadcast."""
    if tensor.shape != like.shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, not {tuple(like.shape)}")
