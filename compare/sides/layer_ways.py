"""Which way a layer is to be called: of several, the first that agrees with the reference."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np

from compare.errors import class_name
from compare.sides.calls import LONGEST_NAME, Misbehaved, call
from compare.sides.interface import Array, Operands, Shape
from compare.sides.layer_adapter import INPUTS, OUTPUTS, Adapter, Way, flat, method
from compare.sides.layer_places import (
    BACKWARDS,
    FORWARDS,
    NotTaken,
    arrays_of,
    layouts_of,
    places_of,
    plain,
)

DYS = ("dy", "dout", "grad", "gradoutput", "outputgradient", "delta", "dvalues", "upstream", "dz")
DYS_ALONE = [[name] for name in DYS]
ANY = 99  # operands are taken by a backward of `*args` alone
CLOSE = 1e-3  # of the largest entry: a way that comes this near is meant, right or slightly wrong

# The reference's output and gradients, from operands and the gradient of its output; without one,
# no gradients.
Expected = Callable[[Operands, Array | None], tuple[Array, Operands]]


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
    places = places_of(layer, shapes, name)
    rng = np.random.default_rng(0)
    operands = dict(example) | {of: rng.standard_normal(shape) for of, shape in shapes.items()}
    floats = tuple(of for of, x in example.items() if x.dtype.kind == "f")
    adapter = Adapter(layer, original, tuple(example), floats, places, Way({}))
    y, _ = expected(operands, None)
    layouts = []
    for of, shape in shapes.items():
        own = places[of].get(layer).shape
        layouts.append(list(layouts_of(own, shape)))
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
        return _copied(operands)

    def agrees(one: Adapter) -> list[float]:
        forward = _near(one.forward(**fresh()), y)
        found = one.backward(dy.copy(), **fresh())
        fits = [np.shape(found[of]) == grad.shape for of, grad in grads.items() if of in found]
        return [forward, sum(fits), sum(_near(found.get(of), grad) for of, grad in grads.items())]

    scalar = not np.ndim(y)
    ways = [
        way
        for one in _forwards(ways, fresh(), y, name)
        for way in _ways(one, fresh(), name, scalar=scalar)
    ]
    adapter, score = _first(ways, agrees)
    with suppress(Misbehaved):
        ran = call("forward", lambda: adapter.run(fresh()))
        returned = call("backward", lambda: adapter.returned(dy.copy(), fresh(), *ran))
        several = sum(not key for key, _ in flat(returned)) > 1
        way = replace(
            adapter.way,
            order=adapter.way.order if several else (),
            returns=frozenset(adapter.named(returned)),
        )
        adapter = replace(adapter, way=way)
        if score[0] == 1:
            _require_gradients(adapter, name)
    return replace(adapter, layer=deepcopy(original))  # in which no call has left anything


def built(layer: Any, shapes: Mapping[str, Shape], inputs: Operands) -> Any:
    """Return a layer, or where its first forward makes its parameters, a copy after that."""
    with suppress(Misbehaved):
        copy = call("copying it", lambda: deepcopy(layer))
        if shapes and not call("looking for its arrays", lambda: list(arrays_of(copy))):
            call("forward", lambda: method(copy, FORWARDS)(*map(np.copy, inputs.values())))
            return copy
    return layer


def _lacks(layer: Any) -> list[str]:
    """Return what a layer has not, under any of the names that it goes by."""
    return [names[0] for names in (FORWARDS, BACKWARDS) if not method(layer, names)]


def _forwards(ways: list[Adapter], operands: Operands, y: Array, of: str) -> list[Adapter]:
    """Return how forward may be meant. Raises `NotTaken` for one of other operands.

    Where it cannot make its output's shape of a row for each example, that is of columns.
    """
    forward, inputs = method(ways[0].layer, FORWARDS), len(ways[0].inputs)
    context = _positional(forward)[:1] in (["ctx"], ["context"])
    if not _takes(forward, inputs + context):
        raise NotTaken(f"forward of {of} takes {_shown(forward)}, not {inputs} input(s) alone")

    def fits(way: Adapter) -> bool:
        with suppress(Misbehaved):
            made = call("forward", lambda: way.forward(**_copied(operands)))
            return bool(np.shape(made) == y.shape)
        return False

    ways = [replace(way, way=replace(way.way, context=context)) for way in ways]
    columns = [replace(way, way=replace(way.way, columns=True)) for way in ways]
    turns = y.ndim == 2 and not any(fits(way) for way in ways)
    return [way for way in columns if fits(way)] or ways if turns else ways


def _ways(adapter: Adapter, operands: Operands, of: str, *, scalar: bool) -> Iterator[Adapter]:
    """Yield how backward may be meant, the likeliest first.

    That of a loss takes its inputs, or a gradient, or nothing. Raises `NotTaken` for one that
    takes something else, or updates the layer, too.
    """
    cache = None
    with suppress(Misbehaved):
        adapter.put(operands)
        _, cache = call("forward", lambda: adapter.run(operands))
    backward = method(adapter.layer, BACKWARDS)
    names = [plain(name) for name in _positional(backward)]
    for rate in set(names) & {"lr", "learningrate", "rate"}:
        raise NotTaken(f"backward of {of} takes a {rate}; leave the update to an optimizer")
    takes_dy = not scalar or len(names) == 1 + len(adapter.inputs) or names[:1] in DYS_ALONE
    lasts = [False, True]
    if len(names) != 2 or names[0] in DYS or names[1] in DYS or adapter.way.context:
        lasts = [len(names) == 2 and names[0] not in DYS]
    second = names[0 if lasts[0] else 1] if takes_dy and len(names) > 1 else ""
    if len(names) <= takes_dy:
        seconds = ["", *(["cache", "x", "y"] if _takes(backward, ANY) else [])]
    elif cache is not None:
        seconds = ["cache", "x", "y"]
    else:
        meant = ["y"] * (second in OUTPUTS) + ["x"] * (second in INPUTS)
        seconds = meant or ["x", "y"]
    given = {"": 0, "x": len(adapter.inputs)}
    if not any(_takes(backward, takes_dy + given.get(second, 1)) for second in seconds):
        raise NotTaken(f"backward of {of} takes {_shown(backward)}, not dy with x, y or a cache")
    inputs, params = adapter.floats, tuple(adapter.places)
    usual = [(*inputs, *params), (*params, *inputs), params]
    orders = dict.fromkeys((*usual, *permutations((*inputs, *params))))
    for second, last, order in product(seconds, lasts, list(orders)[:30]):
        way = replace(adapter.way, second=second, order=order, takes_dy=takes_dy, dy_last=last)
        yield replace(adapter, way=way)


def _require_gradients(adapter: Adapter, of: str) -> None:
    """Raise `NotTaken` where a parameter's gradient is nowhere, or none at all is given."""
    given = {name for name, _ in adapter.kept()} | adapter.way.returns
    if not given:
        raise NotTaken(f"backward of {of} gives no gradient: it returns none, and leaves none")
    for name, place in adapter.places.items():
        if name not in given:
            raise NotTaken(
                f"backward of {of} gives no gradient of {place.name}: it returns none, "
                f"and leaves none, as in d{place.called} or grads"
            )


def _first(
    ways: list[Adapter], score: Callable[[Adapter], list[float]]
) -> tuple[Adapter, list[float]]:
    """Return the first way of the best score, and that; one that raises has none."""
    best, found = ways[0], [-1.0]
    for way in ways:
        with suppress(Misbehaved):
            scored = call("trying the layer", lambda way=way: score(way))  # type: ignore[misc]
            if scored > found:
                best, found = way, scored
    return best, found


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
        if p.kind in of_position and (p.default is p.empty or plain(p.name) in DYS)
    ]


def _takes(function: Any, number: int) -> bool:
    """Return whether a function can be called with so many operands, if that can be told."""
    try:
        inspect.signature(function).bind(*range(number))
    except TypeError:
        return False
    except ValueError:
        pass
    return True


def _shown(function: Any) -> str:
    return ", ".join(_positional(function)) or "nothing"


def _copied(operands: Operands) -> Operands:
    return {of: x.copy() for of, x in operands.items()}


def _near(got: Any, true: Array) -> float:
    """Return 1 where a result is about what it should be, else 0."""
    if np.shape(got) != np.shape(true):
        return 0
    scale = float(np.abs(true).max(initial=0))
    return float(np.abs(got - true).max(initial=0) <= CLOSE * scale)
