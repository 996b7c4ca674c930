"""Where a layer as people write it keeps its arrays, and in what layout."""

from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from compare.sides.interface import Array, Shape

SYNONYMS = (  # of a parameter; a reference has one of them, too
    ("weight", "weights", "w", "kernel", "kernels", "filters", "gamma", "scale", "g"),
    ("bias", "biases", "b", "beta", "shift"),
)
IN_DICTS = ("grads", "gradients")  # dicts of gradients; there a parameter's own name will do


class NotTaken(TypeError):
    """Why a layer cannot be taken as it is, in one line."""


class Place(NamedTuple):
    """Where a layer keeps an array: in an attribute, or under a key of a dict in one."""

    attribute: str
    key: Any = None

    @property
    def name(self) -> str:
        """What the layer calls it."""
        return self.attribute if self.key is None else str(self.key)

    def get(self, layer: Any) -> Any:
        """Return what lies there."""
        value = getattr(layer, self.attribute)
        return value if self.key is None else value[self.key]

    def put(self, layer: Any, value: Any) -> None:
        """Put a value there."""
        if self.key is None:
            setattr(layer, self.attribute, value)
        else:
            getattr(layer, self.attribute)[self.key] = value


class Layout(NamedTuple):
    """How a layer lays out an array of the reference's: its axes in this order, then reshaped."""

    theirs: Shape
    axes: tuple[int, ...]
    own: Shape

    def to_own(self, value: Array) -> Array:
        """Return a reference's array as the layer has it."""
        return np.ascontiguousarray(value.transpose(self.axes)).reshape(self.own)

    def to_reference(self, value: Any) -> Any:
        """Return a layer's array as the reference has it; of another shape, as near as can be."""
        if not isinstance(value, np.ndarray):
            return value
        if value.shape == self.own and len(self.own) != len(self.axes):
            value = value.reshape(self.theirs)
        return value.transpose(np.argsort(self.axes)) if value.ndim == len(self.axes) else value

    def __str__(self) -> str:
        """Say the layout where it is not the reference's."""
        names = ("out", "in")
        if len(self.theirs) == 2 and self.axes == (1, 0):
            return "(in, out)"
        if self.own != self.theirs:
            return f"({', '.join(str(n) if n == 1 else names[0] for n in self.own)})"
        return ""


def find(layer: Any, names: Iterable[str]) -> Place | None:
    """Return where a layer keeps an array of numbers under one of some names."""
    places = [place for place, value in arrays_of(layer) if value.dtype.kind == "f"]
    for called in names:
        for place in places:
            if plain(place.name) == called and place.attribute.lower() not in IN_DICTS:
                return place
    return None


def place_of(layer: Any, parameter: str, of: str) -> Place:
    """Return where a layer keeps a parameter. Raises `NotTaken` where that cannot be told."""
    group = synonyms(parameter)
    place = find(layer, (parameter.rpartition(".")[2], *group))
    if place is None:
        raise NotTaken(f"{of} has no {group[0]} (looked for {', '.join(group)})")
    return place


def layouts_of(own: Shape, theirs: Shape) -> Iterator[Layout]:
    """Yield the layouts that fit, the reference's own first."""
    for axes in permutations(range(len(theirs))):
        moved = tuple(theirs[axis] for axis in axes)
        if moved == own or (len(own) != len(moved) and _longer(own) == _longer(moved)):
            yield Layout(theirs, axes, own)


def _longer(shape: Shape) -> list[int]:
    return [n for n in shape if n != 1]


def arrays_of(layer: Any) -> Iterator[tuple[Place, Array]]:
    """Yield every array of a layer: its attributes, its class's, and those in its dicts."""
    of_class = {
        name: value
        for name, value in vars(type(layer)).items()
        if isinstance(value, np.ndarray | dict) and not name.startswith("__")
    }
    for name, value in (of_class | getattr(layer, "__dict__", {})).items():
        if isinstance(value, np.ndarray):
            yield Place(name), value
        elif isinstance(value, dict):
            yield from (
                (Place(name, key), of) for key, of in value.items() if isinstance(of, np.ndarray)
            )


def synonyms(parameter: str) -> tuple[str, ...]:
    """Return what a parameter of the reference may be called."""
    last = parameter.rpartition(".")[2]
    return next((group for group in SYNONYMS if last in group), (last,))


def plain(name: str) -> str:
    return name.lower().replace("_", "")
