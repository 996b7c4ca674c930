"""Functions with their gradients by hand, all right, and what torch has for each."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from tests.operands import Array

Grads = dict[str, Array]


class Written(NamedTuple):
    """A function by hand, its gradients, its reference, and operands to try it on."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    reference: Callable[..., Any]
    operands: Any


def normal(*shape: int) -> Array:
    """Return normal numbers in float32, the same at every call."""
    return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)


def rows(rng: np.random.Generator) -> int:
    """Return a number of rows: one, few or many."""
    return int(rng.choice([1, 2, 5, 33]))


def affine(x: Array, weight: Array, bias: Array) -> Array:
    """Compute x Wᵀ + b."""
    return x @ weight.T + bias


def affine_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    """Return its gradients."""
    return {"x": dy @ weight, "weight": dy.T @ x, "bias": dy.sum(0)}


def affine_operands(rng: np.random.Generator) -> Grads:
    """Return a batch of one of some sizes, with a square weight now and then."""
    n, i, o = rows(rng), *rng.choice([4, 6], 2)
    shapes = {"x": (n, i), "weight": (o, i), "bias": (o,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def column_affine(x: Array, w: Array, b: Array) -> Array:
    """Compute W x + b, one example a column."""
    return w @ x + b


def column_affine_backward(dy: Array, x: Array, w: Array, b: Array) -> Grads:
    """Return its gradients."""
    return {"x": w.T @ dy, "w": dy @ x.T, "b": dy.sum(1, keepdims=True)}


def softmax(z: Array) -> Array:
    """Compute exp(z) over the sum of its row."""
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def softmax_backward(dy: Array, z: Array) -> Grads:
    """Return y (dy − Σ dy y)."""
    y = softmax(z)
    return {"z": y * (dy - (dy * y).sum(1, keepdims=True))}


def cross_entropy(z: Array, labels: Array) -> Array:
    """Compute the mean of −log softmax(z) at the labels."""
    z = z - z.max(1, keepdims=True)
    return (np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels]).mean()


def cross_entropy_backward(dy: Array, z: Array, labels: Array) -> Grads:
    """Return (softmax − one-hot) / n."""
    p = softmax(z)
    p[np.arange(len(z)), labels] -= 1
    return {"z": dy * p / len(z)}


def normalized(x: Array, axis: int) -> tuple[Array, Array]:
    """Return x less its mean, over its deviation, and that deviation."""
    deviation = np.sqrt(x.var(axis, keepdims=True) + 1e-5)
    return (x - x.mean(axis, keepdims=True)) / deviation, deviation


def norm(axis: int) -> tuple[Callable[..., Array], Callable[..., Grads]]:
    """Return layer norm (axis 1) or batch norm (axis 0), forward and backward."""

    def forward(x: Array, gamma: Array, beta: Array) -> Array:
        return normalized(x, axis)[0] * gamma + beta

    def backward(dy: Array, x: Array, gamma: Array, beta: Array) -> Grads:
        h, deviation = normalized(x, axis)
        dh = dy * gamma
        mean, along = dh.mean(axis, keepdims=True), (dh * h).mean(axis, keepdims=True)
        dx = (dh - mean - h * along) / deviation
        return {"x": dx, "gamma": (dy * h).sum(0), "beta": dy.sum(0)}

    return forward, backward


def conv(x: Array, w: Array) -> Array:
    """Compute a convolution without padding, over places in a loop."""
    n, _, height, width = x.shape
    o, _, a, b = w.shape
    y = np.zeros((n, o, height - a + 1, width - b + 1), np.result_type(x, w))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            y[:, :, i, j] = np.tensordot(x[:, :, i : i + a, j : j + b], w, ([1, 2, 3], [1, 2, 3]))
    return y


def conv_backward(dy: Array, x: Array, w: Array) -> Grads:
    """Return its gradients."""
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    a, b = w.shape[2:]
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            at = np.s_[:, :, i : i + a, j : j + b]
            dx[at] += np.tensordot(dy[:, :, i, j], w, 1)
            dw += np.tensordot(dy[:, :, i, j].T, x[at], 1)
    return {"x": dx, "w": dw}


def max_pool(x: Array) -> Array:
    """Take the largest of each two by two."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


def max_pool_backward(dy: Array, x: Array) -> Grads:
    """Give the gradient to the first of the largest."""
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dy.shape):
        window = x[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        k, m = divmod(int(window.argmax()), 2)
        dx[n, c, 2 * i + k, 2 * j + m] += dy[n, c, i, j]
    return {"x": dx}


def embedding_backward(dy: Array, table: Array, indices: Array) -> Grads:
    """Add each gradient up where its row came from."""
    d = np.zeros_like(table)
    np.add.at(d, indices, dy)
    return {"table": d}


def gaussian_kl(mu: Array, logvar: Array) -> Array:
    """Compute KL(N(μ, σ²) ‖ N(0, 1)), summed."""
    return -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum()


def gaussian_kl_backward(dy: Array, mu: Array, logvar: Array) -> Grads:
    """Return μ and (σ² − 1) / 2."""
    return {"mu": dy * mu, "logvar": dy * 0.5 * np.expm1(logvar)}


def attention(q: Array, k: Array, v: Array) -> Array:
    """Compute softmax(q kᵀ / √d) v."""
    return softmax(q @ k.T / np.sqrt(q.shape[1]).astype(q.dtype)) @ v


def attention_backward(dy: Array, q: Array, k: Array, v: Array) -> Grads:
    """Return its gradients."""
    root = np.sqrt(q.shape[1]).astype(q.dtype)
    scores = q @ k.T / root
    ds = softmax_backward(dy @ v.T, scores)["z"] / root
    return {"q": ds @ k, "k": ds.T @ q, "v": softmax(scores).T @ dy}


def sigmoid(x: Array) -> Array:
    """Compute 1 / (1 + e⁻ˣ), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def bce(x: Array, target: Array) -> Array:
    """Compute the mean binary cross-entropy of logits."""
    return (np.maximum(x, 0) - x * target + np.log1p(np.exp(-np.abs(x)))).mean()


def smooth_l1(x: Array, target: Array) -> Array:
    """Compute the summed smooth L1 loss."""
    d = np.abs(x - target)
    return np.where(d < 1, 0.5 * d * d, d - 0.5).sum()


def gelu_slope(x: Array) -> Array:
    """Return the derivative of x Φ(x), Φ by torch's erf."""
    phi = (1 + torch.erf(torch.tensor(x / np.sqrt(2).astype(x.dtype))).numpy()) / 2
    return phi + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi).astype(x.dtype)


