"""A linear layer, backward: weight and bias are inputs like x, and have gradients like x."""

import numpy as np


def linear_backward(dy, x, weight):
    """Return dx (n, in), dweight (out, in), dbias (out,): a tuple in this order.

    Given are dy (n, out), the gradient of the loss with respect to y, and the forward's x (n, in)
    and weight (out, in). The forward was

        y[n, o] = Σᵢ x[n, i] · weight[o, i] + bias[o]

    For each of the three: which entries of y does one entry of it enter, and with what slope? The
    loss is a sum over the rows, and no mean.
    """
    raise NotImplementedError
