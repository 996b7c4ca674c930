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

from compare.errors import UserError
from compare.experiment.batches import Batch, training_batches, uniform_batches
from compare.experiment.config import Config
from compare.parity.examine import attempt, examine
from compare.parity.side import Side, State, cast
from compare.parity.sides import make_twin
from compare.parity.subject import Subject, device_for, device_notes


def foreign(name: str, config: Config, images: np.ndarray, *, device: str = "cpu", step: int = 1) -> Subject:
    """Return what the factory called "module:factory" makes of a config, and its reference.

    Both start where the factory's float32 side does. Their batches are those of the images (n, height, width), from a
    step of the training on, or random ones where the side has other widths. Raises `UserError`, in one line, for
    whatever keeps the result from being a `Side`.
    """
    factory = find(name)

    def make(config: Config) -> Side:
        return examine(name, attempt(name, lambda: factory(config)), config)

    @cache
    def first_state(config: Config) -> State:
        return make(config).state()

    def start(config: Config) -> State:
        return cast(first_state(replace(config, dtype="float32")), config.dtype)

    def ours(config: Config) -> Side:
        side, state = make(config), start(config)
        attempt(f"load() of what {name} returned", lambda: side.load(state))
        return side

    layers = make(config).describe().layers
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


def find(name: str) -> Callable[[Config], Any]:
    """Return the factory "module:factory", from the current folder or from what is installed."""
    if not re.fullmatch(r"[\w.]*\w:\w+", name):
        raise UserError(f"--side needs module:factory, as in examples.own_network:make, not {name!r}")
    module_name, _, attribute = name.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    where = f"importing {module_name}, from {here} or from what is installed,"
    module = attempt(where, lambda: importlib.import_module(module_name))
    if not hasattr(module, attribute):
        raise UserError(f"{module_name} has no {attribute!r}; name the function that makes the side")
    factory = getattr(module, attribute)
    if not callable(factory):
        raise UserError(f"{name}, {type(factory).__name__}, cannot be called; name a function of a Config")
    made: Callable[[Config], Any] = factory
    return made
