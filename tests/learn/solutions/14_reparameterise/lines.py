import numpy as np


def reparameterise_forward(mean, logvar, noise):
    std = np.exp(logvar / 2)
    return mean + std * noise


def reparameterise_backward(dz, logvar, noise):
    std = np.exp(logvar / 2)
    dstd = dz * noise
    return dz.copy(), dstd * std / 2
