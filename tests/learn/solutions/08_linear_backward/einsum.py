import numpy as np


def linear_backward(dy, x, weight):
    dx = np.einsum("no,oi->ni", dy, weight)
    dweight = np.einsum("no,ni->oi", dy, x)
    dbias = np.einsum("no->o", dy)
    return dx, dweight, dbias
