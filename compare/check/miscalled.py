"""How an operation that is right alone was called in a step: not at all, with other operands."""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from compare.check.bounds import norm
from compare.check.kinds import OPERATIONS, in_table, results_of, step_of, taken, traced
from compare.check.mistakes import BY_WAY, EXPLAINED, GIVEN
from compare.sides.interface import Array, Description, Layer, Side, Trace

Ways = Mapping[str, Mapping[str, Array]]  # by gradient, and by the layer that it comes through

ENTRYWISE = ("ReLU", "Sigmoid", "Deviation")  # what may be done to an operand, or to a result


def miscalled(side: Side, layer: Layer, result: str, got: Array, trace: Trace) -> str:
    """Say how a layer's backward came to a wrong result in a step, or nothing.

    `trace` is the step's, with the parameters as they are after it.
    """
    name, at = f"{layer.name}.backward", _tensors(layer)
    if layer.name == "loss" or not in_table(layer):
        return ""
    needed = OPERATIONS[f"{layer.kind}.backward"].operands
    if not all(at[of] in trace for of in needed):
        return ""
    operands = {of: trace[at[of]] for of in needed}
    if not layer.parameters:
        return f"{name} is left out" if np.array_equal(got, operands["dy"]) else ""
    later = side.op(name, operands).get(result, np.zeros(0))
    if later.shape == got.shape and norm(later - got) <= EXPLAINED * norm(got):
        return f"{name} is called with the weights that the step has updated"
    return ""


def miscalls(tensor: str, true: Trace, ways: Ways, who: Description) -> Iterator[tuple[str, Array]]:
    """Yield what a tensor is if an operation that it comes from is called in another way.

    It gets other operands, or is left out, or something is done to its result. `true` has all
    tensors of a step, and what it starts from.
    """
    # The last first: where one is made of another and does as well, it is the nearer.
    double = {name: true[name].astype(np.float64) for name in reversed(true)}
    whole = double[tensor]
    prefix = tensor.partition("/")[0]
    yield from (
        (f"it is {other}", value)
        for other, value in double.items()
        if other != tensor and other.startswith(f"{prefix}/") and value.shape == whole.shape
    )
    for name, operation, layer in step_of(who):
        results = [of for of in results_of(name, layer) if traced(name, of, who.layers) == tensor]
        needed = {of: _tensors(layer)[of] for of in OPERATIONS[operation].operands}
        if not all(of in double for of in needed.values()):
            continue
        weight = who.terms.get(layer.name, 1.0) if name.endswith(".backward") else 1.0
        rest = whole - ways.get(tensor, {}).get(layer.name, whole)
        operands = {of: double[at] for of, at in needed.items()}
        for result in results:
            if name.endswith(".forward"):
                for at in needed.values():
                    yield from (
                        (f"it is the {kind} of {at}", of) for kind, of in _applied(double[at])
                    )
            for say, make in OPERATIONS[operation].results[result].mistakes.items():
                if (mistaken := make(**operands)) is not None:
                    yield say, rest + weight * mistaken
            for say, other in _otherwise(name, needed, double, ways):
                made = OPERATIONS[operation].define(**{**operands, **other})[result].value
                yield say, rest + weight * made
            if "dy" in operands and operands["dy"].shape == whole.shape:
                yield f"{name} is left out", rest + weight * operands["dy"]
    if tensor.startswith("act/"):
        yield from ((f"a {kind} is applied to it", of) for kind, of in _applied(whole))


def _otherwise(
    name: str, needed: Mapping[str, str], true: Trace, ways: Ways
) -> Iterator[tuple[str, Trace]]:
    """Yield, with what to say, one operand that is another tensor, or two that are exchanged."""
    for of, at in needed.items():
        others = [
            *((tensor, value) for tensor, value in true.items() if tensor != at),
            *(
                (f"what comes {BY_WAY}{layer} alone", part)
                for layer, part in ways.get(at, {}).items()
            ),
            *((f"the {kind} of {at}", value) for kind, value in _applied(true[at])),
        ]
        for say, value in others:
            if value.shape == true[at].shape:
                yield f"{name} {GIVEN} {say} for {at}", {of: value.astype(np.float64)}
    for (one, at), (two, other) in combinations(needed.items(), 2):
        if true[at].shape == true[other].shape:
            said = f"{name} {GIVEN} {at} and {other} in each other's place"
            yield said, {one: true[other], two: true[at]}


def _applied(x: Array) -> Iterator[tuple[str, Array]]:
    for kind in ENTRYWISE:
        yield kind, OPERATIONS[f"{kind}.forward"].define(x)["y"].value


def _tensors(layer: Layer) -> dict[str, str]:
    """Return what a trace calls the operands of a layer's forward and backward."""
    return {
        "dy": f"dact/{layer.name}",
        "y": f"act/{layer.name}",
        **{operand: f"act/{source}" for operand, source in taken(layer).items()},
        **{key: f"param/{layer.name}.{key}" for key in layer.parameters},
    }
