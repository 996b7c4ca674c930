import numpy as np


def loss_backward(y, target):
    dy = np.zeros_like(y)
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            dy[n, i] = 2 * (y[n, i] - target[n, i])
    return dy
