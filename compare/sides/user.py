"""A user-supplied side: found by name, examined, and given a reference made of torch's layers.

What is no `Side` that can be judged is told in one line, before anything is judged.
"""

import importlib
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from compare.data.batches import Batch, training_batches, uniform_batches
from compare.data.config import Config
from compare.errors import UserError, class_name
from compare.sides.calls import HERE, Called, Calls, attempt, plain_description
from compare.sides.interface import (
    KINDS,
    METHODS,
    Description,
    Side,
    State,
    cast,
    graph,
    make_state,
    under_prefix,
)
from compare.sides.subject import LABELS, Subject, device_for, device_notes, make_reference

EXAMPLES = {
    "--side": "module:factory, as in examples.own_network:make",
    "--function": "module:name, as in examples.own_function:check",
}


def user_supplied(
    name: str,
    config: Config,
    images: np.ndarray,
    *,
    device: str = "cpu",
    step: int = 1,
    calls: Calls = HERE,
) -> Subject:
    """Return what the factory called "module:factory" makes of a config, and its reference.

    Both start where the factory's float32 side does. Their batches are those of the images
    (n, height, width), from a step of the training on, or random ones where the side has other
    widths. All of the factory's code, and of what it makes, runs in `calls`. Raises `UserError`, in
    one line, for whatever keeps the result from being a `Side`.
    """
    require_name(name)
    factory: Callable[[Config], Any] = find(name, calls)

    def examined(config: Config) -> Side:
        made = attempt(lambda: calls(f"{name}(config)", lambda: factory(config)))
        return examine(name, made, config, calls)

    who = examined(config).describe()
    layers = who.layers

    def make(config: Config) -> Side:
        side = examined(config)
        if side.describe().layers != layers:
            raise UserError(
                f"{name} made other layers than before; make the same ones, "
                "whatever dtype a config has"
            )
        return side

    @cache
    def first_state(config: Config) -> State:
        return attempt(make(config).state)

    def start(config: Config) -> State:
        return cast(first_state(replace(config, dtype="float32")), config.dtype)

    def ours(config: Config) -> Side:
        side, state = make(config), start(config)
        attempt(lambda: side.load(state))
        return side

    def reference(config: Config) -> Side:
        where, state = device_for(config.dtype, device), start(config)
        params = under_prefix("param", state)
        rest = {name: np.zeros_like(param) for name, param in params.items()}
        state = make_state(params, rest, rest, step=0) | state  # where it keeps its own to itself
        return make_reference(who, state, config, device=where)

    widths, pixels = (layers[0].in_features, layers[-1].out_features), images[0].size
    if widths == (pixels, pixels):

        def batches(config: Config, steps: int) -> Iterable[Batch]:
            return training_batches(config, images, steps, step)

        return Subject(ours, reference, batches, examined, device_notes(device), len(images))

    def random(config: Config, steps: int) -> Iterable[Batch]:
        batches = uniform_batches(config, widths, steps, step)
        return batches if who.loss in ("", Description.loss) else map(_probable, batches)

    note = (
        f"Its batches are random numbers: it maps {widths[0]} to {widths[1]}, "
        f"images have {pixels} pixels."
    )
    return Subject(ours, reference, random, examined, (note, *device_notes(device)))


def _probable(batch: Batch) -> Batch:
    """Return a batch whose targets add up to one in every row, as any loss takes them."""
    return batch.but(target=batch.clean / batch.clean.sum(axis=1, keepdims=True))


def require_name(name: str, option: str = "--side") -> None:
    """Raise `UserError` for what is no "module:name"."""
    if not re.fullmatch(r"[\w.]*\w:\w+", name):
        what = EXAMPLES[option]
        raise UserError(f"{option} needs {what}, not {name!r}")


def find(name: str, calls: Calls = HERE) -> Callable[..., Any]:
    """Return the function "module:name", from the current folder or from what is installed."""
    module, _, attribute = name.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    absent = object()

    def look() -> Any:
        return getattr(importlib.import_module(module), attribute, absent)

    what = f"importing {module}, from {here} or from what is installed,"
    factory = attempt(lambda: calls(what, look))
    if factory is absent:
        raise UserError(f"{module} has no {attribute!r}; name a function of it")
    if not callable(factory):
        found = class_name(factory)
        raise UserError(f"{name}, {found}, cannot be called; name a function")
    made: Callable[..., Any] = factory
    return made


def examine(name: str, side: Any, config: Config, calls: Calls = HERE) -> Called:
    """Return what the factory of that name made of a config, each of its methods a call.

    Raises `UserError` unless it is a `Side`.
    """

    def absent() -> list[str]:
        return [method for method in METHODS if not callable(getattr(side, method, None))]

    what = f"looking for the methods of what {name} returned"
    for method in attempt(lambda: calls(what, absent)):
        raise UserError(
            f"what {name} returned, {class_name(side)}, has no {method}(); "
            "see compare.sides.interface.Side"
        )
    what = f"describe() of {name}"
    who = attempt(lambda: calls(what, lambda: plain_description(side.describe())))
    if who.name == LABELS["torch"]:
        raise UserError(
            f"{name}: describe() says {who.name}, which is the reference's name; choose another"
        )
    if who.dtype != config.dtype:
        raise UserError(f"{name}: describe() says {who.dtype} where config.dtype is {config.dtype}")
    _require_graph(name, who)
    called = Called(name, side, who, calls)
    attempt(called.state)
    return called


def _require_graph(name: str, who: Description) -> None:
    """Require layers that torch has or the side defines, under names of their own, that fit."""
    layers, kinds = who.layers, {*KINDS, *who.definitions}
    for layer in layers:
        trouble = ""
        if layer.kind not in kinds:
            trouble = (
                f"layer {layer.name!r} is a {layer.kind!r}; known are {', '.join(KINDS)}, and what "
                "the description's definitions have"
            )
        elif not layer.name.isidentifier() or layer.name == "loss":
            trouble = f"{layer.name!r} cannot be a layer's name; choose a word, and not 'loss'"
        elif layer.kind not in KINDS:
            continue
        elif len(layer.inputs) > 1:
            trouble = f"{layer.kind} {layer.name!r} takes one input, not {len(layer.inputs)}"
        elif layer.kind != "Linear" and layer.in_features != layer.out_features:
            trouble = (
                f"{layer.kind} {layer.name!r} cannot map {layer.in_features} to "
                f"{layer.out_features}"
            )
        if trouble:
            raise UserError(f"{name}: {trouble}")
    if not layers or not layers[0].parameters:
        raise UserError(
            f"{name}: the first layer must be a Linear, or another with parameters: before it "
            "there is nothing to learn"
        )
    if len({layer.name for layer in layers}) < len(layers):
        raise UserError(f"{name}: two layers have the same name; every layer needs one of its own")
    widths = {"input": layers[0].in_features}
    for layer in graph(layers):
        for source in layer.inputs:
            if source not in widths:
                raise UserError(
                    f"{name}: {layer.name!r} takes {source!r}, which is no layer before it"
                )
        source = layer.inputs[0]
        if widths[source] != layer.in_features:
            raise UserError(
                f"{name}: {source!r} gives {widths[source]} numbers, "
                f"{layer.name!r} takes {layer.in_features}"
            )
        widths[layer.name] = layer.out_features
    used = {source for layer in graph(layers) for source in layer.inputs}
    for layer in layers[:-1]:
        if layer.name not in used:
            raise UserError(f"{name}: nothing takes what {layer.name!r} gives; leave it out")
