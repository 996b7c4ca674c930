"""A layer as people write them, behind two functions of named operands.

People keep weights (in, out) or (out, in), in attributes or in a dict; a backward takes what it
needs or finds it cached, and returns gradients in some order or leaves them in attributes. What can
be told from names and shapes is. Where several ways are left, the first that agrees with the
reference is taken. This is settled once, before anything is judged, and said in `how`.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import permutations, product
from typing import Any, NamedTuple

import numpy as np

from compare.errors import class_name
from compare.sides.calls import LONGEST_NAME, Misbehaved, call
from compare.sides.interface import Array, Operands, Shape

SYNONYMS = (  # of a parameter; a reference has one of them, too
    ("weight", "weights", "w", "kernel", "kernels", "filters", "gamma", "scale", "g"),
    ("bias", "biases", "b", "beta", "shift"),
)
INPUTS = ("x", "input", "inputs")
OUTPUTS = ("y", "output", "outputs", "out")
DYS = ("dy", "dout", "grad", "gradoutput", "outputgradient", "delta", "dvalues", "upstream", "dz")
DYS_ALONE = [[name] for name in DYS]
GRADIENTS = ("d{}", "grad{}", "{}grad", "gradient{}", "delta{}")  # what a gradient is called
IN_DICTS = ("grads", "gradients")  # dicts of gradients; there a parameter's own name will do
CLOSE = 1e-3  # of the largest entry: a way that comes this near is meant, right or slightly wrong
TAKES = {"x": "its input", "y": "its output", "cache": "what forward returned beside its output"}

# The reference's output and gradients, from operands and the gradient of its output; without one,
# no gradients.
Expected = Callable[[Operands, Array | None], tuple[Array, Operands]]


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
        except Exception:
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
        places = [place for place, value in _arrays(self.layer) if value is old]
        for place in places:
            place.put(self.layer, new)
        return bool(places)

    def run(self, operands: Operands) -> tuple[Any, Any]:
        """Return the layer's output on its own parameters, and what forward returns beside it."""
        forward = getattr(self.layer, "forward", self.layer)
        returned = forward(*(operands[name] for name in self.inputs))
        if returned is None:  # it keeps its output
            return next(
                (v for place, v in _arrays(self.layer) if place.name in OUTPUTS), None
            ), None
        if isinstance(returned, tuple) and len(returned) > 1:
            return returned[0], returned[1] if len(returned) == 2 else returned[1:]
        return returned, None

    def after(self, dy: Array, operands: Operands, y: Any, cache: Any) -> dict[str, Any]:
        """Return the gradients, by operand, of a backward after that `run`.

        Those that a layer keeps in attributes are set to zero before, for it may add to them.
        """
        found = self._named(self.returned(dy, operands, y, cache))
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

    def _named(self, returned: Any) -> dict[str, Any]:
        """Return what backward returned, by operand."""
        named: dict[str, Any] = {}
        unnamed = []
        for key, value in _flat(returned):
            if name := self._operand(key, bare=True):
                named[name] = value
            elif not key:
                unnamed.append(value)
        left = (name for name in self.way.order or self.operands if name not in named)
        return named | dict(zip(left, unnamed, strict=False))

    def _kept(self) -> Iterator[tuple[str, Place]]:
        """Yield the gradients that the layer keeps, each with its operand."""
        for place in [place for place, _ in _arrays(self.layer)]:
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
            called = {name, *(_synonyms(name) if place else INPUTS if name == "x" else ())}
            called |= {place.name} if place else set()
            forms = [form.format(_plain(of)) for of in called for form in GRADIENTS]
            if _plain(gradient) in (*forms, *(map(_plain, called) if bare else ())):
                return name
        return ""


def adapt(
    layer: Any, shapes: Mapping[str, Shape], example: Mapping[str, Array], expected: Expected
) -> Adapter:
    """Return a copy of a layer behind functions of named operands.

    `shapes` are those of the reference's parameters, by name; `example` the inputs, by name, in
    float64. Raises `NotTaken` for a layer without forward, backward, or a parameter that the
    reference has.
    """
    name, original = class_name(layer, LONGEST_NAME), layer
    try:
        lacks = call(f"looking for the methods of {name}", lambda: _lacks(layer))
        layer = call(f"copying {name}", lambda: deepcopy(original))
    except Misbehaved as error:
        raise NotTaken(f"{error}; it cannot be judged") from None
    if isinstance(original, type):
        raise NotTaken(f"{original.__name__} is a class; give an instance of it")
    if lacks:
        raise NotTaken(f"{name} cannot be judged: it has no {', '.join(lacks)}")
    places = {of: _place(layer, of, name) for of in shapes}
    rng = np.random.default_rng(0)
    operands = dict(example) | {of: rng.standard_normal(shape) for of, shape in shapes.items()}
    floats = tuple(of for of, x in example.items() if x.dtype.kind == "f")
    adapter = Adapter(layer, original, tuple(example), floats, places, Way({}))
    y, _ = expected(operands, None)
    layouts = []
    for of, shape in shapes.items():
        own = places[of].get(layer).shape
        layouts.append(list(_layouts(own, shape)))
        if not layouts[-1]:
            kept = places[of].name
            raise NotTaken(f"{kept} of {name} is {own}, and the reference's {of} {shape}")
    ways = [
        replace(adapter, way=Way(dict(zip(shapes, combination, strict=True))))
        for combination in product(*layouts)
    ]
    dy = np.asarray(rng.standard_normal(np.shape(y)))
    _, grads = expected(operands, dy)

    def fresh() -> Operands:
        return {of: x.copy() for of, x in operands.items()}

    def agrees(one: Adapter) -> list[float]:
        forward = _near(one.forward(**fresh()), y)
        found = one.backward(dy.copy(), **fresh())
        fits = [np.shape(found[of]) == grad.shape for of, grad in grads.items() if of in found]
        return [forward, sum(fits), sum(_near(found.get(of), grad) for of, grad in grads.items())]

    scalar = not np.ndim(y)
    ways = [way for one in ways for way in _ways(one, fresh(), name, scalar=scalar)]
    adapter = _first(ways, agrees)
    with suppress(Misbehaved):
        ran = call("forward", lambda: adapter.run(fresh()))
        returned = call("backward", lambda: adapter.returned(dy.copy(), fresh(), *ran))
        several = sum(not key for key, _ in _flat(returned)) > 1
        way = replace(
            adapter.way,
            order=adapter.way.order if several else (),
            returns=frozenset(adapter._named(returned)),
        )
        adapter = replace(adapter, way=way)
    return replace(adapter, layer=deepcopy(original))  # in which no call has left anything


