"""Where a layer as people write it keeps its arrays, and in what layout."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from compare.sides.interface import Array, Shape

SYNONYMS = (  # of a parameter; a reference has one of them, too
    ("weight", "weights", "w", "kernel", "kernels", "filters", "gamma", "scale", "g"),
    ("bias", "biases", "b", "beta", "shift"),
)
OF_PARAMS = ("params", "parameters")  # what parameters lie in, in order or by name
OF_GRADS = ("grads", "gradients")  # the same of gradients; there a parameter's own name will do
HELD = ("data", "value")  # what an object that stands for a parameter calls its array
FORWARDS = ("forward", "__call__", "call", "forward_pass", "forward_propagation")
BACKWARDS = ("backward", "backward_pass", "backward_propagation", "backprop")
# What the gradient of {} is called: dW, dL_dW, grad_W, W_grad, W.grad
GRADIENTS = (
    *(before + "{}" for before in ("d", "dld", "djd", "dlossd", "grad", "gradient", "delta")),
    *("{}" + after for after in ("grad", "gradient", "delta")),
)


class NotTaken(TypeError):
    """Why a layer cannot be taken as it is, in one line."""


class Step(NamedTuple):
    """From an object to what lies in it: by attribute, or by a key of a dict or list."""

    at: Any
    inside: bool = False

    def get(self, of: Any) -> Any:
        """Return what lies there."""
        return of[self.at] if self.inside else getattr(of, self.at)

    def put(self, of: Any, value: Any) -> None:
        """Put a value there."""
        if self.inside:
            of[self.at] = value
        else:
            setattr(of, self.at, value)


class Place(NamedTuple):
    """Where a layer keeps an array: in an attribute, a dict or a list, of its own or of a part's.

    `slot` is what tells it from others of its kind: `called`, less the list that all parameters, or
    all gradients, lie in.
    """

    steps: tuple[Step, ...] = ()
    part: str = ""  # "layers[0]." for what lies in that part of the layer
    called: str = ""
    slot: str = ""
    of_grads: bool = False
    of_params: bool = False

    @property
    def name(self) -> str:
        """What the layer calls it."""
        return self.part + self.called

    def get(self, layer: Any) -> Any:
        """Return what lies there."""
        for step in self.steps:
            layer = step.get(layer)
        return layer

    def put(self, layer: Any, value: Any) -> None:
        """Put a value there."""
        *way, last = self.steps
        for step in way:
            layer = step.get(layer)
        last.put(layer, value)

    def is_gradient_of(self, param: "Place", *called: str) -> bool:
        """Whether this is where the gradient of a parameter lies, which may be called so, too."""
        if self.part != param.part or self == param:
            return False
        slots = [plain(slot) for slot in (param.slot, *called)]
        return plain(self.slot) in (
            [*slots, *gradients(slots)] if self.of_grads else gradients(slots)
        )


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
        if self.axes != tuple(sorted(self.axes)) and len(self.axes) > 2:
            return f"{self.own} for {self.theirs}"
        if len(self.theirs) == 2 and self.axes == (1, 0):
            return "(in, out)"
        if self.own != self.theirs:
            return f"({', '.join('1' if n == 1 else 'out' for n in self.own)})"
        return ""


def places_of(layer: Any, shapes: Mapping[str, Shape], of: str) -> dict[str, Place]:
    """Return where a layer keeps each of a reference's parameters, by name or else by shape.

    Raises `NotTaken` where that cannot be told, and for a parameter that the reference has not.
    """
    params = {place: value.shape for place, value in params_of(layer)}
    found: dict[str, Place] = {}
    for name in shapes:
        if place := _by_name(name, shapes, params) or _by_shape(name, shapes, params, found):
            found[name] = place
        else:
            group = synonyms(name)
            looked = ", ".join(group)
            raise NotTaken(f"{of} has no {group[0]} (looked for {looked}, and by shape)")
    for place in params if shapes else ():
        group = next((group for group in SYNONYMS if _letters(place.slot) in group), ())
        if place not in found.values() and (place.of_params or group):
            what = group[0] if group else "such parameter"
            raise NotTaken(f"{of} has {place.name}, and the reference has no {what} to judge it by")
    return found


def _by_name(name: str, shapes: Mapping[str, Shape], params: Mapping[Place, Shape]) -> Place | None:
    """Return the place called as a parameter may be, if no other parameter may be called so."""
    group = synonyms(name)
    if sum(synonyms(other) == group for other in shapes) > 1:
        return None
    own = [(plain(place.slot), place) for place in params if not place.part]
    return next((place for called in group for slot, place in own if slot == called), None)


def _by_shape(
    name: str,
    shapes: Mapping[str, Shape],
    params: Mapping[Place, Shape],
    found: Mapping[str, Place],
) -> Place | None:
    """Return the place of a parameter's shape; among as many that are alike, that in its order."""
    alike = [other for other in shapes if _longer(shapes[other]) == _longer(shapes[name])]
    fit = [place for place, shape in params.items() if any(layouts_of(shape, shapes[name]))]
    if len(fit) != len(alike) or len({synonyms(other) for other in alike}) > 1:
        return None
    place = fit[alike.index(name)]
    return None if place in found.values() else place


