import math

import numpy as np


def sigmoid_forward(x):
    y = np.zeros_like(x)
    for index, value in np.ndenumerate(x):
        if value >= 0:
            y[index] = 1 / (1 + math.exp(-value))
        else:
            y[index] = math.exp(value) / (1 + math.exp(value))
    return y
