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
from compare.sides.layer_adapter import INPUTS, OUTPUTS, Adapter, Way, flat
from compare.sides.layer_places import NotTaken, layouts_of, place_of, plain

DYS = ("dy", "dout", "grad", "gradoutput", "outputgradient", "delta", "dvalues", "upstream", "dz")
DYS_ALONE = [[name] for name in DYS]
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
    places = {of: place_of(layer, of, name) for of in shapes}
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
        several = sum(not key for key, _ in flat(returned)) > 1
        way = replace(
            adapter.way,
            order=adapter.way.order if several else (),
            returns=frozenset(adapter.named(returned)),
        )
        adapter = replace(adapter, way=way)
    return replace(adapter, layer=deepcopy(original))  # in which no call has left anything


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
    names = [plain(name) for name in _positional(adapter.layer.backward)]
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


def _near(got: Any, true: Array) -> float:
    """Return 1 where a result is about what it should be, else 0."""
    if np.shape(got) != np.shape(true):
        return 0
    scale = float(np.abs(true).max(initial=0))
    return float(np.abs(got - true).max(initial=0) <= CLOSE * scale)
