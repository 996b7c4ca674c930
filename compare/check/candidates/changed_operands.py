"""Mistakes that are those of other operands: one has another sign, a row of `DY` is missing."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

import numpy as np

from compare.check.candidates.factors import Factor
from compare.check.candidates.order import reorders, reshaped, spread, taken
from compare.check.candidates.rewriting import Rewriting
from compare.check.candidates.search import ALONG, part_factor
from compare.check.failures import Candidate, Failure, Mistake
from compare.check.reference import DY, Reference
from compare.sides.interface import Array

Change = Callable[[Array], Array]
CHANGES: dict[str, Change] = {
    "were zero": np.zeros_like,
    "were one": np.ones_like,
    "had the other sign": np.negative,
    "were its absolute value": np.abs,
    "were its own square": np.square,
    "were its own root": np.sqrt,
    "were half of it": lambda x: x / 2,
    "were twice of it": lambda x: 2 * x,
    "were its exponential": np.exp,
    "had one value, its mean": lambda x: np.full_like(x, x.mean()),
    "were rounded to float32": lambda x: x.astype(np.float32).astype(np.float64),
    "were rounded to float16": lambda x: x.astype(np.float16).astype(np.float64),
}
BLOCKS = (2, 3, 4, 5, 8, 16, 32)  # rows that people take at a time


def changed_operands(failures: list[Failure], rewriting: Rewriting) -> Iterator[Candidate]:
    """Yield what the reference makes of other operands, or of another `DY`."""
    failure, reference = failures[0], rewriting.reference

    def when(say: str, *changed: tuple[str, str, Change]) -> Candidate:
        """Return what comes where operands are made of some."""

        def wrong(f: Failure) -> Array:
            def results() -> dict[str, Array]:
                other = {name: change(f.operands[of]) for name, of, change in changed}
                return reference.results({**f.operands, **other}, "float64")

            return rewriting.once(f, say, results)

        return say, wrong

    backward = failure.tensor != reference.value
    used = [k for k, x in failure.operands.items() if k != DY or (backward and x.ndim)]
    real = [k for k in used if failure.operands[k].dtype.kind == "f"]
    if backward and failure.operands[DY].ndim:
        for say, kept in _rows_of_dy():
            yield when(say, (DY, DY, kept))
    for name in used:
        for say, change in _changes(failure.operands[name]):
            yield when(f"it is as if {name} {say}", (name, name, change))
    for name in real:
        _, without = when(f"it is as if {name} were zero", (name, name, np.zeros_like))
        if factor := part_factor(failures, without):
            say = factor.say.removeprefix("it is ").replace("what it should be", "as large")
            yield f"it is as if {name} were {say}", _with_part(without, factor)
    if backward:
        for name in real[: real.index(DY)] if DY in real else ():
            say = f"the derivative is taken at {reference.value}, not at {name}"
            yield say, _at_the_value(name, reference)
    yield "rows and columns are exchanged", _exchanged(reference)
    for a, b in combinations(real, 2):
        to_b, to_a = (a, b, np.copy), (b, a, np.copy)
        yield when(f"{a} and {b} are taken for each other", to_b, to_a)
        yield when(f"{b} stands in the place of {a}", to_b)
        yield when(f"{a} stands in the place of {b}", to_a)


def _with_part(without: Mistake, factor: Factor) -> Mistake:
    def wrong(f: Failure) -> Array:
        rest = without(f)
        return np.asarray(rest + factor.by(f) * (f.true - rest))

    return wrong


def _changes(x: Array) -> Iterator[tuple[str, Change]]:
    if x.dtype.kind == "f":
        yield from CHANGES.items()
    elif x.dtype.kind in "iu":
        for say, by in (("one less", -1), ("one more", 1)):
            yield f"were {say}", partial(_another, by)
    if x.ndim == 2:
        yield "were its transpose", np.transpose
    should = "be transposed" if x.ndim == 2 else "have its axes moved"
    for axes in reorders(x.ndim):
        yield f"were reshaped where it should {should}", partial(reshaped, axes=axes)
    axes_ = range(x.ndim)
    for some in (*combinations(axes_, 1), *combinations(axes_, 2)):
        along = " and ".join(map(ALONG.format, some))
        yield f"were in reverse order {along}", partial(np.flip, axis=some)
    for axis in axes_:
        along = ALONG.format(axis)
        for say, place in (("first", 0), ("last", -1)):
            yield f"were its {say} entry everywhere {along}", partial(taken, place=place, axis=axis)
        for shift in (1, -1):
            yield f"were shifted by one {along}", partial(np.roll, shift=shift, axis=axis)
        if x.dtype.kind == "f":
            yield f"were its mean {along}", partial(spread, over=np.mean, axis=axis)
            yield f"were its sum {along}", partial(spread, over=np.sum, axis=axis)


def _another(by: int, x: Array) -> Array:
    """Return the next index, or the one before, from one end to the other."""
    return np.asarray((x + by) % (x.max() + 1), x.dtype)


def _rows_of_dy() -> Iterator[tuple[str, Change]]:
    yield "the last row of dy is left out", partial(_rows, slice(None, -1))
    yield "the first row of dy is left out", partial(_rows, slice(1, None))
    yield "it is of the last row of dy alone", partial(_rows, slice(-1, None))
    yield "it is of the first row of dy alone", partial(_rows, slice(None, 1))
    yield "it is of the last column of dy alone", partial(_columns, slice(-1, None))
    yield "it is of the first column of dy alone", partial(_columns, slice(None, 1))
    for k in BLOCKS:
        yield f"the rows of dy beyond a multiple of {k} are left out", partial(_block, k, 0)
        yield f"it is of the last block of {k} rows of dy alone", partial(_block, k, 1)
        yield f"of every {k} rows of dy only the first counts", partial(_rows, slice(None, None, k))


def _block(k: int, last: int, dy: Array) -> Array:
    """Return `DY` up to its last whole block of rows; or its last block alone, whole or not."""
    n = len(dy)
    return _rows(slice((n - 1) // k * k, None) if last else slice(0, n // k * k), dy)


def _columns(kept: slice, x: Array) -> Array:
    return _rows(kept, x.T).T


def _rows(kept: slice, x: Array) -> Array:
    """Return an array with all its rows zero but some."""
    some = np.zeros_like(x)
    some[kept] = x[kept]
    return some


def _at_the_value(name: str, reference: Reference) -> Mistake:
    def wrong(f: Failure) -> Array:
        value = f.trial.truths[f.dtype].true[reference.value]
        return reference.results({**f.operands, name: value}, "float64")[f.tensor]

    return wrong


def _exchanged(reference: Reference) -> Mistake:
    """Return what comes where all operands, and the result, are transposed."""

    def wrong(f: Failure) -> Array:
        turned = {name: np.transpose(x) for name, x in f.operands.items()}
        return np.transpose(reference.results(turned, "float64")[f.tensor])

    return wrong
