"""A side of anybody's: found by name, made, and held against the torch network of the layers that it describes."""

import importlib
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from compare.errors import UserError, class_name
from compare.experiment.batches import Batch, training_batches, uniform_batches
from compare.experiment.config import Config
from compare.parity.calls import HERE, Calls, attempt
from compare.parity.examine import examine
from compare.parity.side import Side, State, cast
from compare.parity.sides import make_twin
from compare.parity.subject import Subject, device_for, device_notes


def foreign(
    name: str, config: Config, images: np.ndarray, *, device: str = "cpu", step: int = 1, calls: Calls = HERE
) -> Subject:
    """Return what the factory called "module:factory" makes of a config, and its reference.

    Both start where the factory's float32 side does. Their batches are those of the images (n, height, width), from a
    step of the training on, or random ones where the side has other widths. All of the factory's code, and of what it
    makes, runs in `calls`. Raises `UserError`, in one line, for whatever keeps the result from being a `Side`.
    """
    factory = find(name, calls)

    def examined(config: Config) -> Side:
        return examine(name, attempt(lambda: calls(f"{name}(config)", lambda: factory(config))), config, calls)

    layers = examined(config).describe().layers

    def make(config: Config) -> Side:
        side = examined(config)
        if side.describe().layers != layers:
            raise UserError(f"{name} made other layers than before; make the same ones, whatever dtype a config has")
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

    widths, pixels = (layers[0].in_features, layers[-1].out_features), images[0].size
    takes_images = widths == (pixels, pixels)

    def reference(config: Config) -> Side:
        return make_twin(layers, start(config), config, device=device_for(config.dtype, device))

    def batches(config: Config, steps: int) -> Iterable[Batch]:
        if takes_images:
            return training_batches(config, images, steps, step)
        return uniform_batches(config, widths, steps, step)

    notes = device_notes(device)
    if not takes_images:
        random = f"Its batches are random numbers: it maps {widths[0]} to {widths[1]}, images have {pixels} pixels."
        notes = (random, *notes)
    return Subject(ours, reference, batches, notes)


def require_name(name: str) -> None:
    """Raise `UserError` for what is no "module:factory"."""
    if not re.fullmatch(r"[\w.]*\w:\w+", name):
        raise UserError(f"--side needs module:factory, as in examples.own_network:make, not {name!r}")


def find(name: str, calls: Calls = HERE) -> Callable[[Config], Any]:
    """Return the factory "module:factory", from the current folder or from what is installed."""
    require_name(name)
    module, _, attribute = name.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    absent = object()

    def look() -> Any:
        return getattr(importlib.import_module(module), attribute, absent)

    factory = attempt(lambda: calls(f"importing {module}, from {here} or from what is installed,", look))
    if factory is absent:
        raise UserError(f"{module} has no {attribute!r}; name the function that makes the side")
    if not callable(factory):
        raise UserError(f"{name}, {class_name(factory)}, cannot be called; name a function of a Config")
    made: Callable[[Config], Any] = factory
    return made
