import numpy as np


def linear_forward(x, weight, bias):
    y = np.zeros((len(x), len(weight)), dtype=x.dtype)
    for n in range(len(x)):
        for o in range(len(weight)):
            y[n, o] = bias[o]
            for i in range(x.shape[1]):
                y[n, o] += x[n, i] * weight[o, i]
    return y
