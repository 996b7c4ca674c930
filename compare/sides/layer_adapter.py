"""A layer as people write them, behind two functions of named operands.

People keep weights (in, out) or (out, in), in attributes, dicts, lists or objects of their own; a
backward takes what it needs or finds it cached, and returns gradients in some order or leaves them
in attributes. What can be told from names and shapes is. Where several ways are left, the first
that agrees with the reference is taken. This is settled once, before anything is judged, and said
in `how`.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from compare.sides.calls import Misbehaved, Returned, call, plain_array
from compare.sides.interface import Array, Operands
from compare.sides.layer_places import (
    BACKWARDS,
    FORWARDS,
    Layout,
    Place,
    arrays_of,
    gradients,
    plain,
    synonyms,
)

INPUTS = ("x", "input", "inputs")
OUTPUTS = ("y", "output", "outputs", "out")
TAKES = {"x": "its input", "y": "its output", "cache": "what forward returned beside its output"}


class Context:
    """What a static forward saves for its backward, as in `torch.autograd.Function`."""

    saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *saved: Any) -> None:
        """Keep it."""
        self.saved = self.saved_tensors = saved


@dataclass(frozen=True)
class Way:
    """How a layer is called, and what is made of what it returns."""

    layouts: Mapping[str, Layout]
    second: str = ""  # what backward takes beside dy: "x", "y", "cache" or nothing
    order: tuple[str, ...] = ()  # of the gradients that it returns
    takes_dy: bool = True
    dy_last: bool = False
    columns: bool = False  # one for each example
    context: bool = False  # forward takes one, and backward after it
    returns: frozenset[str] = frozenset()  # gradients; what a layer keeps beside is not reset


@dataclass(frozen=True)
class Adapter:
    """One layer, its parameters by the reference's names, and the way in which it is called."""

    layer: Any
    original: Any  # of which `layer` is a copy
    inputs: tuple[str, ...]
    floats: tuple[str, ...]  # the inputs that may have a gradient
    places: Mapping[str, Place]
    way: Way
    known: dict[Place, str] = field(default_factory=dict)  # whose gradient lies there

    @property
    def operands(self) -> tuple[str, ...]:
        """The names of all that may have a gradient."""
        return (*self.floats, *self.places)

    @property
    def how(self) -> str:
        """Say how the layer was taken."""
        kept = (
            f"{self._called(name)} {layout}"
            for name, place in self.places.items()
            if (layout := str(self.way.layouts[name])) or place.name != name
        )
        columns = "a column for each example" if self.way.columns else ""
        takes = "its context" if self.way.context else TAKES.get(self.way.second)
        called = f"backward takes {takes}" if takes else "backward uses what forward cached"
        given = f"gradients returned as {', '.join(self.way.order)}" if self.way.order else ""
        moved = any(len(of.axes) > 1 and of.own != of.theirs for of in self.way.layouts.values())
        shapes = "shapes are told in the reference's layout" if moved else ""
        return "; ".join(filter(None, (*map(str.strip, kept), columns, called, given, shapes)))

    def _called(self, name: str) -> str:
        place = self.places[name]
        return place.name if plain(place.called) in synonyms(name) else f"{place.name} as {name}"

    def forward(self, **operands: Array) -> Any:
        """Return the layer's output on operands."""
        self.put(operands)
        y, _ = self.run(operands)
        self._show(operands)
        return y

    def backward(self, dy: Array, **operands: Array) -> dict[str, Any]:
        """Return the gradients, by operand, of a backward that follows a forward.

        Where forward itself raises or returns no array, there are none: it is told of forward.
        """
        self.put(operands)
        try:
            with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
                given = {name: value.copy() for name, value in operands.items()}
                ran = call("forward", lambda: self.run(given))
                plain_array(ran[0])
        except (Misbehaved, Returned):
            return {}
        grads = self.after(dy, operands, *ran)
        self._show(operands)
        return grads

    def _show(self, operands: Operands) -> None:
        """Let whoever gave the operands see what the layer has done to its parameters."""
        for name, place in self.places.items():
            own = place.get(self.layer)
            if np.shape(own) == self.way.layouts[name].own:
                operands[name][...] = self.way.layouts[name].to_reference(own)

    def put(self, operands: Operands) -> None:
        """Give the layer the parameters among the operands, in its own layout."""
        for name, place in self.places.items():
            own = self.way.layouts[name].to_own(operands[name])
            self.replace(place.get(self.layer), own)

    def replace(self, old: Any, new: Array) -> bool:
        """Put an array wherever the layer keeps another; return whether it does."""
        places = [place for place, value in arrays_of(self.layer) if value is old]
        for place in places:
            place.put(self.layer, new)
        return bool(places)

    def run(self, operands: Operands) -> tuple[Any, Any]:
        """Return the layer's output on its own parameters, and what forward returns beside it."""
        context = [Context()] if self.way.context else []
        given = [*context, *(self._turned(operands[name]) for name in self.inputs)]
        y, cache = method(self.layer, FORWARDS)(*given), None
        if y is None:  # it keeps its output
            y = next((v for place, v in arrays_of(self.layer) if place.name in OUTPUTS), None)
        elif isinstance(y, tuple) and len(y) > 1:
            y, *beside = y
            cache = beside[0] if len(beside) == 1 else tuple(beside)
        return self._turned(y), context[0] if context else cache

    def _turned(self, x: Any) -> Any:
        """Return a batch with a column for each example from one with a row, and back."""
        turns = self.way.columns and isinstance(x, np.ndarray) and x.ndim == 2
        return np.ascontiguousarray(x.T) if turns else x

    def after(self, dy: Array, operands: Operands, y: Any, cache: Any) -> dict[str, Any]:
        """Return the gradients, by operand, of a backward after that `run`.

        Those that a layer keeps in attributes are set to zero before, for it may add to them.
        """
        found = self.named(self.returned(dy, operands, y, cache))
        for name, place in self.kept():
            found.setdefault(name, place.get(self.layer))
        found = {name: value for name, value in found.items() if value is not None}
        for name in found:
            layout = self.way.layouts.get(name)
            found[name] = layout.to_reference(found[name]) if layout else self._turned(found[name])
        return found if self.way.takes_dy else {name: dy * of for name, of in found.items()}

    def returned(self, dy: Array, operands: Operands, y: Any, cache: Any) -> Any:
        """Return what the layer's backward returns."""
        for name, place in self.kept():
            if name not in self.way.returns:
                place.put(self.layer, np.zeros(np.shape(place.get(self.layer)), dy.dtype))
        x = [self._turned(operands[name]) for name in self.inputs]
        second = {"x": x, "y": [self._turned(y)], "cache": [cache]}
        given = [self._turned(dy)] if self.way.takes_dy else []
        given += second.get(self.way.second, [])
        return method(self.layer, BACKWARDS)(*(given[::-1] if self.way.dy_last else given))

    def named(self, returned: Any) -> dict[str, Any]:
        """Return what backward returned, by operand."""
        named: dict[str, Any] = {}
        unnamed = []
        for key, value in flat(returned):
            if name := self._operand(key, bare=True):
                named[name] = value
            elif not key:
                unnamed.append(value)
        left = (name for name in self.way.order or self.operands if name not in named)
        return named | dict(zip(left, unnamed, strict=False))

    def kept(self) -> Iterator[tuple[str, Place]]:
        """Yield the gradients that the layer keeps, each with its operand."""
        for place in [place for place, _ in arrays_of(self.layer)]:
            if place not in self.known:
                self.known[place] = self._whose(place)
            if name := self.known[place]:
                yield name, place

    def _whose(self, kept: Place) -> str:
        """Return the operand whose gradient lies there; nothing where none does."""
        if kept in self.places.values():
            return ""
        for name, place in self.places.items():
            if kept.is_gradient_of(place, *self._names(name)):
                return name
        return "" if kept.part else self._operand(kept.slot, bare=kept.of_grads)

    def _operand(self, gradient: str, *, bare: bool) -> str:
        """Return the operand that a gradient of this name is of; nothing for any other name."""
        for name in self.operands:
            called = [plain(of) for of in self._names(name)]
            if plain(gradient) in (*gradients(called), *(called if bare else ())):
                return name
        return ""

    def _names(self, operand: str) -> list[str]:
        """Return what an operand may be called; a parameter as others are, if it is alone so."""
        place = self.places.get(operand)
        if not place:
            return [operand, *(INPUTS if operand == "x" else ())]
        group = synonyms(operand)
        alone = sum(synonyms(other) == group for other in self.places) == 1
        return [operand, place.name, place.slot, *(group if alone else ())]


def method(of: Any, names: tuple[str, ...]) -> Any:
    """Return the first method of these names that an object has; None if none."""
    return next((found for name in names if callable(found := getattr(of, name, None))), None)


def flat(returned: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a backward returned, whatever it is nested in, by name where it has one."""
    if isinstance(returned, Mapping):
        yield from ((str(key), value) for key, value in returned.items())
    elif is_dataclass(returned) or hasattr(returned, "_fields"):
        names = getattr(returned, "_fields", None) or [of.name for of in fields(returned)]
        yield from ((name, getattr(returned, name)) for name in names)
    elif isinstance(returned, tuple | list):
        for item in returned:
            yield from flat(item)
    elif returned is not None:
        yield "", returned
