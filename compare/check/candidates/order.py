"""Mistakes in the order of what is right, or in what is summed: transposed, shifted, spread."""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations

import numpy as np

from compare.check.candidates.search import ALONG, of
from compare.check.failures import Candidate, Failure, Mistake
from compare.sides.interface import Array

MOST_AXES = 4


def rearranged(failure: Failure) -> Iterator[Candidate]:
    """Yield what is right in another order, or summed and spread again."""
    true = failure.true
    yield "it is the transpose of what it should be", of(np.transpose)
    for axes in reorders(true.ndim):
        should = "be transposed" if true.ndim == 2 else "have its axes moved"
        yield f"it is reshaped where it should {should}", of(reshaped, axes)
    for axis in range(true.ndim):
        along = ALONG.format(axis)
        yield f"it is in reverse order {along}", of(np.flip, axis)
        for shift in (1, -1):
            yield f"it is shifted by one {along}", of(np.roll, shift, axis)
        if true.ndim > 1:
            yield f"every entry is the sum {along}", of(spread, np.sum, axis)
            yield f"every entry is the mean {along}", of(spread, np.mean, axis)
        yield f"its mean {along} is taken away", of(_centred, axis)
        yield f"it is added up {along}, entry by entry", of(np.cumsum, axis)
    for pair in combinations(range(true.ndim), 2):
        along = " and ".join(map(ALONG.format, pair))
        yield f"it is in reverse order {along}", of(np.flip, pair)
        yield f"its axes {pair[0]} and {pair[1]} are swapped", of(np.swapaxes, *pair)
    yield "every entry is the sum of all", of(spread, np.sum, None)
    yield "every entry is the mean of all", of(spread, np.mean, None)
    for some in (*combinations(range(true.ndim), 1), *combinations(range(true.ndim), 2)):
        if all(true.shape[axis] > 1 for axis in some):
            for shift in (1, -1):
                along = " and ".join(map(ALONG.format, some))
                yield f"it is shifted by one {along}, but for the border", _shifted(some, shift)


def misplaced(failure: Failure) -> Iterator[Candidate]:
    """Yield what is right in any other order."""
    if failure.true.ndim and len(np.unique(failure.true)) > 2:
        yield "it has the right entries in the wrong places", _sorted


def reorders(ndim: int) -> Iterator[tuple[int, ...]]:
    """Yield the orders of axes that an array may be reshaped to, or from."""
    if 1 < ndim <= MOST_AXES:
        yield from (axes for axes in permutations(range(ndim)) if axes != tuple(range(ndim)))


def reshaped(x: Array, axes: tuple[int, ...]) -> Array:
    """Return an array with its axes moved, and then reshaped to what it was."""
    return np.ascontiguousarray(x.transpose(axes)).reshape(x.shape)


def spread(x: Array, over: Callable[..., Array], axis: int | None) -> Array:
    """Return what becomes of an axis, in every place along it."""
    return np.asarray(over(x, axis=axis, keepdims=True) + np.zeros_like(x))


def taken(x: Array, place: int, axis: int) -> Array:
    """Return one place along an axis, in every place along it."""
    return np.asarray(np.take(x, [place], axis) + np.zeros_like(x))


def _centred(x: Array, axis: int) -> Array:
    return np.asarray(x - x.mean(axis, keepdims=True))


def _shifted(axes: tuple[int, ...], shift: int) -> Mistake:
    """Return what is shifted, with whatever came at the border."""
    inner = slice(1, None) if shift > 0 else slice(None, -1)

    def wrong(f: Failure) -> Array:
        made = f.got.astype(np.float64)
        where = tuple(inner if axis in axes else slice(None) for axis in range(f.true.ndim))
        made[where] = np.roll(f.true, (shift,) * len(axes), axes)[where]
        return made

    return wrong


def _sorted(f: Failure) -> Array:
    """Return what came, if its entries are the right ones: each in the place of its rank."""
    made = np.empty(f.true.size)
    made[np.argsort(f.got, axis=None, kind="stable")] = np.sort(f.true, axis=None)
    return made.reshape(f.true.shape)
