import numpy as np


def add_noise(x, factor, rng):
    return np.clip(x + factor * rng.standard_normal(x.shape, dtype=x.dtype), 0, 1)
