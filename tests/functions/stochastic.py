"""Functions whose randomness is an operand, as people write them; every form means the same."""

import numpy as np

Array = np.ndarray
Grads = dict[str, Array]

KEPT = 0.8  # the part of the entries that dropout keeps


# x (rows, features) where mask is one, divided by the part that is kept, and zero where mask is 0


def dropout(x: Array, mask: Array) -> Array:
    """By a product."""
    return x * mask / KEPT


def dropout_backward(dy: Array, x: Array, mask: Array) -> Grads:
    return {"x": dy * mask / KEPT}


def dropout_chosen(x: Array, mask: Array) -> Array:
    """By a choice for each entry."""
    return np.where(mask > 0, x / KEPT, 0)


def dropout_chosen_backward(dy: Array, x: Array, mask: Array) -> Grads:
    dx = dy / KEPT
    dx[mask == 0] = 0
    return {"x": dx}


# z = mean + exp(logvar / 2) noise, all (rows, latent)


def reparameterise(mean: Array, logvar: Array, noise: Array) -> Array:
    """By the standard deviation."""
    std = np.exp(0.5 * logvar)
    return mean + std * noise


def reparameterise_backward(dy: Array, mean: Array, logvar: Array, noise: Array) -> Grads:
    std = np.exp(0.5 * logvar)
    return {"mean": dy, "logvar": dy * noise * std * 0.5}


def reparameterise_in_place(mean: Array, logvar: Array, noise: Array) -> Array:
    """In one array of its own."""
    z = logvar / 2
    np.exp(z, out=z)
    z *= noise
    z += mean
    return z


def reparameterise_in_place_backward(dy: Array, mean: Array, logvar: Array, noise: Array) -> Grads:
    dnoise = np.exp(logvar / 2)
    dnoise *= dy
    return {"mean": dy.copy(), "logvar": dnoise * noise / 2, "noise": dnoise}