def _flat(returned: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a backward returned, whatever it is nested in, by name where it has one."""
    if isinstance(returned, Mapping):
        yield from ((str(key), value) for key, value in returned.items())
    elif isinstance(returned, tuple | list):
        for item in returned:
            yield from _flat(item)
    elif returned is not None:
        yield "", returned


def _lacks(layer: Any) -> list[str]:
    """Return what a layer has not; it may be called instead of its forward."""
    forward = callable(getattr(layer, "forward", layer))
    backward = callable(getattr(layer, "backward", None))
    return [name for name, there in (("forward", forward), ("backward", backward)) if not there]


def _ways(adapter: Adapter, operands: Operands, of: str, *, scalar: bool) -> Iterator[Adapter]:
    """Yield how backward may be meant, the likeliest first.

    That of a loss takes its inputs, or a gradient, or nothing. Raises `NotTaken` for one that
    updates the layer, too.
    """
    try:
        adapter.put(operands)
        _, cache = call("forward", lambda: adapter.run(operands))
    except Misbehaved:
        cache = None
    names = [_plain(name) for name in _positional(adapter.layer.backward)]
    for rate in set(names) & {"lr", "learningrate", "rate"}:
        raise NotTaken(f"backward() of {of} takes a {rate}; leave the update to an optimizer")
    dy_last = len(names) == 2 and names[1] in DYS and names[0] not in DYS
    takes_dy = not scalar or len(names) == 1 + len(adapter.inputs) or names[:1] in DYS_ALONE
    second = (names[0] if dy_last else names[1]) if takes_dy and len(names) > 1 else ""
    if len(names) <= takes_dy:
        seconds = [""]
    elif cache is not None:
        seconds = ["cache", "x", "y"]
    else:
        meant = ["y"] * (second in OUTPUTS) + ["x"] * (second in INPUTS)
        seconds = meant or ["x", "y"]
    inputs, params = adapter.floats, tuple(adapter.places)
    usual = [(*inputs, *params), (*params, *inputs), params]
    orders = dict.fromkeys((*usual, *permutations((*inputs, *params))))
    for second, order in product(seconds, list(orders)[:30]):
        way = replace(adapter.way, second=second, order=order, takes_dy=takes_dy, dy_last=dy_last)
        yield replace(adapter, way=way)


def _first(ways: list[Adapter], score: Callable[[Adapter], list[float]]) -> Adapter:
    """Return the first way of the best score; one that raises has none."""
    best, found = ways[0], [-1.0]
    for way in ways:
        with suppress(Misbehaved):
            scored = call("trying the layer", lambda way=way: score(way))  # type: ignore[misc]
            if scored > found:
                best, found = way, scored
    return best


def find(layer: Any, names: Iterable[str]) -> Place | None:
    """Return where a layer keeps an array of numbers under one of some names."""
    places = [place for place, value in _arrays(layer) if value.dtype.kind == "f"]
    for called in names:
        for place in places:
            if _plain(place.name) == called and place.attribute.lower() not in IN_DICTS:
                return place
    return None


def _place(layer: Any, parameter: str, of: str) -> Place:
    """Return where a layer keeps a parameter. Raises `NotTaken` where that cannot be told."""
    group = _synonyms(parameter)
    place = find(layer, (parameter.rpartition(".")[2], *group))
    if place is None:
        raise NotTaken(f"{of} has no {group[0]} (looked for {', '.join(group)})")
    return place


def _layouts(own: Shape, theirs: Shape) -> Iterator[Layout]:
    """Yield the layouts that fit, the reference's own first."""
    for axes in permutations(range(len(theirs))):
        moved = tuple(theirs[axis] for axis in axes)
        if moved == own or (len(own) != len(moved) and _longer(own) == _longer(moved)):
            yield Layout(theirs, axes, own)


def _longer(shape: Shape) -> list[int]:
    return [n for n in shape if n != 1]


def _arrays(layer: Any) -> Iterator[tuple[Place, Array]]:
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


def _positional(function: Any) -> list[str]:
    """Return the names of what has to be given by position."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ["dy"]
    of_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        p.name
        for p in parameters
        if p.kind in of_position and (p.default is p.empty or _plain(p.name) in DYS)
    ]


def _synonyms(parameter: str) -> tuple[str, ...]:
    """Return what a parameter of the reference may be called."""
    last = parameter.rpartition(".")[2]
    return next((group for group in SYNONYMS if last in group), (last,))


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _near(got: Any, true: Array) -> float:
    """Return 1 where a result is about what it should be, else 0."""
    if np.shape(got) != np.shape(true):
        return 0
    scale = float(np.abs(true).max(initial=0))
    return float(np.abs(got - true).max(initial=0) <= CLOSE * scale)
