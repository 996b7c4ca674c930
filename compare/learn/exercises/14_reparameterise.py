"""One more, if you like: a draw from a Gaussian, as the latent of a variational autoencoder is.

A draw has no gradient. Written as mean + std · noise it has one: the noise is drawn before, from
N(0, 1), and handed in, so it is a constant, and z moves with mean and std as with any input.
"""

import numpy as np


def reparameterise_forward(mean, logvar, noise):
    """Return z = mean + std · noise, entry by entry; all of one shape, (n, latent).

    logvar is the logarithm of the variance, std². What is std, then? (The network computes logvar
    because that may be any number, and std has to be above zero.)
    """
    raise NotImplementedError


def reparameterise_backward(dz, logvar, noise):
    """Return dmean and dlogvar, both (n, latent): a tuple in this order.

    Given are dz, the gradient of the loss with respect to z, and the forward's logvar and noise.
    How fast does z grow with mean, and how fast with logvar?
    """
    raise NotImplementedError
