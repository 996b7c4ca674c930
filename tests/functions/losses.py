"""Losses, as people write them; every form of a function means the same."""

import numpy as np

Array = np.ndarray
Grads = dict[str, Array]


# the mean of (prediction − target)², over every entry: prediction and target (rows, features)


def mean_squared_error(prediction: Array, target: Array) -> Array:
    """By NumPy's mean."""
    return np.mean((prediction - target) ** 2)


def mean_squared_error_backward(dy: Array, prediction: Array, target: Array) -> Grads:
    d = dy * 2 * (prediction - target) / prediction.size
    return {"prediction": d, "target": -d}


def mean_squared_error_dot(prediction: Array, target: Array) -> Array:
    """As the square of a vector's length."""
    r = (target - prediction).ravel()
    return np.dot(r, r) / r.size


def mean_squared_error_dot_backward(dy: Array, prediction: Array, target: Array) -> Grads:
    rows, features = prediction.shape
    return {"prediction": 2 / (rows * features) * (prediction - target) * dy}


# the sum of the same


def summed_squared_error(prediction: Array, target: Array) -> Array:
    """By NumPy's sum."""
    return ((prediction - target) ** 2).sum()


def summed_squared_error_backward(dy: Array, prediction: Array, target: Array) -> Grads:
    return {"prediction": 2 * dy * (prediction - target), "target": 2 * dy * (target - prediction)}


def summed_squared_error_loops(prediction: Array, target: Array) -> Array:
    """Row by row."""
    total = np.zeros((), prediction.dtype)
    for actual, wanted in zip(prediction, target, strict=True):
        total += np.dot(actual - wanted, actual - wanted)
    return total


def summed_squared_error_loops_backward(dy: Array, prediction: Array, target: Array) -> Grads:
    d = np.empty_like(prediction)
    for n in range(len(prediction)):
        d[n] = 2 * (prediction[n] - target[n])
    d *= dy
    return {"prediction": d}


# the mean of −t log σ(x) − (1 − t) log(1 − σ(x)): logits and targets (rows, features)


def binary_cross_entropy(logits: Array, targets: Array) -> Array:
    """By the largest of x and zero and a logarithm that cannot overflow."""
    loss = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return loss.mean()


def binary_cross_entropy_backward(dy: Array, logits: Array, targets: Array) -> Grads:
    e = np.exp(-np.abs(logits))
    probability = np.where(logits >= 0, 1 / (1 + e), e / (1 + e))
    return {"logits": dy * (probability - targets) / logits.size}


def binary_cross_entropy_logaddexp(logits: Array, targets: Array) -> Array:
    """By −log σ(x) = log(1 + e⁻ˣ) and −log(1 − σ(x)) = log(1 + eˣ)."""
    yes, no = np.logaddexp(0, -logits), np.logaddexp(0, logits)
    return np.mean(targets * yes + (1 - targets) * no)


def binary_cross_entropy_logaddexp_backward(dy: Array, logits: Array, targets: Array) -> Grads:
    probability = 0.5 * (1 + np.tanh(0.5 * logits))
    n = logits.size
    return {"logits": (probability - targets) * dy / n, "targets": -logits * dy / n}


DELTA = 0.5  # where Huber's loss becomes linear


# the mean of r²/2 where |r| ≤ δ, of δ (|r| − δ/2) elsewhere; r = prediction − target


def huber(prediction: Array, target: Array) -> Array:
    """By a choice for each entry."""
    r = prediction - target
    small = np.abs(r) <= DELTA
    return np.where(small, 0.5 * r**2, DELTA * (np.abs(r) - 0.5 * DELTA)).mean()


def huber_backward(dy: Array, prediction: Array, target: Array) -> Grads:
    r = prediction - target
    slope = np.where(np.abs(r) <= DELTA, r, DELTA * np.sign(r))
    return {"prediction": dy * slope / r.size, "target": -dy * slope / r.size}


def huber_clipped(prediction: Array, target: Array) -> Array:
    """By a |r| − a²/2 with a = min(|r|, δ)."""
    size = np.abs(prediction - target)
    a = np.minimum(size, DELTA)
    return np.sum(a * size - a * a / 2) / prediction.size


def huber_clipped_backward(dy: Array, prediction: Array, target: Array) -> Grads:
    slope = np.clip(prediction - target, -DELTA, DELTA)
    slope *= dy / prediction.size
    return {"prediction": slope}


# KL(N(mean, exp(logvar)) ‖ N(0, 1)), summed: mean and logvar (rows, latent)


def gaussian_kl(mean: Array, logvar: Array) -> Array:
    """As it stands in the paper."""
    return -0.5 * np.sum(1 + logvar - mean**2 - np.exp(logvar))


def gaussian_kl_backward(dy: Array, mean: Array, logvar: Array) -> Grads:
    return {"mean": dy * mean, "logvar": dy * 0.5 * (np.exp(logvar) - 1)}


def gaussian_kl_expm1(mean: Array, logvar: Array) -> Array:
    """By exp(logvar) − 1 in one go."""
    terms = np.expm1(logvar)
    terms -= logvar
    terms += mean * mean
    return terms.sum() / 2


def gaussian_kl_expm1_backward(dy: Array, mean: Array, logvar: Array) -> Grads:
    half = dy / 2
    return {"mean": 2 * half * mean, "logvar": half * np.expm1(logvar)}
