import numpy as np


def kl_forward(mean, logvar):
    return 0.5 * np.sum(mean**2 + np.exp(logvar) - 1 - logvar)


def kl_backward(mean, logvar):
    return mean, 0.5 * (np.exp(logvar) - 1)
