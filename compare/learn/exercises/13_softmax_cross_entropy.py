"""One more, if you like: softmax and cross-entropy, the loss of a classifier.

Row n of the logits becomes probabilities, p[n, k] = e^logits[n, k] / Σⱼ e^logits[n, j]; the loss is
the sum, over the rows, of −log p[n, label of row n]. It is a sum and no mean.
"""

import numpy as np


def softmax_cross_entropy_forward(logits, labels):
    """Return the loss, one number, given logits (n, classes) and labels (n,), which are integers.

    Logits may be any numbers, say ±1000. Nothing may overflow, and no logarithm may be of 0: what
    may be subtracted from all logits of a row without changing p?
    """
    raise NotImplementedError


def softmax_cross_entropy_backward(logits, labels):
    """Return the gradient of the loss with respect to the logits, (n, classes).

    Every logit of a row enters all of its probabilities. Which of them does the loss see?
    """
    raise NotImplementedError
