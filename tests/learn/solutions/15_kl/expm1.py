import numpy as np


def kl_forward(mean, logvar):
    flat = mean.ravel()
    return (flat @ flat + (np.expm1(logvar) - logvar).sum()) / 2


def kl_backward(mean, logvar):
    return 2 * mean / 2, np.expm1(logvar) / 2
