import numpy as np


def linear_backward(dy, x, weight):
    dx, dweight = np.zeros_like(x), np.zeros_like(weight)
    dbias = np.zeros(len(weight), dtype=dy.dtype)
    for n in range(len(dy)):
        for o in range(len(weight)):
            dbias[o] += dy[n, o]
            for i in range(x.shape[1]):
                dx[n, i] += dy[n, o] * weight[o, i]
                dweight[o, i] += dy[n, o] * x[n, i]
    return dx, dweight, dbias
