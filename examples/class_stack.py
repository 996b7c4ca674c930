"""A network as a stack of classes, with caches and dicts: tanh, SGD with momentum; and its check.

    python -m examples.class_stack

It denoises small digits. Spoil a line of a backward, and run it again.
"""

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from compare import check_layer, check_optimizer

Array = np.ndarray


class Affine:
    """y = x W + b, with W (in, out)."""

    def __init__(self, n_in: int, n_out: int, rng: np.random.Generator) -> None:
        scale = 1 / np.sqrt(n_in)
        self.params = {"W": scale * rng.standard_normal((n_in, n_out)), "b": np.zeros(n_out)}
        self.grads: dict[str, Array] = {}

    def forward(self, x: Array) -> Array:
        """Map x (batch, in) to y (batch, out)."""
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout: Array) -> Array:
        """Keep the gradients of W and b; return that of x."""
        self.grads = {"W": self.x.T @ dout, "b": dout.sum(axis=0)}
        return dout @ self.params["W"].T


class Tanh:
    """y = tanh x."""

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}

    def forward(self, x: Array) -> Array:
        """Squash every entry."""
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout: Array) -> Array:
        """Return dx: the slope of tanh is 1 − y²."""
        return dout * (1 - self.y**2)


class Momentum:
    """SGD with momentum: v ← 0.9 v + g, θ ← θ − lr v."""

    def __init__(self, params: dict[str, Array], lr: float) -> None:
        self.params, self.lr = params, lr
        self.velocity = {name: np.zeros_like(param) for name, param in params.items()}

    def step(self, grads: dict[str, Array]) -> None:
        """Move every parameter."""
        for name, grad in grads.items():
            self.velocity[name] = 0.9 * self.velocity[name] + grad
            self.params[name] -= self.lr * self.velocity[name]


def train(epochs: int = 20) -> list[float]:
    """Train 64-40-64 on noisy digits; return the mean squared error of each epoch."""
    rng = np.random.default_rng(0)
    images = load_digits().data / 16
    stack: list[Any] = [Affine(64, 40, rng), Tanh(), Affine(40, 64, rng)]
    params = {f"{i}{name}": p for i, of in enumerate(stack) for name, p in of.params.items()}
    optimizer, errors = Momentum(params, lr=0.02), []
    for _ in range(epochs):
        total = 0.0
        for clean in np.array_split(rng.permutation(images), 60):
            x = clean + 0.3 * rng.standard_normal(clean.shape)
            for layer in stack:
                x = layer.forward(x)
            total += ((x - clean) ** 2).sum()
            dout = 2 * (x - clean) / len(clean)
            for layer in reversed(stack):
                dout = layer.backward(dout)
            grads = {f"{i}{name}": g for i, of in enumerate(stack) for name, g in of.grads.items()}
            optimizer.step(grads)
        errors.append(total / images.size)
    return errors


def check() -> list[str]:
    """Judge both layers and the optimizer by PyTorch's."""
    rng = np.random.default_rng(1)
    x, params = rng.standard_normal((32, 20)), {"w": rng.standard_normal((5, 20))}
    return [
        check_layer(Affine(20, 5, rng), torch.nn.Linear(20, 5), x).sentence,
        check_layer(Tanh(), torch.nn.Tanh(), x).sentence,
        check_optimizer(
            lambda p: Momentum(p, 0.02), lambda p: torch.optim.SGD(p, 0.02, 0.9), params
        ).sentence,
    ]


if __name__ == "__main__":
    print(*check(), f"error per pixel: {train()[-1]:.4f}", sep="\n")
