import math

import numpy as np


def softmax_cross_entropy_forward(logits, labels):
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        largest = max(row)
        exponentials = sum(math.exp(value - largest) for value in row)
        total += math.log(exponentials) - (row[label] - largest)
    return float(total)


def softmax_cross_entropy_backward(logits, labels):
    dlogits = np.zeros_like(logits)
    for n, row in enumerate(logits):
        largest = max(row)
        exponentials = [math.exp(value - largest) for value in row]
        for k, value in enumerate(exponentials):
            dlogits[n, k] = value / sum(exponentials) - (labels[n] == k)
    return dlogits
