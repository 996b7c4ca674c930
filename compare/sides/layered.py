"""A side made of named layers as people write them, one after the other.

What the harness asks of a side follows from the layers: each operation alone, one training step
with every tensor of it, training at full speed. Loss and optimizer are the article's, or one's own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

import numpy_ae
from compare.data.batches import Batch
from compare.data.config import Config
from compare.sides.interface import (
    KINDS,
    Array,
    Definition,
    Description,
    Grads,
    Layer,
    Operands,
    State,
    Trace,
    make_state,
    with_prefix,
)
from compare.sides.layer_adapter import Adapter
from compare.sides.layer_ways import Expected, adapt
from compare.sides.numpy_side import run_layer
from compare.sides.subject import torch_is_needed


@dataclass(frozen=True)
class _Named:
    """A layer of the network, alone and where it stands."""

    layer: Layer
    alone: Adapter  # on a copy of the layer
    live: Adapter  # on the layer itself

    def params(self) -> dict[str, Array]:
        """Return the layer's own arrays, by their names in the network."""
        places = self.live.places.items()
        return {f"{self.layer.name}.{key}": place.get(self.live.layer) for key, place in places}


class LayeredSide:
    """A network of layers: `{Layer("hidden", "Linear", 20, 16): MyLinear(20, 16), …}`.

    A layer has `forward` and `backward`, and its weights, as `check_layer` takes them, in the
    config's dtype. `loss` has `forward(y, target)` and `backward(y, target)`; `optimizer` is
    called with the layers' own arrays by name, and what it returns has `step(grads)`, which changes
    them in place. Left out, they are `numpy_ae`'s; one's own are used and not judged, but for the
    gradient of the loss. A layer of another kind than `KINDS` needs a definition: a function of the
    `Layer` that returns the `torch.nn.Module` which does the same, by kind; so does a loss that is
    to be judged, by its class's name. Raises `NotTaken` for a layer that cannot be taken.
    """

    def __init__(
        self,
        name: str,
        config: Config,
        layers: Mapping[Layer, Any],
        *,
        loss: Any = None,
        optimizer: Callable[[dict[str, Array]], Any] | None = None,
        definitions: Mapping[str, Definition] | None = None,
    ) -> None:
        self.loss, defined = loss or numpy_ae.SumSquaredError(), definitions or {}
        kind = type(self.loss).__name__ if loss else Description.loss
        if loss and kind not in defined:
            kind = ""
        self.who = Description(name, tuple(layers), config.dtype, "cpu", 1, kind, defined)
        self.named = {of.name: _named(of, made, defined) for of, made in layers.items()}
        self.judged = optimizer is None
        betas = (config.beta1, config.beta2)
        self.make = optimizer or partial(numpy_ae.Adam, lr=config.lr, betas=betas, eps=config.eps)
        self.optimizer = self.make(self.params())

    def params(self) -> dict[str, Array]:
        """Return the layers' own arrays by name."""
        return {key: of for named in self.named.values() for key, of in named.params().items()}

    def describe(self) -> Description:
        """Say who this is."""
        return self.who

    def load(self, state: State) -> None:
        """Take over parameters and Adam's state; one's own optimizer is made anew."""
        for of in self.named.values():
            for key, array in of.params().items():
                layout = of.live.way.layouts[key.partition(".")[2]]
                array[...] = layout.to_own(state[f"param/{key}"])
        self.optimizer = self.make(self.params())
        if self.judged:
            for key, slot in self.optimizer.state.items():
                for moment in ("exp_avg", "exp_avg_sq"):
                    slot[moment][...] = self._own(key, state[f"adam.{moment}/{key}"])
                slot["step"] = int(state["adam.step"])

    def state(self) -> State:
        """Return copies of the same."""
        params = {key: self._theirs(key, array).copy() for key, array in self.params().items()}
        if not self.judged:
            return with_prefix("param", params)
        slots = self.optimizer.state
        first, second = (
            {key: self._theirs(key, slot[moment]).copy() for key, slot in slots.items()}
            for moment in ("exp_avg", "exp_avg_sq")
        )
        return make_state(params, first, second, next(iter(slots.values()))["step"])

    def op(self, name: str, operands: Operands) -> Operands:
        """Do one operation alone."""
        of, direction = name.split(".")
        if of == "loss":
            result = getattr(self.loss, direction)(operands["y"], operands["target"])
            return {"value" if direction == "forward" else "dy": np.asarray(result)}
        adapter = self.named[of].alone
        if direction == "forward":
            return {"y": adapter.forward(**operands)}
        operands = dict(operands)
        dy, y = operands.pop("dy"), operands.pop("y", None)
        if y is None:
            layer = self.named[of].layer
            bias = {"bias": np.zeros(dy.shape[1], dy.dtype)} if layer.kind == "Linear" else {}
            grads = adapter.backward(dy, **bias, **operands)
        else:
            grads = self._from_output(self.named[of], dy, y)
        return {f"d{key}": grad for key, grad in grads.items()}

    def _from_output(self, of: _Named, dy: Array, y: Array) -> dict[str, Any]:
        """Return the gradients of a backward that asks for its output alone.

        A layer that keeps its output is given `y` in its place. Any x will do for a forward before
        that; a ReLU, which may keep its x or a mask of it, lets through the same of y. A Sigmoid
        that keeps its x cannot be asked: no gradients.
        """
        adapter = of.alone
        own, cache = adapter.run({"x": y})
        kept = adapter.replace(own, y)
        if of.layer.kind != "ReLU" and adapter.way.second != "y" and not kept and cache is not own:
            return {}
        return adapter.after(dy, {"x": y}, y, y if cache is own else cache)

    def observe(self, batch: Batch) -> Trace:
        """Take one training step and return every tensor of it."""
        acts, value, dacts, grads = self._step(batch)
        return {
            **with_prefix("act", batch),
            **with_prefix("act", acts),
            "loss": np.asarray(value),
            **with_prefix("dact", dacts),
            **with_prefix("grad", {key: self._theirs(key, of) for key, of in grads.items()}),
            **self.state(),
        }

    def _step(self, batch: Batch) -> tuple[Operands, Any, Operands, Grads]:
        """Take a step; return activations, loss, their gradients and, in its layout, the others."""
        x, ran = batch["input"], {}
        for name, of in self.named.items():
            y, cache = of.live.run({"x": x})
            ran[name] = x, y, cache
            x = y
        value = self.loss.forward(x, batch["target"])
        dy = self.loss.backward(x, batch["target"])
        dacts: Operands = {}
        grads: Grads = {}
        for name in reversed(ran):
            dacts[name] = dy
            x, y, cache = ran[name]
            found = self.named[name].live.after(dy, {"x": x}, y, cache)
            dy = found.pop("x", None)
            grads |= {f"{name}.{key}": self._own(f"{name}.{key}", of) for key, of in found.items()}
        self.optimizer.step(grads)
        return {name: y for name, (_, y, _) in ran.items()}, value, dacts, grads

    def update(self, grads: Grads) -> State:
        """Take one step of the optimizer alone."""
        self.optimizer.step({key: self._own(key, grad) for key, grad in grads.items()})
        return self.state()

    def fit(self, batches: Iterable[Batch]) -> Iterator[float]:
        """Take a step on each batch; yield its loss."""
        for batch in batches:
            yield float(self._step(batch)[1])

    def reconstruct(self, x: Array) -> Array:
        """Map inputs to outputs."""
        for of in self.named.values():
            x, _ = of.live.run({"x": x})
        return x

    def _own(self, key: str, array: Array) -> Array:
        layer, _, parameter = key.partition(".")
        return self.named[layer].live.way.layouts[parameter].to_own(array)

    def _theirs(self, key: str, array: Array) -> Array:
        layer, _, parameter = key.partition(".")
        theirs: Array = self.named[layer].live.way.layouts[parameter].to_reference(array)
        return theirs


