"""The sigmoid, forward: it turns any number into one between 0 and 1, as a pixel is."""

import numpy as np


def sigmoid_forward(x):
    """Return y, of the shape of x: entry by entry, 1 / (1 + e⁻ˣ).

    x may be any number, say ±1000. No exponential may overflow, and no warning may be raised: e¹⁰⁰⁰
    is too large for any dtype. How else can the same value be written where x is below zero?
    """
    raise NotImplementedError
