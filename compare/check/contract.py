"""Stage exact, of the interface: a side's arrays are its own, and a call leaves nothing behind.

Whoever judges a side takes its state, does something to it and puts the state back; a side on which
that does not work would be blamed for whatever comes after.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from compare.check.bounds import Finding, equal, finding, norm, unusable
from compare.check.mistakes import EXPLAINED
from compare.data.batches import Batch
from compare.sides.interface import Array, Side, State, observed, under_prefix


def check_contract(
    side: Side, batch: Batch, rng: np.random.Generator, start: State
) -> Iterator[Finding]:
    """Judge state, load and a step observed twice; the side's state stays as it is.

    `start` is its state before it had taken any step.

    The dtype; that what is loaded comes back; that nothing is shared where it shows, as a load or a
    step changes what was handed out, or in; and that a step leaves nothing behind for the next.
    """
    who, before = side.describe(), side.state()
    kept = _copies(before)
    given = {
        name: np.array(7)
        if name == "adam.step"
        else np.abs(rng.standard_normal(value.shape)).astype(value.dtype)
        for name, value in before.items()
    }
    side.load(_copies(given))
    alone = {name: _same(value, before[name]) for name, value in kept.items()}
    back = _copies(side.state())
    loaded = _copies(kept)
    side.load(loaded)
    after = side.state()
    same = _copies(after)
    handed = batch.each(np.copy)
    first = _copies(side.observe(handed))
    alone = {name: held and _same(same[name], after[name]) for name, held in alone.items()}
    stays = {name: _same(value, loaded[name]) for name, value in kept.items()}
    side.load(_copies(kept))
    again = _copies(observed(side, batch.each(np.copy)))
    others = [name for name in start if name != "adam.step" and start[name].dtype != who.dtype]
    shown = start if others else kept  # another dtype from the start spreads with the first update
    for name, value in kept.items():
        typed = None if name == "adam.step" else unusable(shown[name], value.shape, who.dtype)
        made_by = "update" if typed and shown is kept else "state"
        detail = "" if typed else "it hands out its own arrays, not copies"
        yield finding("exact", who, made_by, name, typed or equal(alone[name]), detail)
        came_back = _same(given[name], back.get(name))
        detail = "it keeps the arrays that it is given, not copies" if came_back else ""
        yield finding("exact", who, "load", name, equal(came_back and stays[name]), detail)
    changed = [name for name in first if not _same(first[name], again.get(name))]
    detail = ""
    if changed:
        traces = (first, again, observed(side, batch.each(np.copy)))
        detail = _left_over([under_prefix("grad", trace) for trace in traces])
    tensor = changed[0] if changed else "trace"
    if not all(_same(value, handed[name]) for name, value in batch.items()):
        tensor, detail = "batch", "it changes its batch"
    yield finding("exact", who, "observe", tensor, equal(tensor == "trace"), detail)


def _left_over(grads: list[dict[str, Array]]) -> str:
    """Say whether each call adds the same to the gradients of the one before."""
    shapes = [{name: grad.shape for name, grad in of.items()} for of in grads]
    first, second, third = grads if shapes.count(shapes[0]) == len(shapes) else ({}, {}, {})
    added = {name: second[name] - grad for name, grad in first.items()}
    if any(grad.any() for grad in added.values()) and all(
        norm(third[name] - second[name] - grad) <= EXPLAINED * norm(grad)
        for name, grad in added.items()
    ):
        return "the gradients of the call before are added: they are never zeroed"
    return (
        "the same step is another one when it is observed again: "
        "something is left over, or drawn at random"
    )


def _copies(arrays: Mapping[str, Array]) -> State:
    return {name: np.array(value) for name, value in arrays.items()}


def _same(value: Array, other: Array | None) -> bool:
    return other is not None and np.array_equal(value, other, equal_nan=True)
