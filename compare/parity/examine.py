"""Whether an object is a `Side` that can be judged: what is not is told in one line, before anything is judged."""

import inspect
from itertools import pairwise
from typing import Any

from compare.errors import UserError, class_name
from compare.experiment.config import Config
from compare.parity.calls import HERE, Called, Calls, attempt, plain_description
from compare.parity.oracle import OPERATIONS
from compare.parity.side import Layer, Side
from compare.parity.sides import LABELS

METHODS = [name for name, _ in inspect.getmembers(Side, inspect.isfunction) if not name.startswith("_")]
KINDS = [layer for layer in ("Linear", "ReLU", "Sigmoid") if f"{layer}.forward" in OPERATIONS]


def examine(name: str, side: Any, config: Config, calls: Calls = HERE) -> Called:
    """Return what the factory of that name made of a config, each of its methods a call.

    Raises `UserError` unless it is a `Side`.
    """
    what = f"looking for the methods of what {name} returned"
    for method in attempt(lambda: calls(what, lambda: [m for m in METHODS if not callable(getattr(side, m, None))])):
        raise UserError(f"what {name} returned, {class_name(side)}, has no {method}(); see compare.parity.side.Side")
    who = attempt(lambda: calls(f"describe() of {name}", lambda: plain_description(side.describe())))
    if who.name == LABELS["torch"]:
        raise UserError(f"{name}: describe() says {who.name}, which is the reference's name; choose another")
    if who.dtype != config.dtype:
        raise UserError(f"{name}: describe() says {who.dtype} where config.dtype is {config.dtype}")
    _require_chain(name, who.layers)
    called = Called(name, side, who, calls)
    attempt(called.state)
    return called


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
