"""Optimizers, as people write them; every form means the same.

`params` and `grads` are dicts from name to array; `step` changes the arrays in `params`.
"""

import math
from typing import Any

import numpy as np

Array = np.ndarray
Arrays = dict[str, Array]


class SGD:
    """Plain gradient descent; a parameter without a gradient stays."""

    def __init__(self, params: Arrays, lr: float = 0.05) -> None:
        self.params, self.lr = params, lr

    def step(self, grads: Arrays) -> None:
        for name, gradient in grads.items():
            self.params[name] -= self.lr * gradient


class SGDInPlace:
    """The same through NumPy's out; every parameter needs a gradient."""

    def __init__(self, params: Arrays) -> None:
        self.params = params

    def step(self, grads: Arrays) -> None:
        for name, value in self.params.items():
            np.subtract(value, 0.05 * grads[name], out=value)


class Momentum:
    """v = 0.9 v + g, p = p − lr v."""

    def __init__(self, params: Arrays, lr: float = 0.05, momentum: float = 0.9) -> None:
        self.params, self.lr, self.momentum = params, lr, momentum
        self.velocity = {name: np.zeros_like(value) for name, value in params.items()}

    def step(self, grads: Arrays) -> None:
        for name, gradient in grads.items():
            v = self.momentum * self.velocity[name] + gradient
            self.velocity[name] = v
            self.params[name] -= self.lr * v


class MomentumLists:
    """The same with lists, as older libraries have it."""

    def __init__(self, params: Arrays) -> None:
        self.names, self.values = list(params), list(params.values())
        self.velocities = [np.zeros(value.shape, value.dtype) for value in self.values]

    def step(self, grads: Arrays) -> None:
        for name, value, velocity in zip(self.names, self.values, self.velocities, strict=True):
            if name in grads:
                velocity *= 0.9
                velocity += grads[name]
                value -= 0.05 * velocity


class Adam:
    """As it stands in the paper; every parameter needs a gradient."""

    def __init__(
        self,
        params: Arrays,
        lr: float = 0.01,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        self.params = params
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.m = {name: np.zeros_like(value) for name, value in params.items()}
        self.v = {name: np.zeros_like(value) for name, value in params.items()}
        self.t = 0

    def step(self, grads: Arrays) -> None:
        self.t += 1
        for name, p in self.params.items():
            g = grads[name]
            self.m[name] = self.beta1 * self.m[name] + (1 - self.beta1) * g
            self.v[name] = self.beta2 * self.v[name] + (1 - self.beta2) * g**2
            m_hat = self.m[name] / (1 - self.beta1**self.t)
            v_hat = self.v[name] / (1 - self.beta2**self.t)
            p -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


class AdamSlots:
    """The same, each parameter with its own state and its own count; corrections are folded."""

    def __init__(self, params: Arrays) -> None:
        self.params = params
        self.state: dict[str, dict[str, Any]] = {
            name: {"step": 0, "m": np.zeros_like(value), "v": np.zeros_like(value)}
            for name, value in params.items()
        }

    def step(self, grads: Arrays) -> None:
        for name, g in grads.items():
            slot = self.state[name]
            slot["step"] += 1
            slot["m"] += 0.1 * (g - slot["m"])
            slot["v"] += 0.001 * (g * g - slot["v"])
            first = 1 - 0.9 ** slot["step"]
            second = math.sqrt(1 - 0.999 ** slot["step"])
            denominator = np.sqrt(slot["v"]) / second + 1e-8
            self.params[name] -= 0.01 / first * slot["m"] / denominator


class AdamW:
    """Adam with the decay apart from the gradient; every parameter needs a gradient."""

    def __init__(self, params: Arrays, lr: float = 0.01, decay: float = 0.1) -> None:
        self.params, self.lr, self.decay = params, lr, decay
        self.m = {name: np.zeros_like(value) for name, value in params.items()}
        self.v = {name: np.zeros_like(value) for name, value in params.items()}
        self.t = 0

    def step(self, grads: Arrays) -> None:
        self.t += 1
        for name, p in self.params.items():
            m, v, g = self.m[name], self.v[name], grads[name]
            p *= 1 - self.lr * self.decay
            m[...] = 0.9 * m + 0.1 * g
            v[...] = 0.999 * v + 0.001 * np.square(g)
            step = np.sqrt(v / (1 - 0.999**self.t))
            step += 1e-8
            p -= self.lr * (m / (1 - 0.9**self.t)) / step


class AdamWSlots:
    """The same, each parameter with its own count; decay and step in one difference."""

    def __init__(self, params: Arrays) -> None:
        self.params = params
        self.t = dict.fromkeys(params, 0)
        self.m = {name: np.zeros_like(value) for name, value in params.items()}
        self.v = {name: np.zeros_like(value) for name, value in params.items()}

    def step(self, grads: Arrays) -> None:
        for name, g in grads.items():
            self.t[name] += 1
            p, m, v, t = self.params[name], self.m[name], self.v[name], self.t[name]
            m += (g - m) * 0.1
            v *= 0.999
            v += 0.001 * g * g
            adam = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
            p -= 0.01 * (adam + 0.1 * p)
