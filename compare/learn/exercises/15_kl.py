"""One more, if you like: how far a Gaussian is from N(0, 1), its Kullback-Leibler divergence.

It is the second term of the loss of a variational autoencoder, and pulls all latents towards
N(0, 1). With logvar the logarithm of the variance, as in 14, it is

    KL = ½ Σ (mean² + e^logvar − 1 − logvar)

over all entries, those of every row. It is a sum and no mean.
"""

import numpy as np


def kl_forward(mean, logvar):
    """Return KL, one number, given mean and logvar, both (n, latent)."""
    raise NotImplementedError


def kl_backward(mean, logvar):
    """Return dmean and dlogvar, both (n, latent): a tuple in this order.

    They are the gradients of KL itself. Which terms of the sum does one mean enter, and which one
    logvar?
    """
    raise NotImplementedError
