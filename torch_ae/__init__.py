"""The same autoencoder, made of PyTorch's own parts: the reference that `numpy_ae` is held against.

Read `layers`, `loss`, `model`, `optim`, `train` in this order, and then `vae`, each beside its
namesake in `numpy_ae`. What is missing here is what autograd does. Where an input does not fit, a
network raises `ValueError` or `TypeError`, and the loss `ValueError`. Layers and state dicts are
PyTorch's, and so are their errors.
"""

from torch_ae.layers import Linear, ReLU, Sigmoid
from torch_ae.loss import SumSquaredError
from torch_ae.model import Autoencoder
from torch_ae.optim import Adam
from torch_ae.train import train_epoch, train_step
from torch_ae.vae import Deviation, Draw, GaussianKL, VariationalAutoencoder, vae_train_step

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
