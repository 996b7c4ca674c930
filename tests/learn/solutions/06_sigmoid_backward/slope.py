import numpy as np


def sigmoid_backward(dy, y):
    slope = np.multiply(y, 1 - y)
    return np.multiply(slope, dy)
