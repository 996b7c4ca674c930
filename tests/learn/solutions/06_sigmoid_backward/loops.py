import numpy as np


def sigmoid_backward(dy, y):
    dx = np.zeros_like(dy)
    for n in range(dy.shape[0]):
        for i in range(dy.shape[1]):
            dx[n, i] = dy[n, i] * y[n, i] * (1 - y[n, i])
    return dx
