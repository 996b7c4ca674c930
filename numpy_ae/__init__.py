"""A denoising autoencoder with backpropagation written by hand, in NumPy alone.

Read `layers`, `loss`, `model`, `optim`, `train` in this order, and then `vae`, each beside its
namesake in `torch_ae`; `support` is no part of the lesson. docs/derivation.md derives every rule.
Models share nothing, so separate ones may be trained in separate threads.
"""

from numpy_ae.layers import Linear, ReLU, Sigmoid
from numpy_ae.loss import SumSquaredError
from numpy_ae.model import Autoencoder
from numpy_ae.optim import Adam
from numpy_ae.train import train_epoch, train_step
from numpy_ae.vae import Deviation, Draw, GaussianKL, VariationalAutoencoder, vae_train_step

__all__ = [
    "Adam",
    "Autoencoder",
    "Deviation",
    "Draw",
    "GaussianKL",
    "Linear",
    "ReLU",
    "Sigmoid",
    "SumSquaredError",
    "VariationalAutoencoder",
    "train_epoch",
    "train_step",
    "vae_train_step",
]
