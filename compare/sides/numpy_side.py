"""The adapter through which the harness sees `numpy_ae`."""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

import numpy as np

import numpy_ae
from compare.data.batches import Batch
from compare.data.config import Config
from compare.data.streams import Purpose, stream
from compare.machine import blas_threads
from compare.sides.interface import (
    Array,
    Description,
    Grads,
    Layer,
    Operands,
    State,
    Trace,
    make_state,
    under_prefix,
    with_prefix,
)


def initial_state(config: Config, input_dim: int = 784) -> State:
    """Return where every side starts: weights drawn once, in float32, and cast to the config's dtype; Adam at rest."""
    rng = stream(Purpose.WEIGHTS, config.seed)
    drawn = numpy_ae.Autoencoder(
        config.latent_dim, config.hidden_dim, input_dim, rng=rng
    ).state_dict()
    params = {name: param.astype(config.dtype) for name, param in drawn.items()}
    zeros = {name: np.zeros_like(param) for name, param in params.items()}
    return make_state(params, zeros, zeros, step=0)


def state_shapes(config: Config, input_dim: int = 784) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array of the config's states by name, without making one."""
    hidden, latent = config.hidden_dim, config.latent_dim
    weights = {
        "fc1": (hidden, input_dim),
        "fc2": (latent, hidden),
        "fc3": (hidden, latent),
        "fc4": (input_dim, hidden),
    }
    kinds = ("adam.exp_avg", "adam.exp_avg_sq", "param")
    shapes: dict[str, tuple[int, ...]] = {"adam.step": ()}
    for name, (out_features, in_features) in weights.items():
        shapes |= {f"{kind}/{name}.weight": (out_features, in_features) for kind in kinds}
        shapes |= {f"{kind}/{name}.bias": (out_features,) for kind in kinds}
    return shapes


class NumpySide:
    """`numpy_ae` as a config shapes it, at the start that its seed gives."""

    def __init__(self, config: Config, input_dim: int = 784) -> None:
        self.dtype = np.dtype(config.dtype)
        rng = stream(Purpose.WEIGHTS, config.seed)
        self.model = numpy_ae.Autoencoder(
            config.latent_dim, config.hidden_dim, input_dim, rng=rng, dtype=self.dtype
        )
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
        return Description(
            "NumPy", describe_layers(self.state()), self.dtype.name, "cpu", blas_threads()
        )

    def load(self, state: State) -> None:
        """Take over parameters, moments and step."""
        self.model.load_state_dict(under_prefix("param", state))
        for name, slot in self.optimizer.state.items():
            slot["exp_avg"][...] = state[f"adam.exp_avg/{name}"]
            slot["exp_avg_sq"][...] = state[f"adam.exp_avg_sq/{name}"]
            slot["step"] = int(state["adam.step"])

    def state(self) -> State:
        """Return copies of parameters, moments and step."""
        slots = self.optimizer.state
        return make_state(
            self.model.state_dict(),
            {name: slot["exp_avg"].copy() for name, slot in slots.items()},
            {name: slot["exp_avg_sq"].copy() for name, slot in slots.items()},
            slots["fc1.weight"]["step"],
        )

    def observe(self, batch: Batch) -> Trace:
        """Take one training step, `train_step` taken apart, and return every array of it."""
        cache: dict[str, Array] = {}
        y = self.model.forward(batch.noisy, cache)
        loss = self.loss.forward(y, batch.clean)
        grads = self.model.backward(self.loss.backward(y, batch.clean), cache)
        self.optimizer.step(grads)
        return {
            "act/target": batch.clean,
            **with_prefix("act", cache),
            "loss": np.asarray(loss),
            **with_prefix(
                "dact", {name: d for name, d in grads.items() if name not in self.optimizer.params}
            ),
            **with_prefix(
                "grad", {name: d for name, d in grads.items() if name in self.optimizer.params}
            ),
            **self.state(),
        }

    def op(self, name: str, operands: Operands) -> Operands:
        """Do one operation alone."""
        layer, direction = name.split(".")
        if layer == "loss":
            result = getattr(self.loss, direction)(**operands)
            return {"value" if direction == "forward" else "dy": np.asarray(result)}
        return run_layer(getattr(self.model, layer), direction, operands)

    def update(self, grads: Grads) -> State:
        """Take one step of Adam alone."""
        self.optimizer.step(grads)
        return self.state()

    def fit(self, batches: Iterable[Batch]) -> Iterator[float]:
        """Take a step on each batch; yield its loss."""
        for batch in batches:
            yield numpy_ae.train_epoch(self.model, self.loss, self.optimizer, [batch])

    def encode(self, x: Array) -> Array:
        """Map images to latents."""
        return self.model.encode(x.astype(self.dtype, copy=False))

    def decode(self, z: Array) -> Array:
        """Map latents to images."""
        return self.model.decode(z.astype(self.dtype, copy=False))

    def reconstruct(self, x: Array) -> Array:
        """Map images to images."""
        return self.decode(self.encode(x))


def run_layer(layer: Any, direction: str, operands: Operands) -> Operands:
    """Call a layer's forward or backward by the names of its operands, with weight and bias set where given."""
    layer = copy(layer)
    for parameter in operands.keys() & {"weight", "bias"}:
        setattr(layer, parameter, operands[parameter])
    arguments = {key: value for key, value in operands.items() if key not in ("weight", "bias")}
    result = getattr(layer, direction)(**arguments)
    if direction == "forward":
        return {"y": result}
    return dict(
        zip(
            ("dx", "dweight", "dbias"),
            result if isinstance(result, tuple) else (result,),
            strict=False,
        )
    )


def describe_layers(state: State) -> tuple[Layer, ...]:
    """Return the network's layers in order, with the widths that its parameters have."""
    layers: list[Layer] = []
    for name, activation in (("fc1", "relu1"), ("fc2", None), ("fc3", "relu3"), ("fc4", "sigmoid")):
        out_features, in_features = state[f"param/{name}.weight"].shape
        layers.append(Layer(name, "Linear", in_features, out_features))
        if activation:
            kind = "Sigmoid" if activation == "sigmoid" else "ReLU"
            layers.append(Layer(activation, kind, out_features, out_features))
    return tuple(layers)
