"""The adapter through which the harness sees `numpy_ae`, and the layers of our networks."""

import inspect
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

import numpy as np

import numpy_ae
from compare.data.batches import Batch, Purpose, stream
from compare.data.config import Config
from compare.machine import blas_threads
from compare.sides.interface import (
    Array,
    Description,
    Grads,
    Layer,
    Losses,
    Operands,
    State,
    Trace,
    make_state,
    under_prefix,
    with_prefix,
)

NUMBERS = (numpy_ae.SumSquaredError, numpy_ae.GaussianKL)  # whose result is one


def layers(config: Config, input_dim: int = 784) -> tuple[Layer, ...]:
    """Return the layers of our network, in order: the one place that knows them."""
    hidden, latent = config.hidden_dim, config.latent_dim
    code: tuple[Layer, ...] = (Layer("fc2", "Linear", hidden, latent),)
    if config.model == "vae":
        code = (
            Layer("fc_mean", "Linear", hidden, latent, ("relu1",)),
            Layer("fc_logvar", "Linear", hidden, latent, ("relu1",)),
            Layer("kl", "GaussianKL", latent, 1, ("fc_mean", "fc_logvar")),
            Layer("deviation", "Deviation", latent, latent, ("fc_logvar",)),
            Layer("draw", "Draw", latent, latent, ("fc_mean", "deviation", "noise")),
        )
    return (
        Layer("fc1", "Linear", input_dim, hidden),
        Layer("relu1", "ReLU", hidden, hidden),
        *code,
        Layer("fc3", "Linear", latent, hidden),
        Layer("relu3", "ReLU", hidden, hidden),
        Layer("fc4", "Linear", hidden, input_dim),
        Layer("sigmoid", "Sigmoid", input_dim, input_dim),
    )


def loss_terms(config: Config) -> dict[str, float]:
    """Return the terms of our network's loss beside the squared error, with their weights."""
    return {"kl": config.beta} if config.model == "vae" else {}


def initial_state(config: Config, input_dim: int = 784) -> State:
    """Return where every side starts: weights drawn once, in float32, then cast; Adam at rest."""
    drawn = network(config, input_dim, "float32").state_dict()
    params = {name: param.astype(config.dtype) for name, param in drawn.items()}
    zeros = {name: np.zeros_like(param) for name, param in params.items()}
    return make_state(params, zeros, zeros, step=0)


def network(config: Config, input_dim: int, dtype: str) -> Any:
    """Return the network of `numpy_ae` that a config asks for, as its seed draws it."""
    kind = numpy_ae.VariationalAutoencoder if config.model == "vae" else numpy_ae.Autoencoder
    widths = (config.latent_dim, config.hidden_dim, input_dim)
    return kind(*widths, rng=stream(Purpose.WEIGHTS, config.seed), dtype=dtype)


class NumpySide:
    """`numpy_ae`'s autoencoder as a config shapes it, at the start that its seed gives."""

    def __init__(self, config: Config, input_dim: int = 784) -> None:
        self.layers, self.terms = layers(config, input_dim), loss_terms(config)
        self.dtype = np.dtype(config.dtype)
        self.model = network(config, input_dim, config.dtype)
        self.loss = numpy_ae.SumSquaredError()
        self.optimizer = numpy_ae.Adam(
            self.model.parameters(),
            lr=config.lr,
            betas=(config.beta1, config.beta2),
            eps=config.eps,
            parallel=blas_threads() > 1,
        )
        self.load(initial_state(config, input_dim))

    def describe(self) -> Description:
        """Say who this is."""
        who = ("NumPy", self.layers, self.dtype.name, "cpu", blas_threads())
        return Description(*who, terms=self.terms)

    def load(self, state: State) -> None:
        """Take over parameters, moments and step."""
        self.model.load_state_dict(under_prefix("param", state))
        for name, slot in self.optimizer.state.items():
            for moment in ("exp_avg", "exp_avg_sq"):
                slot[moment][...] = state[f"adam.{moment}/{name}"]
            slot["step"] = int(state["adam.step"])

    def state(self) -> State:
        """Return copies of parameters, moments and step."""
        slots = self.optimizer.state
        first, second = (
            {name: slot[moment].copy() for name, slot in slots.items()}
            for moment in ("exp_avg", "exp_avg_sq")
        )
        return make_state(self.model.state_dict(), first, second, slots["fc1.weight"]["step"])

    def observe(self, batch: Batch) -> Trace:
        """Take one training step, `train_step` taken apart, and return every array of it."""
        cache: dict[str, Array] = {}
        loss, grads = self._step(batch, cache)
        self.optimizer.step(grads)
        params = {name: grads[name] for name in grads if name in self.optimizer.params}
        return {
            "act/target": batch.clean,
            **with_prefix("act", cache | batch),
            "loss": np.asarray(loss),
            **with_prefix("dact", {name: grads[name] for name in grads if name not in params}),
            **with_prefix("grad", params),
            **self.state(),
        }

    def _step(self, batch: Batch, cache: dict[str, Array]) -> tuple[Any, Grads]:
        """Return the loss and all gradients; fill the cache with every activation."""
        y = self.model.forward(batch.noisy, cache)
        loss = self.loss.forward(y, batch.clean)
        return loss, self.model.backward(self.loss.backward(y, batch.clean), cache)

    def op(self, name: str, operands: Operands) -> Operands:
        """Do one operation alone."""
        layer, direction = name.split(".")
        of = self.loss if layer == "loss" else getattr(self.model, layer)
        return run_layer(of, direction, operands)

    def update(self, grads: Grads) -> State:
        """Take one step of Adam alone."""
        self.optimizer.step(grads)
        return self.state()

    def fit(self, batches: Iterable[Batch]) -> Iterator[Losses]:
        """Take a step on each batch; yield its loss."""
        for batch in batches:
            pair = (batch.noisy, batch.clean)
            yield numpy_ae.train_epoch(self.model, self.loss, self.optimizer, [pair])

    def encode(self, x: Array) -> Array:
        """Map images to latents."""
        latents: Array = self.model.encode(x.astype(self.dtype, copy=False))
        return latents

    def decode(self, z: Array) -> Array:
        """Map latents to images."""
        images: Array = self.model.decode(z.astype(self.dtype, copy=False))
        return images

    def reconstruct(self, x: Array) -> Array:
        """Map images to images."""
        return self.decode(self.encode(x))


def run_layer(layer: Any, direction: str, operands: Operands) -> Operands:
    """Call a layer's forward or backward on operands by name, weight and bias set where given."""
    layer, arguments = copy(layer), dict(operands)
    for parameter in operands.keys() & {"weight", "bias"}:
        setattr(layer, parameter, arguments.pop(parameter))
    result = getattr(layer, direction)(**arguments)
    if direction == "forward":
        return {"value": np.asarray(result)} if isinstance(layer, NUMBERS) else {"y": result}
    results = result if isinstance(result, tuple) else (result,)
    names = (*list(inspect.signature(layer.forward).parameters), "weight", "bias")
    return dict(zip((f"d{name}" for name in names), results, strict=False))
