"""Optimizers as people write them by hand, each in two right forms or more, and torch's."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Arrays = dict[str, np.ndarray]
Reference = Callable[[list[torch.Tensor]], torch.optim.Optimizer]


class SGD:
    """p ← p − lr g."""

    def __init__(self, params: Arrays, lr: float = 0.1) -> None:
        self.params, self.lr = params, lr

    def step(self, grads: Arrays) -> None:
        for name, grad in grads.items():
            self.params[name] -= self.lr * grad


class ScaledSGD(SGD):
    """The same with the decay of L2, as one sum."""

    def step(self, grads: Arrays) -> None:
        for name in grads:
            self.params[name][...] = (1 - self.lr * 0.01) * self.params[name] - self.lr * grads[
                name
            ]


class Momentum(SGD):
    """A buffer for each parameter, made when it is needed."""

    nesterov = False

    def __init__(self, params: Arrays, lr: float = 0.1) -> None:
        super().__init__(params, lr)
        self.buffers: Arrays = {}

    def step(self, grads: Arrays) -> None:
        for name, grad in grads.items():
            if name not in self.buffers:
                self.buffers[name] = grad.copy()
            else:
                self.buffers[name] = 0.9 * self.buffers[name] + grad
            along = grad + 0.9 * self.buffers[name] if self.nesterov else self.buffers[name]
            self.params[name] -= self.lr * along


class Nesterov(Momentum):
    """Along the gradient and the buffer."""

    nesterov = True


class Velocity:
    """Momentum as textbooks have it: lr is in the velocity."""

    def __init__(self, params: Arrays) -> None:
        self.params, self.v = params, {name: np.zeros_like(p) for name, p in params.items()}

    def step(self, grads: Arrays) -> None:
        for name, grad in grads.items():
            v = self.v[name]
            v *= 0.9
            v -= 0.1 * grad
            self.params[name] += v


class LookAhead(Velocity):
    """Nesterov's, written with the velocity before and after."""

    def step(self, grads: Arrays) -> None:
        for name, grad in grads.items():
            old = self.v[name].copy()
            self.v[name] = 0.9 * old - 0.1 * grad
            self.params[name] += 1.9 * self.v[name] - 0.9 * old


class Adam:
    """As in the paper, t counted once for all."""

    decay = 0.0

    def __init__(self, params: Arrays) -> None:
        self.params, self.t = params, 0
        self.m = {name: np.zeros_like(p) for name, p in params.items()}
        self.v = {name: np.zeros_like(p) for name, p in params.items()}

    def step(self, grads: Arrays) -> None:
        self.t += 1
        for name, grad in grads.items():
            self.params[name] *= 1 - 1e-3 * self.decay
            self.m[name] = 0.9 * self.m[name] + 0.1 * grad
            self.v[name] = 0.999 * self.v[name] + 0.001 * grad**2
            m_hat = self.m[name] / (1 - 0.9**self.t)
            v_hat = self.v[name] / (1 - 0.999**self.t)
            self.params[name] -= 1e-3 * m_hat / (np.sqrt(v_hat) + 1e-8)


class AdamW(Adam):
    """With decoupled decay."""

    decay = 0.01


class InPlaceAdam:
    """With the corrections drawn out of the arrays, and t of each parameter."""

    decay = 0.0

    def __init__(self, params: Arrays) -> None:
        self.params = params
        self.state: dict[str, dict[str, Any]] = {
            name: {"t": 0, "m": np.zeros_like(p), "v": np.zeros_like(p)}
            for name, p in params.items()
        }

    def step(self, grads: Arrays) -> None:
        for name, p in self.params.items():
            if name not in grads:
                continue
            state, grad = self.state[name], grads[name]
            state["t"] += 1
            m, v, t = state["m"], state["v"], state["t"]
            m += (1 - 0.9) * (grad - m)
            v *= 0.999
            v += (1 - 0.999) * np.square(grad)
            root = np.sqrt(1 - 0.999**t)
            change = 1e-3 * root / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-8 * root)
            p[...] = p - change - 1e-3 * self.decay * p


