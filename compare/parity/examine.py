"""Whether an object is a `Side` that can be judged: what is not is told in one line, before anything is judged."""

import inspect
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from compare.errors import UserError
from compare.experiment.config import Config
from compare.parity.oracle import OPERATIONS
from compare.parity.side import Description, Layer, Side, State
from compare.parity.sides import LABELS

T = TypeVar("T")

METHODS = [name for name, _ in inspect.getmembers(Side, inspect.isfunction) if not name.startswith("_")]
KINDS = [layer for layer in ("Linear", "ReLU", "Sigmoid") if f"{layer}.forward" in OPERATIONS]


def examine(name: str, side: Any, config: Config) -> Side:
    """Return what the factory of that name made of a config. Raises `UserError` unless it is a `Side`."""
    lacking = [method for method in METHODS if not callable(getattr(side, method, None))]
    if lacking:
        raise UserError(
            f"what {name} returned, {type(side).__name__}, has no {lacking[0]}(); see compare.parity.side.Side"
        )
    judged: Side = side
    who = attempt(f"describe() of what {name} returned", judged.describe)
    if not isinstance(who, Description) or not all(isinstance(layer, Layer) for layer in who.layers):
        raise UserError(f"{name}: describe() must return a compare.parity.side.Description, with Layers in it")
    if who.name == LABELS["torch"]:
        raise UserError(f"{name}: describe() says {who.name}, which is the reference's name; choose another")
    if who.dtype != config.dtype:
        raise UserError(f"{name}: describe() says {who.dtype} where config.dtype is {config.dtype}")
    _require_chain(name, who.layers)
    _require_state(name, who, attempt(f"state() of what {name} returned", judged.state))
    return judged


def attempt(what: str, do: Callable[[], T]) -> T:
    """Return what a stranger's code returns. Raises `UserError` with whatever it raises."""
    try:
        return do()
    except Exception as error:
        raise UserError(f"{what} raised {type(error).__name__}: {' '.join(str(error).split())}") from error


def _require_chain(name: str, layers: tuple[Layer, ...]) -> None:
    """Require layers that torch has, under names of their own, of widths that fit."""
    for layer in layers:
        if layer.kind not in KINDS:
            raise UserError(f"{name}: layer {layer.name!r} is a {layer.kind!r}; known are {', '.join(KINDS)}")
        if not layer.name.isidentifier() or layer.name == "loss":
            raise UserError(f"{name}: {layer.name!r} cannot be a layer's name; choose a word, and not 'loss'")
        if layer.kind != "Linear" and layer.in_features != layer.out_features:
            raise UserError(
                f"{name}: {layer.kind} {layer.name!r} cannot map {layer.in_features} to {layer.out_features}"
            )
    if not layers or layers[0].kind != "Linear":
        raise UserError(f"{name}: the first layer must be a Linear: before it there is nothing to learn")
    if len({layer.name for layer in layers}) < len(layers):
        raise UserError(f"{name}: two layers have the same name; every layer needs one of its own")
    for before, after in pairwise(layers):
        if before.out_features != after.in_features:
            raise UserError(
                f"{name}: {before.name!r} gives {before.out_features} numbers, {after.name!r} takes {after.in_features}"
            )


def _require_state(name: str, who: Description, state: State) -> None:
    """Require parameters and moments of the layers' shapes, under the names of `compare.parity.side`."""
    shapes: dict[str, tuple[int, ...]] = {"adam.step": ()}
    for layer in who.layers:
        if layer.kind == "Linear":
            for kind in ("param", "adam.exp_avg", "adam.exp_avg_sq"):
                shapes[f"{kind}/{layer.name}.weight"] = (layer.out_features, layer.in_features)
                shapes[f"{kind}/{layer.name}.bias"] = (layer.out_features,)
    for tensor, shape in shapes.items():
        if tensor not in state:
            raise UserError(f"{name}: state() lacks {tensor!r}; compare.parity.side lists what it holds")
        if np.shape(state[tensor]) != shape:
            raise UserError(f"{name}: {tensor!r} of state() has shape {np.shape(state[tensor])}, not {shape}")
    if unknown := sorted(state.keys() - shapes.keys()):
        raise UserError(f"{name}: state() holds {unknown[0]!r}, which none of the layers has")