def params_of(layer: Any) -> Iterator[tuple[Place, Array]]:
    """Yield every array of floats of a layer but the gradients, each once."""
    every = [(place, value) for place, value in arrays_of(layer) if value.dtype.kind == "f"]
    seen = set()
    for place, value in every:
        if id(value) in seen or place.of_grads:
            continue
        if not any(place.is_gradient_of(other) for other, _ in every):
            seen.add(id(value))
            yield place, value


def layouts_of(own: Shape, theirs: Shape) -> Iterator[Layout]:
    """Yield the layouts that fit, the reference's own first."""
    for axes in permutations(range(len(theirs))):
        moved = tuple(theirs[axis] for axis in axes)
        if moved == own or (len(own) != len(moved) and _longer(own) == _longer(moved)):
            yield Layout(theirs, axes, own)


def _longer(shape: Shape) -> list[int]:
    return [n for n in shape if n != 1]


def arrays_of(layer: Any) -> Iterator[tuple[Place, Array]]:
    """Yield every array of a layer: its own, those in its dicts and lists, and its parts'."""
    yield from _attributes(layer, Place(), {id(layer)})


def _attributes(owner: Any, at: Place, seen: set[int]) -> Iterator[tuple[Place, Array]]:
    of_class = {
        name: value
        for name, value in vars(type(owner)).items()
        if isinstance(value, np.ndarray | dict) and not name.startswith("__")
    }
    for name, value in (of_class | getattr(owner, "__dict__", {})).items():
        inside = isinstance(value, dict | list | tuple)
        of_grads, of_params = (inside and name.lower() in names for names in (OF_GRADS, OF_PARAMS))
        slot = "" if of_grads or of_params else name
        steps = (*at.steps, Step(name))
        yield from _found(value, Place(steps, at.part, name, slot, of_grads, of_params), seen)


def _found(value: Any, at: Place, seen: set[int]) -> Iterator[tuple[Place, Array]]:
    """Yield the arrays in a value that lies at a place; nothing that was seen before."""
    if isinstance(value, np.ndarray):
        yield at, value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for key, of in value.items():
            there = at._replace(steps=(*at.steps, Step(key, True)), called=str(key), slot=str(key))
            yield from _found(of, there, seen)
    elif isinstance(value, list | tuple):
        for i, of in enumerate(value):
            if isinstance(value, list) or not isinstance(of, np.ndarray):  # a tuple keeps its own
                index, steps = f"[{i}]", (*at.steps, Step(i, True))
                there = at._replace(steps=steps, called=at.called + index, slot=at.slot + index)
                yield from _found(of, there, seen)
    elif any(callable(getattr(type(value), name, None)) for name in BACKWARDS):
        yield from _attributes(value, Place(at.steps, f"{at.name}."), seen)
    else:
        inner = getattr(value, "__dict__", {})
        for name in HELD if isinstance(inner, dict) else ():
            if isinstance(inner.get(name), np.ndarray):
                yield at._replace(steps=(*at.steps, Step(name)), of_params=True), inner[name]
                if isinstance(inner.get("grad"), np.ndarray):
                    there = at._replace(steps=(*at.steps, Step("grad")))
                    called, slot = f"{at.called}.grad", f"{at.slot}.grad"
                    yield there._replace(called=called, slot=slot), inner["grad"]
                return


def synonyms(parameter: str) -> tuple[str, ...]:
    """Return what a parameter of the reference may be called."""
    last = parameter.rpartition(".")[2]
    return next((group for group in SYNONYMS if last in group), (last,))


def gradients(called: Iterable[str]) -> list[str]:
    """Return what the gradients of what is called so are called."""
    return [form.format(of) for of in called for form in GRADIENTS]


def plain(name: str) -> str:
    """Return a name without what people write in one way or another."""
    return re.sub(r"[_.]", "", name.lower())


def _letters(name: str) -> str:
    """Return a name without its number: "w" of W1, "biases" of biases[0]."""
    return re.sub(r"[^a-z]", "", name.lower())