class InPlaceAdamW(InPlaceAdam):
    """With decoupled decay."""

    decay = 0.01


class RMSprop(SGD):
    """p ← p − lr g / (√s + eps), s the running mean of squares."""

    def __init__(self, params: Arrays, lr: float = 0.01) -> None:
        super().__init__(params, lr)
        self.s = {name: np.zeros_like(p) for name, p in params.items()}

    def mean(self, s: np.ndarray, grad: np.ndarray) -> np.ndarray:
        return np.asarray(0.99 * s + 0.01 * grad * grad)

    def step(self, grads: Arrays) -> None:
        for name, grad in grads.items():
            self.s[name] = self.mean(self.s[name], grad)
            self.params[name] -= self.lr * grad / (np.sqrt(self.s[name]) + 1e-8)


class MovingRMSprop(RMSprop):
    """The same, the mean moved towards the new square."""

    def mean(self, s: np.ndarray, grad: np.ndarray) -> np.ndarray:
        return np.asarray(s + 0.01 * (grad**2 - s))


class Adagrad(RMSprop):
    """p ← p − lr g / (√s + eps), s the sum of squares."""

    def mean(self, s: np.ndarray, grad: np.ndarray) -> np.ndarray:
        return np.asarray(s + grad**2)

    def step(self, grads: Arrays) -> None:
        for name, grad in grads.items():
            self.s[name] = self.mean(self.s[name], grad)
            self.params[name] -= self.lr * grad / (np.sqrt(self.s[name]) + 1e-10)


class DoubleAdagrad(Adagrad):
    """The same with its sum in float64."""

    def __init__(self, params: Arrays, lr: float = 0.01) -> None:
        super().__init__(params, lr)
        self.s = {name: np.zeros(p.shape) for name, p in params.items()}

    def step(self, grads: Arrays) -> None:
        for name, grad in grads.items():
            self.s[name] += np.square(grad, dtype=np.float64)
            change = grad / (np.sqrt(self.s[name]) + 1e-10)
            self.params[name] -= (self.lr * change).astype(grad.dtype)


TORCHS: dict[str, Reference] = {
    "SGD": lambda params: torch.optim.SGD(params, lr=0.1),
    "decay": lambda params: torch.optim.SGD(params, lr=0.1, weight_decay=0.01),
    "momentum": lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9),
    "Nesterov": lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
    "RMSprop": torch.optim.RMSprop,
    "Adagrad": torch.optim.Adagrad,
}


def fused(params: Arrays) -> SGD:
    """Return SGD that goes over its parameters, and not over the gradients."""

    class Over(SGD):
        def step(self, grads: Arrays) -> None:
            for name, param in self.params.items():
                np.subtract(param, self.lr * grads[name], out=param)

    return Over(params)


RIGHT: list[tuple[str, Callable[[Arrays], Any]]] = [
    ("SGD", SGD),
    ("SGD", fused),
    ("decay", ScaledSGD),
    ("momentum", Momentum),
    ("momentum", Velocity),
    ("Nesterov", Nesterov),
    ("Nesterov", LookAhead),
    ("Adam", Adam),
    ("Adam", InPlaceAdam),
    ("AdamW", AdamW),
    ("AdamW", InPlaceAdamW),
    ("RMSprop", RMSprop),
    ("RMSprop", MovingRMSprop),
    ("Adagrad", Adagrad),
    ("Adagrad", DoubleAdagrad),
]


def written(base: type, *changes: tuple[str, str]) -> type:
    """Return a class with texts of its source changed; each has to be there."""
    source = inspect.getsource(base)
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    namespace = dict(globals())
    exec(source, namespace)
    made: type = namespace[base.__name__]
    return made
