"""Mistakes that take one of the operands, or another result: itself, as a factor, or added."""

from collections.abc import Callable, Iterator
from itertools import permutations

import numpy as np

from compare.check.candidates.factors import sizes
from compare.check.candidates.search import ALONG
from compare.check.failures import Candidate, Failure, Mistake, Undoing
from compare.check.mistakes import EXPLAINED, multiple, number_in_words
from compare.sides.interface import Array

FACTORS: dict[str, Callable[[Array], Array]] = {
    "{}": lambda x: x,
    "1 − {}": lambda x: 1 - x,
    "1 + {}": lambda x: 1 + x,
    "{}²": lambda x: x**2,
    "1 − {}²": lambda x: 1 - x**2,
    "1 + {}²": lambda x: 1 + x**2,
    "(1 − {})²": lambda x: (1 - x) ** 2,
    "(1 + {})²": lambda x: (1 + x) ** 2,
    "{} > 0": lambda x: (x > 0) * 1.0,
    "sign({})": np.sign,
    "exp({})": np.exp,
    "exp(−{})": lambda x: np.exp(-x),
    "sigmoid({}) (1 − sigmoid({}))": lambda x: 1 / (2 + np.exp(x) + np.exp(-x)),
}


def mixed_up(failure: Failure) -> Iterator[Candidate]:
    """Yield what comes of one of the operands, or of another result."""
    rows = next((size for size in sizes(failure) if "rows of" in size), "")
    for name, array in failure.arrays.items():
        yield f"it is {name} itself", _taking(name, lambda _, x: x)
        for axis in range(array.ndim):
            along = ALONG.format(axis)
            for say, over in (("sum", np.sum), ("mean", np.mean), ("largest", np.max)):
                for keepdims in (False, True):
                    reduced = _reduced(name, over, axis, keepdims=keepdims)
                    yield f"it is the {say} of {name} {along}", reduced
                    if rows and over is np.sum:
                        yield (
                            f"it is the sum of {name} {along}, divided by {rows}",
                            _divided(reduced, rows),
                        )
        if array.shape == failure.true.shape == failure.got.shape:
            yield _added(name, (failure.got - failure.true)[failure.judged], array[failure.judged])
        for say, factor in FACTORS.items() if (array != 1).any() else ():
            what = say.replace("{}", name)
            if factor is not np.sign:  # the sign of zero would undo whatever came there
                yield f"the factor {what} is missing", Undoing(_with_factor(name, factor))
            yield (
                f"it is multiplied by {what} once too often",
                _times(name, factor),
            )


def exchanged_factors(failure: Failure) -> Iterator[Candidate]:
    """Yield what comes of one factor in the place of another, both of one array."""
    for name in (of for of, x in failure.arrays.items() if x.size > 1 and (x != 1).any()):
        for (say_a, a), (say_b, b) in permutations(FACTORS.items(), 2):
            said = (say.replace("{}", name) for say in (say_a, say_b))
            yield "the factor {} stands in the place of {}".format(*said), _exchanged(name, a, b)


def _exchanged(name: str, a: Callable[[Array], Array], b: Callable[[Array], Array]) -> Mistake:
    def wrong(f: Failure) -> Array:
        x = f.arrays[name]
        by, instead = b(x), a(x)
        if not by.all():
            raise ValueError("where it is zero, nothing else can stand in its place")
        return np.asarray(f.true / by * instead)

    return wrong


def _times(name: str, factor: Callable[[Array], Array]) -> Mistake:
    return lambda f: np.asarray(f.true * factor(f.arrays[name]))


def _taking(name: str, make: Callable[[Array, Array], Array]) -> Mistake:
    """Return the mistake that makes something of what is right and of an array with a name."""
    return lambda f: make(f.true, f.arrays[name])


def _reduced(name: str, over: Callable[..., Array], axis: int, *, keepdims: bool) -> Mistake:
    return _taking(name, lambda _, x: over(x, axis=axis, keepdims=keepdims))


def _divided(mistake: Mistake, size: str) -> Mistake:
    return lambda f: np.asarray(mistake(f) / sizes(f)[size])


def _with_factor(name: str, factor: Callable[[Array], Array]) -> Mistake:
    """Return the correction of a missing factor: where that is zero, something has to be."""

    def correct(f: Failure) -> Array:
        by = factor(f.arrays[name]) + np.zeros_like(f.got)
        if np.count_nonzero(f.got[by == 0]) < np.count_nonzero(by == 0) / 2:
            raise ValueError("the factor is there")
        return np.asarray(f.got * by)

    return correct


def _added(name: str, error: Array, array: Array) -> Candidate:
    share = multiple(error, array)
    times = "" if abs(share - 1) < EXPLAINED else f"{number_in_words(share)} times "
    return f"{times}{name} is added", _taking(name, lambda true, x: true + share * x)
