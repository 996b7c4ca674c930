import math

import numpy as np


def kl_forward(mean, logvar):
    total = 0.0
    for index in np.ndindex(mean.shape):
        total += mean[index] ** 2 + math.exp(logvar[index]) - 1 - logvar[index]
    return float(total / 2)


def kl_backward(mean, logvar):
    dlogvar = np.empty_like(logvar)
    for index in np.ndindex(logvar.shape):
        dlogvar[index] = math.exp(logvar[index]) / 2 - 0.5
    return mean.copy(), dlogvar
