"""Every figure of a run, from plain arrays. Each is a function that returns a `Figure`; `save` writes it."""

from compare.report.curves import divergence, losses
from compare.report.images import dataset, denoising, explore, random_samples, reconstructions
from compare.report.latent import latent
from compare.report.network import network
from compare.report.style import save

__all__ = [
    "dataset",
    "denoising",
    "divergence",
    "explore",
    "latent",
    "losses",
    "network",
    "random_samples",
    "reconstructions",
    "save",
]
