"""A script with one column for each example, `dW1 = 1/m · dZ1 X.T`; and its check.

    python -m examples.column_vectors

It tells the digit 8 from all others. Spoil a line of `backprop`, and run it again.
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.nn.functional import binary_cross_entropy_with_logits

from compare import check_gradients

Array = np.ndarray


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + e⁻ᶻ), without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def backprop(
    X: Array, Y: Array, W1: Array, b1: Array, W2: Array, b2: Array
) -> tuple[float, dict[str, Array]]:
    """Return the mean cross-entropy and its gradients; X is (in, m), Y (1, m)."""
    m = X.shape[1]
    A1 = np.tanh(W1 @ X + b1)
    Z2 = W2 @ A1 + b2
    A2 = sigmoid(Z2)
    # log A2 = −log(1 + e⁻ᶻ), and log(1 − A2) = log A2 − z
    cost = (np.logaddexp(0, -Z2) + (1 - Y) * Z2).mean()

    dZ2 = A2 - Y
    dW2 = 1 / m * dZ2 @ A1.T
    db2 = 1 / m * dZ2.sum(axis=1, keepdims=True)
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    dW1 = 1 / m * dZ1 @ X.T
    db1 = 1 / m * dZ1.sum(axis=1, keepdims=True)
    return cost, {"W2": dW2, "b2": db2, "W1": dW1, "b1": db1}


def first_params(n_in: int, hidden: int, rng: np.random.Generator) -> dict[str, Array]:
    """Return small weights (out, in) and biases (out, 1)."""
    return {
        "W1": 0.1 * rng.standard_normal((hidden, n_in)),
        "b1": np.zeros((hidden, 1)),
        "W2": 0.1 * rng.standard_normal((1, hidden)),
        "b2": np.zeros((1, 1)),
    }


def train(steps: int = 300) -> float:
    """Train 64-16-1 on all of the first 1,500 digits; return the accuracy on the others."""
    rng = np.random.default_rng(0)
    images, labels = load_digits(return_X_y=True)
    X, Y = images.T / 16, (labels == 8)[None].astype(float)
    params = first_params(64, 16, rng)
    for _ in range(steps):
        _, grads = backprop(X[:, :1500], Y[:, :1500], **params)
        for name, grad in grads.items():
            params[name] -= 2.0 * grad
    hidden = np.tanh(params["W1"] @ X[:, 1500:] + params["b1"])
    told = sigmoid(params["W2"] @ hidden + params["b2"]) > 0.5
    return float((told == Y[:, 1500:]).mean())


def reference(X, Y, W1, b1, W2, b2):  # type: ignore[no-untyped-def]
    """Return the same cost, as a scalar tensor."""
    return binary_cross_entropy_with_logits(W2 @ torch.tanh(W1 @ X + b1) + b2, Y)


def check() -> str:
    """Judge cost and gradients by PyTorch's."""
    rng = np.random.default_rng(1)
    batch = {"X": rng.standard_normal((12, 16)), "Y": rng.integers(0, 2, (1, 16)).astype(float)}
    return check_gradients(backprop, reference, batch | first_params(12, 9, rng)).sentence


if __name__ == "__main__":
    print(check(), f"accuracy on unseen digits: {train():.3f}", sep="\n")
