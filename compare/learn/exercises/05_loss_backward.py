"""The loss, backward: here the gradients start.

We write dy for the gradient of the loss L with respect to an array y: dy[n, i] says how fast L
grows when y[n, i] does, and everything else stays. It has the shape of y.
"""

import numpy as np


def loss_backward(y, target):
    """Return dy, given y and target, both (n, pixels), where L = Σ (y[n, i] − target[n, i])².

    Which terms of the sum does y[n, i] enter, and what is the slope of such a term?
    """
    raise NotImplementedError
