"""Softmax and what is made with it, as people write it; every form of a function means the same."""

import math

import numpy as np
from scipy.special import logsumexp

Array = np.ndarray
Grads = dict[str, Array]


# over each row of x (rows, classes)


def softmax(x: Array) -> Array:
    """All rows at once."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dy: Array, x: Array) -> Grads:
    y = softmax(x)
    return {"x": y * (dy - (dy * y).sum(axis=1, keepdims=True))}


def softmax_jacobian(x: Array) -> Array:
    """Row by row."""
    y = np.empty_like(x)
    for n, row in enumerate(x):
        e = np.exp(row - np.max(row))
        y[n] = e / np.sum(e)
    return y


def softmax_jacobian_backward(dy: Array, x: Array) -> Grads:
    dx = np.empty_like(x)
    for n, s in enumerate(softmax_jacobian(x)):
        jacobian = np.diag(s) - np.outer(s, s)
        dx[n] = jacobian @ dy[n]
    return {"x": dx}


def log_softmax(x: Array) -> Array:
    """Shifted by the maximum, less the logarithm of the sum."""
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_softmax_backward(dy: Array, x: Array) -> Grads:
    p = np.exp(log_softmax(x))
    return {"x": dy - p * dy.sum(axis=1, keepdims=True)}


def log_softmax_scipy(x: Array) -> Array:
    """By SciPy's logsumexp."""
    return x - logsumexp(x, axis=1, keepdims=True)


def log_softmax_scipy_backward(dy: Array, x: Array) -> Grads:
    dx = log_softmax_scipy(x)
    np.exp(dx, out=dx)
    dx *= -dy.sum(axis=1, keepdims=True)
    dx += dy
    return {"x": dx}


# the mean over rows of −log softmax(logits)[label]: logits (rows, classes), labels (rows,)


def cross_entropy(logits: Array, labels: Array) -> Array:
    """By the log-softmax."""
    picked = log_softmax(logits)[np.arange(len(labels)), labels]
    return -picked.mean()


def cross_entropy_backward(dy: Array, logits: Array, labels: Array) -> Grads:
    p = softmax(logits)
    p[np.arange(len(labels)), labels] -= 1
    return {"logits": dy * p / len(labels)}


def cross_entropy_onehot(logits: Array, labels: Array) -> Array:
    """Against rows that are one at the label."""
    onehot = (labels[:, None] == np.arange(logits.shape[1])).astype(logits.dtype)
    highest = logits.max(axis=1, keepdims=True)
    logsum = highest + np.log(np.sum(np.exp(logits - highest), axis=1, keepdims=True))
    return np.sum(onehot * (logsum - logits)) / logits.shape[0]


def cross_entropy_onehot_backward(dy: Array, logits: Array, labels: Array) -> Grads:
    onehot = (labels[:, None] == np.arange(logits.shape[1])).astype(logits.dtype)
    return {"logits": (softmax(logits) - onehot) * (dy / logits.shape[0])}


def cross_entropy_loops(logits: Array, labels: Array) -> Array:
    """Row by row."""
    total = np.zeros((), logits.dtype)
    for row, label in zip(logits, labels, strict=True):
        total += logsumexp(row) - row[label]
    return total / len(labels)


def cross_entropy_loops_backward(dy: Array, logits: Array, labels: Array) -> Grads:
    dlogits = np.zeros_like(logits)
    for n, label in enumerate(labels):
        dlogits[n] = np.exp(logits[n] - logsumexp(logits[n]))
        dlogits[n, label] -= 1
        dlogits[n] *= dy / len(labels)
    return {"logits": dlogits}


# softmax(q kᵀ / √d) v: q (batch, queries, d), k (batch, keys, d), v (batch, keys, features)


def attention(q: Array, k: Array, v: Array) -> Array:
    """The whole batch at once."""
    return attention_weights(q, k) @ v


def attention_weights(q: Array, k: Array) -> Array:
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention_backward(dy: Array, q: Array, k: Array, v: Array) -> Grads:
    a = attention_weights(q, k)
    dv = a.transpose(0, 2, 1) @ dy
    da = dy @ v.transpose(0, 2, 1)
    dscores = a * (da - (a * da).sum(axis=-1, keepdims=True))
    dscores /= math.sqrt(q.shape[-1])
    return {"q": dscores @ k, "k": dscores.transpose(0, 2, 1) @ q, "v": dv}


def attention_einsum(q: Array, k: Array, v: Array) -> Array:
    """By index notation; q carries the scale."""
    p = softmax_last(np.einsum("bqd,bkd->bqk", q * q.shape[-1] ** -0.5, k))
    return np.einsum("bqk,bkf->bqf", p, v)


def softmax_last(x: Array) -> Array:
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return p


def attention_einsum_backward(dy: Array, q: Array, k: Array, v: Array) -> Grads:
    scale = q.shape[-1] ** -0.5
    p = softmax_last(scale * np.einsum("bqd,bkd->bqk", q, k))
    dp = np.einsum("bqf,bkf->bqk", dy, v)
    ds = p * (dp - np.einsum("bqk,bqk->bq", dp, p)[..., None])
    return {
        "q": scale * np.einsum("bqk,bkd->bqd", ds, k),
        "k": scale * np.einsum("bqk,bqd->bkd", ds, q),
        "v": np.einsum("bqk,bqf->bkf", p, dy),
    }
