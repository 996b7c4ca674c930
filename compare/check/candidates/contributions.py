"""Mistakes in what is added up: rows that are left out, sums of which the last term alone is kept.

Which operands have a row for each example is seen from their sizes, over all the cases.
"""

from collections.abc import Iterator

import numpy as np
import torch

from compare.check.failures import Candidate, Failure, Mistake
from compare.check.reference import DY, Reference
from compare.sides.interface import Array

MOST_ENTRIES = 2**20  # of the value times those of the operand
AXES = {0: "row", -1: "column"}
KEPT = {
    "the last {} is left out": slice(None, -1),
    "the first {} is left out": slice(1, None),
    "it is of the last {} alone": slice(-1, None),
    "it is of the first {} alone": slice(None, 1),
}


def examples(failures: list[Failure], reference: Reference) -> Iterator[Candidate]:
    """Yield what comes of some rows, or columns, of all operands that have one for each example."""
    first = failures[0]
    for axis, what in AXES.items():
        for names in _alike(failures, axis):
            of = f" of {names[0]}" if len(names) < len(first.operands) else ""
            for say, kept in KEPT.items():
                for divide in (False, True):
                    said = say.format(what) + of + (f", and all {what}s are counted" * divide)
                    yield said, _some(reference, names, axis, kept, divide=divide)


def _alike(failures: list[Failure], axis: int) -> Iterator[list[str]]:
    """Yield names of operands that have one size along an axis in every case."""
    had: list[list[str]] = []
    shapes = [{n: x.shape for n, x in f.operands.items() if n != DY and x.ndim} for f in failures]
    for name in shapes[0]:
        names = [
            other
            for other in shapes[0]
            if all(other in one and one[other][axis] == one[name][axis] for one in shapes)
        ]
        if names not in had:
            had.append(names)
            yield names


def _some(
    reference: Reference, names: list[str], axis: int, kept: slice, *, divide: bool
) -> Mistake:
    def wrong(f: Failure) -> Array:
        if f.operands[DY].ndim:
            raise ValueError("the rows of the value would be others")
        given, size = dict(f.operands), 0
        for name in names:
            size = given[name].shape[axis]
            index = np.arange(size)[kept]
            given[name] = np.take(given[name], index, axis)
        made = reference.results(given, "float64")[f.tensor]
        if made.shape != f.true.shape:
            raise ValueError("it has a row for each example itself")
        return made * (len(index) / size) if divide else made

    return wrong


def overwritten(failure: Failure, reference: Reference) -> Iterator[Candidate]:
    """Yield gradients of which each entry has but one of the terms that it is the sum of.

    The terms are those of the entries of `DY`, or of all its channels at one place.
    """
    if failure.tensor == reference.value or not failure.operands[DY].ndim:
        return

    def wrong(over: tuple[int, ...], *, first: bool) -> Mistake:
        def made(f: Failure) -> Array:
            slopes, dy = _slopes(f, reference), f.operands[DY]
            if over and dy.ndim < 2:
                raise ValueError("there are no channels")
            terms = slopes * dy.reshape(*dy.shape, *[1] * f.true.ndim)
            axes = tuple(axis % dy.ndim for axis in over)
            terms, is_one = terms.sum(axes), (slopes != 0).any(axes)
            shape = (-1, *f.true.shape)
            order = -1 if first else 1
            return _last(terms.reshape(shape)[::order], is_one.reshape(shape)[::order])

        return made

    own = "it is as if each entry of {} depended on that very entry alone"
    yield own.format(reference.value), lambda f: _own(f, reference)
    for over in ((), (1,), (-1,)):
        for say in ("last", "first"):
            said = f"of what should be added up, only the {say} term is kept in each entry"
            yield said, wrong(over, first=say == "first")


def _last(terms: Array, is_one: Array) -> Array:
    """Return, for each entry, the last of the terms that it has."""
    kept = np.zeros(terms.shape[1:])
    for term, has in zip(terms, is_one, strict=True):
        kept = np.where(has, term, kept)
    return kept


def _slopes(f: Failure, reference: Reference) -> Array:
    """Return what each entry of the value has of each operand's: (*value's shape, *operand's)."""
    dy = f.operands[DY]
    if dy.size * f.true.size > MOST_ENTRIES:
        raise ValueError("it is too large")
    slopes = np.zeros((*dy.shape, *f.true.shape))
    for index, made in _by_entry(f, reference):
        slopes[index] = made
    return slopes


def _own(f: Failure, reference: Reference) -> Array:
    if f.operands[DY].shape != f.true.shape:
        raise ValueError("it has other entries than the value")
    own = np.zeros(f.true.shape)
    for index, made in _by_entry(f, reference):
        own[index] = made[index] * f.operands[DY][index]
    return own


def _by_entry(f: Failure, reference: Reference) -> Iterator[tuple[tuple[int, ...], Array]]:
    """Yield the gradient of each entry of the value alone."""
    name = f.tensor.removeprefix("d")
    tensors = {
        of: torch.tensor(x, requires_grad=of == name) for of, x in f.operands.items() if of != DY
    }
    y = reference.function(**tensors)
    for index in np.ndindex(y.shape):
        dy = torch.zeros_like(y)
        dy[index] = 1
        (made,) = torch.autograd.grad(y, [tensors[name]], dy, retain_graph=True)
        yield index, made.numpy()
