"""What kind of mistake a wrong result is: known ones, each computed and compared with it."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import floor, log10

import numpy as np

from compare.sides.interface import Array

EXPLAINED = 1e-3  # a mistake explains an error when no more than this share of it remains
LARGEST_DENOMINATOR = 4  # a factor is told as a fraction when it is a half, a third, a quarter, …


def explained(
    got: Array,
    true: Array,
    mistakes: Iterable[tuple[str, Array]] = (),
    added: Mapping[str, Array] | None = None,
) -> str:
    """Say in what way `got` differs from what is true, or nothing where no mistake explains it.

    `mistakes` are what to say, and the result with that mistake in it; `added` names what a
    multiple of may have been added to it.
    """
    got, true = got.astype(np.longdouble), true.astype(np.longdouble)
    if got.shape != true.shape:
        transposed = _same(got, true.T, norm(true))
        return "it is the transpose of what it should be" if transposed else ""
    error = norm(got - true)
    if not np.isfinite(error) or error == 0:
        return ""
    if not got.any():
        return "it is zero"
    for say, wrong in mistakes:
        if _same(got, wrong.astype(np.longdouble), error):
            return say
    for name, array in (added or {}).items():
        share = multiple(got - true, array)
        if _same(got, true + share * array, error):
            return f"{share:.2g} times {name} is added, as weight decay does"
    factor = multiple(got, true)
    # Of a scalar, any factor would do.
    if _same(got, factor * true, error) and (got.ndim or _simple(factor)):
        return f"it is {number(factor)} times what it should be"
    return _place(got != true)


def norm(x: Array) -> float:
    """Return the Euclidean norm of all entries, in their own precision."""
    return float(np.sqrt(np.square(x).sum()))


def _same(got: Array, wrong: Array, error: float) -> bool:
    return got.shape == wrong.shape and norm(got - wrong) <= EXPLAINED * error


def multiple(of: Array, array: Array) -> float:
    """Return how many times `array` is the nearest to `of`."""
    return float((of * array).sum() / (array * array).sum()) if array.any() else 1.0


def _simple(factor: float) -> Fraction | None:
    """Return the fraction that a factor is meant to be: 2, 1/32, −1; or None."""
    near = Fraction(factor).limit_denominator(LARGEST_DENOMINATOR)
    inverse = round(1 / factor) if factor else 0
    fractions = (near, Fraction(1, inverse) if inverse else near)
    close = (f for f in fractions if f and f != 1 and abs(factor / f - 1) < EXPLAINED**2)
    return next(close, None)


def number(factor: float) -> str:
    """Return a factor as people think of it: 2, 1/32, −1, 1.001, 0.99999."""
    # To the first digit in which it differs from 1.
    digits = max(4, 1 - floor(log10(abs(factor - 1)))) if factor != 1 else 4
    return str(_simple(factor) or f"{factor:.{digits}g}")


def _place(wrong: Array) -> str:
    """Say where the wrong entries are, when they are all in one row or in one column of several."""
    if wrong.ndim != 2:
        return ""
    for axis, name in ((0, "column"), (1, "row")):
        lines = np.flatnonzero(wrong.any(axis=axis))
        if len(lines) == 1 < wrong.shape[1 - axis]:
            return f"only its {name} {lines[0]} is wrong"
    return ""