def _named(layer: Layer, made: Any, definitions: Mapping[str, Definition]) -> _Named:
    rng = np.random.default_rng(0)
    expected = _expected(layer) if layer.kind in KINDS else _defined(layer, definitions)
    x = rng.standard_normal((4, layer.in_features))
    alone = adapt(made, layer.parameters, {"x": x}, expected)
    return _Named(layer, alone, replace(alone, layer=made))


def _defined(layer: Layer, definitions: Mapping[str, Definition]) -> Expected:
    """Return what torch makes of a layer of a kind of its own."""
    with torch_is_needed(f"layer {layer.name!r}, a {layer.kind},"):
        from compare.sides.torch_modules import module_of, run_module
    return partial(run_module, module_of(layer, definitions))


def _expected(layer: Layer) -> Expected:
    """Return what our own package makes of a layer."""
    widths = (layer.in_features, layer.out_features) if layer.kind == "Linear" else ()
    rng = np.random.default_rng(0)
    ours = getattr(numpy_ae, layer.kind)(*widths, **({"rng": rng} if widths else {}))

    def expected(operands: Operands, dy: Array | None) -> tuple[Array, Operands]:
        y = run_layer(ours, "forward", operands)["y"]
        if dy is None:
            return y, {}
        last = {"x": operands["x"]} if layer.kind == "Linear" else {"y": y}
        weight = {key: operands[key] for key in layer.parameters if key == "weight"}
        grads = run_layer(ours, "backward", {"dy": dy, **last, **weight})
        return y, {key.removeprefix("d"): grad for key, grad in grads.items()}

    return expected
