"""A network as a stack of classes, with caches and dicts: tanh, SGD with momentum; and its check.

    python -m examples.class_stack

It denoises small digits. Spoil a line of a backward, and run it again.
"""

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from compare import check_gradients, check_layer, check_optimizer

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


def loss_and_grads(x: Array, target: Array, **params: Array) -> tuple[float, dict[str, Array]]:
    """Return the summed squared error of a small stack with these parameters, and its gradients."""
    rng = np.random.default_rng(0)
    stack: list[Any] = [Affine(12, 9, rng), Tanh(), Affine(9, 12, rng)]
    for i, layer in enumerate(stack):
        layer.params = {name: params[f"{name}{i}"] for name in layer.params}
    y = x
    for layer in stack:
        y = layer.forward(y)
    dout = 2 * (y - target)
    for layer in reversed(stack):
        dout = layer.backward(dout)
    grads = {f"{name}{i}": g for i, layer in enumerate(stack) for name, g in layer.grads.items()}
    return ((y - target) ** 2).sum(), grads


def reference(x, target, W0, b0, W2, b2):  # type: ignore[no-untyped-def]
    """Return the same loss, as a scalar tensor."""
    return ((torch.tanh(x @ W0 + b0) @ W2 + b2 - target) ** 2).sum()


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
    """Judge both layers, a whole network of them and the optimizer by PyTorch's."""
    rng = np.random.default_rng(1)
    x, params = rng.standard_normal((32, 20)), {"w": rng.standard_normal((5, 20))}
    shapes = {
        "x": (8, 12),
        "target": (8, 12),
        "W0": (12, 9),
        "b0": (9,),
        "W2": (9, 12),
        "b2": (12,),
    }
    operands = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return [
        check_layer(Affine(20, 5, rng), torch.nn.Linear(20, 5), x).sentence,
        check_layer(Tanh(), torch.nn.Tanh(), x).sentence,
        check_gradients(loss_and_grads, reference, operands).sentence,
        check_optimizer(
            lambda p: Momentum(p, 0.02), lambda p: torch.optim.SGD(p, 0.02, 0.9), params
        ).sentence,
    ]


if __name__ == "__main__":
    print(*check(), f"error per pixel: {train()[-1]:.4f}", sep="\n")
