"""A network of your own, 20 → 16 → 3, and all the methods through which `compare` sees it.

    python -m compare check --side examples.own_side:make

Spoil a line below, and run it again. The layers are functions of their operands, so `op` can call
each alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from compare.data.batches import Batch
from compare.data.config import Config
from compare.sides.interface import (
    Array,
    Description,
    Grads,
    Layer,
    Operands,
    State,
    Trace,
    under_prefix,
    with_prefix,
)

LAYERS = (
    Layer("hidden", "Linear", 20, 16),
    Layer("relu", "ReLU", 16, 16),
    Layer("output", "Linear", 16, 3),
)
SHAPES = {
    "hidden.weight": (16, 20),
    "hidden.bias": (16,),
    "output.weight": (3, 16),
    "output.bias": (3,),
}


def linear(x: Array, weight: Array, bias: Array) -> Operands:
    """Map x (batch, in) to y (batch, out)."""
    return {"y": x @ weight.T + bias}


def linear_backward(dy: Array, x: Array, weight: Array) -> Operands:
    """Return the gradients of x, weight and bias from that of y."""
    return {"dx": dy @ weight, "dweight": dy.T @ x, "dbias": dy.sum(axis=0)}


def relu(x: Array) -> Operands:
    """Cut off below zero."""
    return {"y": np.maximum(x, 0)}


def relu_backward(dy: Array, y: Array) -> Operands:
    """Let the gradient through where y is positive."""
    return {"dx": dy * (y > 0)}


def loss(y: Array, target: Array) -> Operands:
    """Sum the squared errors."""
    return {"value": np.asarray(((y - target) ** 2).sum())}


def loss_backward(y: Array, target: Array) -> Operands:
    """Return the gradient of y."""
    return {"dy": 2 * (y - target)}


OPERATIONS: Mapping[str, Callable[..., Operands]] = {
    "hidden.forward": linear,
    "relu.forward": relu,
    "output.forward": linear,
    "loss.forward": loss,
    "hidden.backward": linear_backward,
    "relu.backward": relu_backward,
    "output.backward": linear_backward,
    "loss.backward": loss_backward,
}


class Network:
    """The network, its training and its Adam; all that it knows is in `now`."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.now: State = {"adam.step": np.array(0)}
        rng = np.random.default_rng(config.seed)
        for name, shape in SHAPES.items():
            self.now[f"param/{name}"] = (rng.standard_normal(shape) / 4).astype(config.dtype)
            self.now[f"adam.exp_avg/{name}"] = np.zeros(shape, config.dtype)
            self.now[f"adam.exp_avg_sq/{name}"] = np.zeros(shape, config.dtype)

    def describe(self) -> Description:
        """Say who this is."""
        return Description("My network", LAYERS, self.config.dtype, device="cpu", threads=1)

    def load(self, state: State) -> None:
        """Take over a state."""
        self.now = {name: value.astype(self.now[name].dtype) for name, value in state.items()}

    def state(self) -> State:
        """Return a copy of the state."""
        return {name: value.copy() for name, value in self.now.items()}

    def op(self, name: str, operands: Operands) -> Operands:
        """Do one operation alone."""
        return OPERATIONS[name](**operands)

    def forward(self, x: Array) -> tuple[Array, Array, Array]:
        """Return every layer's output."""
        w = under_prefix("param", self.now)
        hidden = linear(x, w["hidden.weight"], w["hidden.bias"])["y"]
        active = relu(hidden)["y"]
        return hidden, active, linear(active, w["output.weight"], w["output.bias"])["y"]

    def observe(self, batch: Batch) -> Trace:
        """Take a training step and return every tensor of it."""
        w = under_prefix("param", self.now)
        hidden, active, y = self.forward(batch.noisy)
        value = loss(y, batch.clean)["value"]
        dy = loss_backward(y, batch.clean)["dy"]
        output = linear_backward(dy, active, w["output.weight"])
        dhidden = relu_backward(output["dx"], active)["dx"]
        first = linear_backward(dhidden, batch.noisy, w["hidden.weight"])
        grads = {
            "output.weight": output["dweight"],
            "output.bias": output["dbias"],
            "hidden.weight": first["dweight"],
            "hidden.bias": first["dbias"],
        }
        return {
            "act/target": batch.clean,
            "act/input": batch.noisy,
            "act/hidden": hidden,
            "act/relu": active,
            "act/output": y,
            "loss": value,
            "dact/output": dy,
            "dact/relu": output["dx"],
            "dact/hidden": dhidden,
            **with_prefix("grad", grads),
            **self.update(grads),
        }

    def update(self, grads: Grads) -> State:
        """Take a step of Adam."""
        c, now = self.config, self.now
        step = now["adam.step"] = now["adam.step"] + 1
        for name, g in grads.items():
            m = now[f"adam.exp_avg/{name}"] = (
                c.beta1 * now[f"adam.exp_avg/{name}"] + (1 - c.beta1) * g
            )
            v = now[f"adam.exp_avg_sq/{name}"] = (
                c.beta2 * now[f"adam.exp_avg_sq/{name}"] + (1 - c.beta2) * g * g
            )
            m_hat, v_hat = m / (1 - c.beta1 ** int(step)), v / (1 - c.beta2 ** int(step))
            now[f"param/{name}"] = now[f"param/{name}"] - c.lr * m_hat / (np.sqrt(v_hat) + c.eps)
        return self.state()

    def fit(self, batches: Iterable[Batch]) -> Iterator[float]:
        """Train, yielding each batch's loss."""
        for batch in batches:
            yield float(self.observe(batch)["loss"])

    def reconstruct(self, x: Array) -> Array:
        """Map inputs to outputs."""
        return self.forward(x)[-1]


def make(config: Config) -> Network:
    """Return the side that `compare check --side` judges, at the start of a config's seed."""
    return Network(config)
