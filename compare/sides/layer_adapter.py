"""A layer as people write them, behind two functions of named operands.

People keep weights (in, out) or (out, in), in attributes or in a dict; a backward takes what it
needs or finds it cached, and returns gradients in some order or leaves them in attributes. What can
be told from names and shapes is. Where several ways are left, the first that agrees with the
reference is taken. This is settled once, before anything is judged, and said in `how`.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.sides.interface import Array, Operands
from compare.sides.layer_places import IN_DICTS, Layout, Place, arrays_of, plain, synonyms

INPUTS = ("x", "input", "inputs")
OUTPUTS = ("y", "output", "outputs", "out")
GRADIENTS = ("d{}", "grad{}", "{}grad", "gradient{}", "delta{}")  # what a gradient is called
TAKES = {"x": "its input", "y": "its output", "cache": "what forward returned beside its output"}


@dataclass(frozen=True)
class Way:
    """How a layer is called, and what is made of what it returns."""

    layouts: Mapping[str, Layout]
    second: str = ""  # what backward takes beside dy: "x", "y", "cache" or nothing
    order: tuple[str, ...] = ()  # of the gradients that it returns
    takes_dy: bool = True
    dy_last: bool = False
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
            f"{place.name} {layout}"
            for name, place in self.places.items()
            if (layout := str(self.way.layouts[name])) or place.name != name
        )
        takes = TAKES.get(self.way.second)
        called = f"backward takes {takes}" if takes else "backward finds what it needs cached"
        given = f"gradients returned as {', '.join(self.way.order)}" if self.way.order else ""
        moved = any(len(of.axes) > 1 and of.own != of.theirs for of in self.way.layouts.values())
        shapes = "shapes are told in the reference's layout" if moved else ""
        return "; ".join(filter(None, (*map(str.strip, kept), called, given, shapes)))

    def forward(self, **operands: Array) -> Any:
        """Return the layer's output on operands."""
        self.put(operands)
        y, _ = self.run(operands)
        self._show(operands)
        return y

    def backward(self, dy: Array, **operands: Array) -> dict[str, Any]:
        """Return the gradients, by operand, of a backward that follows a forward.

        Where forward itself raises, there are none: it is told of forward.
        """
        self.put(operands)
        try:
            with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
                ran = self.run({name: value.copy() for name, value in operands.items()})
        except Exception:  # anybody's layer may raise anything
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
        forward = getattr(self.layer, "forward", self.layer)
        returned = forward(*(operands[name] for name in self.inputs))
        if returned is None:  # it keeps its output
            return next(
                (v for place, v in arrays_of(self.layer) if place.name in OUTPUTS), None
            ), None
        if isinstance(returned, tuple) and len(returned) > 1:
            return returned[0], returned[1] if len(returned) == 2 else returned[1:]
        return returned, None

    def after(self, dy: Array, operands: Operands, y: Any, cache: Any) -> dict[str, Any]:
        """Return the gradients, by operand, of a backward after that `run`.

        Those that a layer keeps in attributes are set to zero before, for it may add to them.
        """
        found = self.named(self.returned(dy, operands, y, cache))
        for name, place in self._kept():
            found.setdefault(name, place.get(self.layer))
        found = {name: value for name, value in found.items() if value is not None}
        for name, layout in self.way.layouts.items():
            if name in found:
                found[name] = layout.to_reference(found[name])
        return found if self.way.takes_dy else {name: dy * of for name, of in found.items()}

    def returned(self, dy: Array, operands: Operands, y: Any, cache: Any) -> Any:
        """Return what the layer's backward returns."""
        for name, place in self._kept():
            if name not in self.way.returns:
                place.put(self.layer, np.zeros(np.shape(place.get(self.layer)), dy.dtype))
        second = {"x": [operands[name] for name in self.inputs], "y": [y], "cache": [cache]}
        given = [*([dy] if self.way.takes_dy else []), *second.get(self.way.second, [])]
        return self.layer.backward(*(given[::-1] if self.way.dy_last else given))

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

    def _kept(self) -> Iterator[tuple[str, Place]]:
        """Yield the gradients that the layer keeps, each with its operand."""
        for place in [place for place, _ in arrays_of(self.layer)]:
            if place not in self.known:
                bare = place.attribute.lower() in IN_DICTS
                of = "" if place in self.places.values() else self._operand(place.name, bare=bare)
                self.known[place] = of
            if name := self.known[place]:
                yield name, place

    def _operand(self, gradient: str, *, bare: bool) -> str:
        """Return the operand that a gradient of this name is of; nothing for any other name."""
        for name in self.operands:
            place = self.places.get(name)
            called = {name, *(synonyms(name) if place else INPUTS if name == "x" else ())}
            called |= {place.name} if place else set()
            forms = [form.format(plain(of)) for of in called for form in GRADIENTS]
            if plain(gradient) in (*forms, *(map(plain, called) if bare else ())):
                return name
        return ""


def flat(returned: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a backward returned, whatever it is nested in, by name where it has one."""
    if isinstance(returned, Mapping):
        yield from ((str(key), value) for key, value in returned.items())
    elif isinstance(returned, tuple | list):
        for item in returned:
            yield from flat(item)
    elif returned is not None:
        yield "", returned