ROWS = np.random.default_rng(2)
LABELS = np.array([0, 2, 1, 2, 0, 4])
MASK = (ROWS.random((6, 5)) > 0.4).astype(np.float32)
PROBABILITIES = ROWS.random((6, 5), dtype=np.float32)
ONES, ZEROS = np.ones(5, np.float32), np.zeros(5, np.float32)
GAMMA = {"x": normal(6, 5), "gamma": ONES, "beta": ZEROS}

RIGHT: dict[str, Written] = {
    "affine": Written(
        affine, affine_backward, lambda x, weight, bias: F.linear(x, weight, bias), affine_operands
    ),
    "column affine": Written(
        column_affine,
        column_affine_backward,
        lambda x, w, b: w @ x + b,
        {"x": normal(5, 7), "w": normal(4, 5), "b": np.zeros((4, 1), np.float32)},
    ),
    "relu": Written(
        lambda x: np.maximum(x, 0),
        lambda dy, x: {"x": dy * (x > 0)},
        lambda x: F.relu(x),
        {"x": normal(6, 5)},
    ),
    "tanh": Written(
        lambda x: np.tanh(x),
        lambda dy, x: {"x": dy * (1 - np.tanh(x) ** 2)},
        lambda x: torch.tanh(x),
        {"x": normal(6, 5)},
    ),
    "sigmoid": Written(
        sigmoid,
        lambda dy, x: {"x": dy * sigmoid(x) * (1 - sigmoid(x))},
        lambda x: torch.sigmoid(x),
        {"x": normal(6, 5)},
    ),
    "softplus": Written(
        lambda x: np.logaddexp(x, 0),
        lambda dy, x: {"x": dy * sigmoid(x)},
        lambda x: F.softplus(x),
        {"x": normal(6, 5)},
    ),
    "gelu": Written(
        lambda x: x * (1 + torch.erf(torch.tensor(x / np.sqrt(2).astype(x.dtype))).numpy()) / 2,
        lambda dy, x: {"x": dy * gelu_slope(x)},
        lambda x: F.gelu(x),
        {"x": normal(6, 5)},
    ),
    "softmax": Written(
        softmax,
        softmax_backward,
        lambda z: F.softmax(z, 1),
        lambda rng: {"z": rng.standard_normal((rows(rng), 5))},
    ),
    "cross-entropy": Written(
        cross_entropy,
        cross_entropy_backward,
        lambda z, labels: F.cross_entropy(z, labels),
        {"z": normal(6, 5), "labels": LABELS},
    ),
    "layer norm": Written(
        *norm(1), lambda x, gamma, beta: F.layer_norm(x, (5,), gamma, beta), GAMMA
    ),
    "batch norm": Written(
        *norm(0),
        lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, training=True),
        GAMMA,
    ),
    "batch norm of two rows": Written(
        *norm(0),
        lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, training=True),
        {**GAMMA, "x": normal(2, 5)},
    ),
    "convolution": Written(
        conv,
        conv_backward,
        lambda x, w: F.conv2d(x, w),
        {"x": normal(2, 3, 6, 6), "w": normal(4, 3, 3, 3)},
    ),
    "max pool": Written(
        max_pool, max_pool_backward, lambda x: F.max_pool2d(x, 2), {"x": normal(2, 3, 4, 4)}
    ),
    "embedding": Written(
        lambda table, indices: table[indices],
        embedding_backward,
        lambda table, indices: F.embedding(indices, table),
        {"table": normal(5, 3), "indices": LABELS},
    ),
    "Gaussian KL": Written(
        gaussian_kl,
        gaussian_kl_backward,
        lambda mu, logvar: -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(),
        {"mu": normal(6, 5), "logvar": normal(6, 5) * np.float32(0.5)},
    ),
    "reparameterisation": Written(
        lambda mu, logvar, eps: mu + np.exp(logvar / 2) * eps,
        lambda dy, mu, logvar, eps: {"mu": dy, "logvar": dy * eps * np.exp(logvar / 2) / 2},
        lambda mu, logvar, eps: mu + torch.exp(logvar / 2) * eps,
        {"mu": normal(6, 5), "logvar": normal(6, 5), "eps": normal(6, 5)[::-1].copy()},
    ),
    "attention": Written(
        attention,
        attention_backward,
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
        {"q": normal(6, 4), "k": normal(7, 4)[::-1].copy(), "v": normal(7, 3)},
    ),
    "binary cross-entropy": Written(
        bce,
        lambda dy, x, target: {"x": dy * (sigmoid(x) - target) / x.size},
        lambda x, target: F.binary_cross_entropy_with_logits(x, target),
        {"x": normal(6, 5), "target": PROBABILITIES},
    ),
    "smooth L1": Written(
        smooth_l1,
        lambda dy, x, target: {
            "x": dy * np.clip(x - target, -1, 1),
            "target": -dy * np.clip(x - target, -1, 1),
        },
        lambda x, target: F.smooth_l1_loss(x, target, reduction="sum"),
        {"x": normal(6, 5), "target": normal(6, 5)[::-1].copy()},
    ),
    "dropout": Written(
        lambda x, mask: x * mask * 2,
        lambda dy, x, mask: {"x": dy * mask * 2},
        lambda x, mask: x * mask * 2,
        {"x": normal(6, 5), "mask": MASK},
    ),
    "mean squared error": Written(
        lambda y, target: np.square(y - target).mean(),
        lambda dy, y, target: {"y": dy * 2 * (y - target) / y.size},
        lambda y, target: F.mse_loss(y, target),
        {"y": normal(6, 5), "target": PROBABILITIES},
    ),
}
