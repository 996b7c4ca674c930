"""A classifier of functions, weights (in, out), softmax and cross-entropy; and its check.

    python -m examples.functional

It reads small digits. Spoil a line of `loss_and_grads`, and run it again.
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.nn.functional import cross_entropy

from compare import check_gradients

Array = np.ndarray


def forward(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> tuple[Array, Array]:
    """Map x (batch, in) to the hidden layer (batch, hidden) and the logits (batch, classes)."""
    hidden = np.maximum(x @ w1 + b1, 0)
    return hidden, hidden @ w2 + b2


def loss_and_grads(
    x: Array, labels: Array, w1: Array, b1: Array, w2: Array, b2: Array
) -> tuple[float, dict[str, Array]]:
    """Return the mean cross-entropy of the batch and its gradients by name."""
    hidden, logits = forward(x, w1, b1, w2, b2)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(x))
    loss = -log_p[rows, labels].mean()

    dlogits = np.exp(log_p)
    dlogits[rows, labels] -= 1
    dlogits /= len(x)
    dhidden = dlogits @ w2.T * (hidden > 0)
    return loss, {
        "w2": hidden.T @ dlogits,
        "b2": dlogits.sum(axis=0),
        "w1": x.T @ dhidden,
        "b1": dhidden.sum(axis=0),
    }


def first_params(
    n_in: int, hidden: int, classes: int, rng: np.random.Generator
) -> dict[str, Array]:
    """Return He's start for the first layer, a small one for the second."""
    return {
        "w1": np.sqrt(2 / n_in) * rng.standard_normal((n_in, hidden)),
        "b1": np.zeros(hidden),
        "w2": 0.1 * rng.standard_normal((hidden, classes)),
        "b2": np.zeros(classes),
    }


def train(epochs: int = 20) -> float:
    """Train 64-32-10 by plain SGD; return the accuracy on digits that it never saw."""
    rng = np.random.default_rng(0)
    images, labels = load_digits(return_X_y=True)
    images = images / 16
    params = first_params(64, 32, 10, rng)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(1500), 50):
            _, grads = loss_and_grads(images[rows], labels[rows], **params)
            for name, grad in grads.items():
                params[name] -= 0.5 * grad
    _, logits = forward(images[1500:], **params)
    return float((logits.argmax(axis=1) == labels[1500:]).mean())


def reference(x, labels, w1, b1, w2, b2):  # type: ignore[no-untyped-def]
    """Return the same loss, as a scalar tensor."""
    return cross_entropy(torch.relu(x @ w1 + b1) @ w2 + b2, labels)


def check() -> str:
    """Judge loss and gradients by PyTorch's."""
    rng = np.random.default_rng(1)
    batch = {"x": rng.standard_normal((16, 12)), "labels": rng.integers(0, 4, 16)}
    return check_gradients(loss_and_grads, reference, batch | first_params(12, 9, 4, rng)).sentence


if __name__ == "__main__":
    print(check(), f"accuracy on unseen digits: {train():.3f}", sep="\n")
