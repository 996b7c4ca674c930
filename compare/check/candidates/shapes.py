"""What may have led to a result of the wrong shape."""

from collections.abc import Iterator

import numpy as np

from compare.check.candidates.mixed_up import mixed_up
from compare.check.candidates.places import for_
from compare.check.candidates.search import ALONG, Search, of, words
from compare.check.failures import Candidate, Failure, Mistake, Undoing


def misshapen(failures: list[Failure]) -> str:
    """Say which shape came and which is needed, and how the one came of the other."""
    wrong = [f for f in failures if f.got.shape != f.true.shape]
    first = wrong[0]
    needed = f"its shape is {first.got.shape}, and {first.true.shape} is needed{for_(wrong)}"
    say = Search(wrong).first(_reasons(first))
    return f"{needed}: {say}" if say else needed


def _reasons(first: Failure) -> Iterator[Candidate]:
    yield "it is the transpose of what it should be", of(np.transpose)
    yield "it is summed over everything", of(np.sum)
    yield "it is flat", of(np.ravel)
    yield (
        "it has an axis of length one too many or too few",
        lambda f: f.true.reshape(f.got.shape),
    )
    for axis in range(first.true.ndim):
        yield f"it is summed {ALONG.format(axis)}", of(np.sum, axis)
    for axis in range(first.got.ndim):
        for keepdims in (False, True):
            yield f"it is not summed {ALONG.format(axis)}", _summed(axis, keepdims=keepdims)
    for name, x in first.operands.items():
        for axis in range(x.ndim):
            yield f"it is {name} summed {ALONG.format(axis)}", _operand_summed(name, axis)
    yield from (c for c in mixed_up(first) if words(c[0]).startswith("it is "))


def _operand_summed(name: str, axis: int) -> Mistake:
    return lambda f: np.asarray(f.operands[name].sum(axis))


def _summed(axis: int, *, keepdims: bool) -> Mistake:
    return Undoing(lambda f: np.asarray(f.got.sum(axis, keepdims=keepdims)))
