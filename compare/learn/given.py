"""What exercises are given: every function of the exercises before them, made of `numpy_ae`."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import numpy_ae
from compare.sides.interface import Array
from compare.sides.numpy_side import run_layer

relu_forward, relu_backward = numpy_ae.ReLU().forward, numpy_ae.ReLU().backward
sigmoid_forward, sigmoid_backward = numpy_ae.Sigmoid().forward, numpy_ae.Sigmoid().backward
loss_forward = numpy_ae.SumSquaredError().forward
loss_backward = numpy_ae.SumSquaredError().backward
_LINEAR = numpy_ae.Linear(1, 1, rng=np.random.default_rng(0))  # gets the weights of each call


def linear_forward(x: Array, weight: Array, bias: Array) -> Array:
    """Return y (n, out), given x (n, in), weight (out, in) and bias (out,)."""
    return run_layer(_LINEAR, "forward", {"x": x, "weight": weight, "bias": bias})["y"]


def linear_backward(dy: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Return dx (n, in), dweight (out, in) and dbias (out,), given dy (n, out) and x, weight."""
    dx, dweight, dbias = run_layer(
        _LINEAR, "backward", {"dy": dy, "x": x, "weight": weight}
    ).values()
    return dx, dweight, dbias


def network_forward(
    x: Array,
    params: Mapping[str, Array],
    linear: Callable[..., Array] = linear_forward,
    relu: Callable[..., Array] = relu_forward,
    sigmoid: Callable[..., Array] = sigmoid_forward,
) -> tuple[Array, dict[str, Array]]:
    """Return y (n, pixels), and every layer's output by name, given x (n, pixels)."""
    cache = {"input": x}
    for name, before in (("fc1", "input"), ("fc2", "relu1"), ("fc3", "fc2"), ("fc4", "relu3")):
        cache[name] = linear(cache[before], params[f"{name}.weight"], params[f"{name}.bias"])
        if name in ("fc1", "fc3"):
            cache[name.replace("fc", "relu")] = relu(cache[name])
    cache["sigmoid"] = sigmoid(cache["fc4"])
    return cache["sigmoid"], cache


def network_backward(
    dy: Array, cache: Mapping[str, Array], params: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the gradient of every parameter by name, given dy (n, pixels) and the cache."""
    latent, hidden = params["fc2.weight"].shape
    rng, dtype = np.random.default_rng(0), dy.dtype
    network = numpy_ae.Autoencoder(latent, hidden, dy.shape[1], rng=rng, dtype=dtype)
    network.load_state_dict(dict(params))
    grads = network.backward(dy, cache)
    return {name: grads[name] for name in params}


def adam_step(
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> tuple[Array, Array, Array]:
    """Return param, exp_avg and exp_avg_sq after step number `step`, 1 at the first one."""
    moved = param.copy()
    adam = numpy_ae.Adam({"": moved}, lr=lr, betas=(beta1, beta2), eps=eps)
    state: dict[str, Any] = adam.state[""]
    state |= {"step": step - 1, "exp_avg": exp_avg.copy(), "exp_avg_sq": exp_avg_sq.copy()}
    adam.step({"": grad})
    return moved, state["exp_avg"], state["exp_avg_sq"]
