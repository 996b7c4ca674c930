"""The sigmoid, backward: from the gradient of its output to that of its input.

The chain rule: x[n, i] acts on the loss only through the outputs that it enters. So its gradient is
the sum, over those outputs, of the output's gradient times the slope of that output by x[n, i].
"""

import numpy as np


def sigmoid_backward(dy, y):
    """Return dx, given dy and the forward's result y = 1 / (1 + e⁻ˣ), all of one shape.

    You are given y and not x. What is the slope of the sigmoid, written in y alone?
    """
    raise NotImplementedError
