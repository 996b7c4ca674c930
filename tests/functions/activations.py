"""Functions of one number, as people write them; every form of a function means the same."""

import math

import numpy as np
from scipy.special import erf, erfc

Array = np.ndarray
Grads = dict[str, Array]


def tanh(x: Array) -> Array:
    """By NumPy's own."""
    return np.tanh(x)


def tanh_backward(dy: Array, x: Array) -> Grads:
    y = tanh(x)
    return {"x": dy * (1 - y**2)}


def tanh_expm1(x: Array) -> Array:
    """(1 − q) / (1 + q) for q = exp(−2|x|), with q − 1 by expm1."""
    e = np.expm1(-2 * np.abs(x))
    return np.sign(x) * -e / (2 + e)


def tanh_expm1_backward(dy: Array, x: Array) -> Grads:
    q = np.exp(-2 * np.abs(x))
    return {"x": dy * 4 * q / (1 + q) ** 2}


def tanh_exponentials(x: Array) -> Array:
    """(1 − q) / (1 + q), which cancels near zero: less exact, and right."""
    q = np.exp(-2 * np.abs(x))
    return np.sign(x) * (1 - q) / (1 + q)


def tanh_exponentials_backward(dy: Array, x: Array) -> Grads:
    y = tanh_exponentials(x)
    return {"x": dy * (1 - y) * (1 + y)}


def sigmoid(x: Array) -> Array:
    """By exp(−|x|), which cannot overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def sigmoid_backward(dy: Array, x: Array) -> Grads:
    y = sigmoid(x)
    return {"x": dy * y * (1 - y)}


def sigmoid_masks(x: Array) -> Array:
    """Each sign by the formula that cannot overflow there."""
    y = np.empty_like(x)
    positive = x >= 0
    y[positive] = 1 / (1 + np.exp(-x[positive]))
    e = np.exp(x[~positive])
    y[~positive] = e / (1 + e)
    return y


def sigmoid_masks_backward(dy: Array, x: Array) -> Grads:
    dx = sigmoid_masks(x)
    dx *= sigmoid_masks(-x)
    dx *= dy
    return {"x": dx}


def relu(x: Array) -> Array:
    """The larger of x and zero."""
    return np.maximum(0, x)


def relu_backward(dy: Array, x: Array) -> Grads:
    return {"x": dy * (x > 0)}


def relu_masked(x: Array) -> Array:
    """A copy whose negative entries are set to zero."""
    y = x.copy()
    y[y < 0] = 0
    return y


def relu_masked_backward(dy: Array, x: Array) -> Grads:
    dx = dy.copy()
    dx[x <= 0] = 0
    return {"x": dx}


SLOPE = 0.01  # of the leaky ReLU, as in PyTorch


def leaky_relu(x: Array) -> Array:
    """By a choice for each entry."""
    return np.where(x > 0, x, SLOPE * x)


def leaky_relu_backward(dy: Array, x: Array) -> Grads:
    return {"x": np.where(x > 0, dy, SLOPE * dy)}


def leaky_relu_larger(x: Array) -> Array:
    """The larger of x and its hundredth."""
    return np.maximum(x, SLOPE * x)


def leaky_relu_larger_backward(dy: Array, x: Array) -> Grads:
    dx = dy.copy()
    dx[x <= 0] *= SLOPE
    return {"x": dx}


# x Φ(x), with the normal distribution's own Φ


def gelu(x: Array) -> Array:
    """By the error function."""
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def gelu_backward(dy: Array, x: Array) -> Grads:
    cdf = 0.5 * (1 + erf(x / math.sqrt(2)))
    pdf = np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return {"x": dy * (cdf + x * pdf)}


def gelu_erfc(x: Array) -> Array:
    """By the complementary error function, which keeps its digits for negative x."""
    return x * erfc(-math.sqrt(0.5) * x) / 2


def gelu_erfc_backward(dy: Array, x: Array) -> Grads:
    slope = np.exp(-x * x / 2)
    slope *= x / math.sqrt(2 * math.pi)
    slope += erfc(-math.sqrt(0.5) * x) / 2
    return {"x": dy * slope}


# the same, with Φ approximated through tanh


def gelu_tanh(x: Array) -> Array:
    """As it stands in the paper."""
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + np.tanh(inner))


def gelu_tanh_backward(dy: Array, x: Array) -> Grads:
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    dinner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    t = np.tanh(inner)
    return {"x": dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * dinner)}


def gelu_tanh_sigmoid(x: Array) -> Array:
    """As x σ(2u), for (1 + tanh u) / 2 is σ(2u)."""
    u = math.sqrt(8 / math.pi) * x * (1 + 0.044715 * x * x)
    return x * sigmoid(u)


def gelu_tanh_sigmoid_backward(dy: Array, x: Array) -> Grads:
    u = math.sqrt(8 / math.pi) * x * (1 + 0.044715 * x * x)
    du = math.sqrt(8 / math.pi) * (1 + 0.134145 * x * x)
    return {"x": dy * (sigmoid(u) + x * sigmoid(u) * sigmoid(-u) * du)}


def softplus(x: Array) -> Array:
    """log(e⁰ + eˣ)."""
    return np.logaddexp(0, x)


def softplus_backward(dy: Array, x: Array) -> Grads:
    return {"x": dy * np.exp(-np.logaddexp(0, -x))}


def softplus_split(x: Array) -> Array:
    """The part that grows, and the rest."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softplus_split_backward(dy: Array, x: Array) -> Grads:
    e = np.exp(-np.abs(x))
    dx = np.where(x > 0, 1 / (1 + e), e / (1 + e))
    dx *= dy
    return {"x": dx}
