"""What kind of mistake a wrong result is: known ones, each computed and compared with it.

A kind is a claim in words. One set of operands makes several true, so of an operation that fails on
several sets, `common` says what is true of all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import permutations
from math import floor, log10

import numpy as np

from compare.check.bounds import norm
from compare.sides.interface import Array, Shape

EXPLAINED = 1e-3  # a mistake explains an error when no more than this share of it remains
ROUNDED = 0.25  # or this share, if rounding leaves as much: then the error still stands out of it
SUMMED = {"n": "the rows", "i": "the inputs", "o": "the outputs"}
LARGEST_DENOMINATOR = 4  # a factor is told as a fraction when it is a half, a third, a quarter, …

BY_WAY = "by way of "  # how a sentence names one of several layers that a gradient comes through
GIVEN = "is given"  # and how it tells of an operation that gets other operands than it should

Made = Iterable[tuple[str, Array | None]]  # what to say, and the array; None where there is none


def explained(
    got: Array, true: Array, mistakes: Made = (), added: Mapping[str, Array] | None = None
) -> str:
    """Say in what way `got` differs from what is true, or nothing where no mistake explains it."""
    shares = ((f"{name} is added, as weight decay does", a) for name, a in (added or {}).items())
    return next(kinds(got, true, mistakes, shares), "")


def common(claims: Iterable[Iterable[str]]) -> str:
    """Return the first of the claims that are made of every set of operands, or nothing."""
    made = [list(of) for of in claims]
    return next((say for say in (made or [[]])[0] if all(say in of for of in made)), "")


def kinds(
    got: Array,
    true: Array,
    mistakes: Made = (),
    added: Made = (),
    counts: Mapping[str, int] | None = None,
    rounding: float = 0.0,
) -> Iterator[str]:
    """Yield all that can be said of how `got` differs from what is true, the most telling first.

    `mistakes` are what to say, and the result with that mistake in it; `added`, what a multiple of
    may have been added to it; `counts`, by name, what it may have been multiplied or divided by;
    `rounding`, the norm of what independent roundings leave.
    """
    got, true = got.astype(np.longdouble), true.astype(np.longdouble)
    alike = got.shape == true.shape
    error = norm(got - true) if alike else norm(true)
    if not np.isfinite(error) or error == 0:
        return
    left = max(EXPLAINED * error, min(ROUNDED * error, rounding))

    def same(wrong: Array) -> bool:
        return got.shape == wrong.shape and norm(got - wrong) <= left

    if true.ndim == 2 and same(true.T):
        yield "it is the transpose of what it should be"
    if not alike:
        return
    if not got.any():
        yield "it is zero"
    for say, wrong in mistakes:
        if wrong is not None and same(wrong.astype(np.longdouble)):
            yield say
    for say, array in added:
        if array is not None and array.any():
            share = multiple(got - true, array)
            if same(true + share * array):
                yield f"{share:.2g} times {say}"
    factor = multiple(got, true)
    if got.any() and same(factor * true):
        for name, count in (counts or {}).items():
            for say, times in (("divided", 1 / count), ("multiplied", count)):
                if count > 1 and abs(factor / times - 1) < EXPLAINED**2:
                    yield f"it is {say} by the number of {name}"
        if got.ndim or simple_fraction(factor):  # of a scalar, any factor would do
            yield f"it is {number_in_words(factor)} times what it should be"
    yield from _places(got - true, left)


def misshapen(got: Shape, needed: Shape, rule: str, sizes: Mapping[str, int]) -> str:
    """Say which shape came and which is needed; where its rule is a sum, over what each is one."""
    words = [_summed(shape, rule, sizes) for shape in (got, needed)]
    if not all(words) or words[0] == words[1]:
        words = ["", ""]
    if tuple(size for size in got if size > 1) == needed:
        words[0] = ": an axis of length 1 too many"
    return f"shape {got}{words[0]}; {needed} is needed{words[1]}"


def _summed(shape: Shape, rule: str, sizes: Mapping[str, int]) -> str:
    """Say over which indices of a rule a result of this shape is a sum, or nothing if unclear."""
    indices = sorted(set(re.findall(r"[\[ ](\w)[,\]]", rule)))
    left = {
        frozenset(kept)
        for number in range(len(indices) + 1)
        for kept in permutations(indices, number)
        if tuple(sizes[index] for index in kept) == shape
    }
    if "sum(" not in rule or len(left) != 1:
        return ""
    (one,) = left
    over = [SUMMED[index] for index in indices if index not in one]
    if not over:
        return ": not summed"
    return f": summed over {' and '.join(over) if shape else 'everything'}"


def multiple(of: Array, array: Array) -> float:
    """Return how many times `array` is the nearest to `of`."""
    return float((of * array).sum() / (array * array).sum()) if array.any() else 1.0


def simple_fraction(factor: float) -> Fraction | None:
    """Return the fraction that a factor is meant to be: 2, 1/32, −1; or None."""
    near = Fraction(factor).limit_denominator(LARGEST_DENOMINATOR)
    inverse = round(1 / factor) if factor else 0
    fractions = (near, Fraction(1, inverse) if inverse else near)
    close = (f for f in fractions if f and f != 1 and abs(factor / f - 1) < EXPLAINED**2)
    return next(close, None)


def number_in_words(factor: float) -> str:
    """Return a factor as people think of it: 2, 1/32, −1, 1.001, 0.99999."""
    # To the first digit in which it differs from 1.
    digits = max(4, 1 - floor(log10(abs(factor - 1)))) if factor != 1 else 4
    return str(simple_fraction(factor) or f"{factor:.{digits}g}")


def _places(error: Array, left: float) -> Iterator[str]:
    """Say where the error is: in one column of several, in one row, or in the last, of any number.

    Elsewhere no more of it may be `left`.
    """
    if error.ndim != 2:
        return
    for axis, name in ((0, "column"), (1, "row")):
        by_line = np.square(error).sum(axis=axis)
        line = int(by_line.argmax())
        if np.sqrt(np.delete(by_line, line).sum()) > left:
            continue
        if name == "row" and line == len(by_line) - 1:
            yield "only its last row is wrong"
        if len(by_line) > 1:
            yield f"only its {name} {line} is wrong"
