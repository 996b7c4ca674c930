import numpy as np


def relu_backward(dy, y):
    dx = np.zeros_like(dy)
    for n in range(dy.shape[0]):
        for i in range(dy.shape[1]):
            if y[n, i] > 0:
                dx[n, i] = dy[n, i]
    return dx
