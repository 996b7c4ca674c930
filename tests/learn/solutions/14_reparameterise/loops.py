import math

import numpy as np


def reparameterise_forward(mean, logvar, noise):
    z = np.empty_like(mean)
    for index in np.ndindex(z.shape):
        z[index] = mean[index] + math.exp(0.5 * logvar[index]) * noise[index]
    return z


def reparameterise_backward(dz, logvar, noise):
    dlogvar = np.empty_like(dz)
    for index in np.ndindex(dz.shape):
        dlogvar[index] = dz[index] * noise[index] * math.exp(0.5 * logvar[index]) * 0.5
    return dz, dlogvar
