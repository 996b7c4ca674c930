import numpy as np


def loss_forward(y, target):
    return np.linalg.norm(y - target) ** 2
