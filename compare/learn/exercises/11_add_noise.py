"""Noise: the network sees spoilt images, and has to find the clean ones in them."""

import numpy as np


def add_noise(x, factor, rng):
    """Return x + factor · noise, clipped to [0, 1]; of the shape and dtype of x.

    x (n, pixels) has pixels in [0, 1]. The noise is normal, with mean 0 and standard deviation 1,
    and every pixel has its own. Draw it from rng, a numpy.random.Generator, and from nothing
    else: then the same seed gives the same noise.
    """
    raise NotImplementedError
