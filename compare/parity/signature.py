"""What kind of mistake a wrong result is: candidates that people know, each computed and held against what came out."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import floor, log10

import numpy as np

from compare.parity.side import Array, Operands

EXPLAINED = 1e-3  # a candidate accounts for an error when no more than this share of it remains
LARGEST_DENOMINATOR = 4  # a factor is told as a fraction when it is a half, a third, a quarter or some of them

# What the operation would give if it were mistaken in one of these ways: (kind, tensor) -> what to say -> how.
Candidates = Mapping[str, Callable[..., Array]]
CANDIDATES: dict[tuple[str, str], Candidates] = {
    ("Linear.forward", "y"): {
        "the bias is missing": lambda x, weight, bias: x @ weight.T,
        "the weight is reshaped, not transposed": lambda x, weight, bias: x @ weight.reshape(weight.T.shape) + bias,
    },
    ("Linear.backward", "dweight"): {
        "it is reshaped, not transposed": lambda dy, x, weight: (x.T @ dy).reshape(weight.shape),
    },
    ("Linear.backward", "dbias"): {
        "it is the sum of dweight's columns": lambda dy, x, weight: (dy.T @ x).sum(axis=1),
        "it is the first row of dy": lambda dy, x, weight: dy[0],
    },
    ("ReLU.forward", "y"): {"it is x itself": lambda x: x, "it is |x|": lambda x: np.abs(x)},
    ("ReLU.backward", "dx"): {
        "it is dy itself, without the mask": lambda dy, y: dy,
        "the mask lets zeros through": lambda dy, y: dy * (y >= 0),
        "the mask is taken of dy, not of y": lambda dy, y: dy * (dy > 0),
        "it is the mask alone, without dy": lambda dy, y: (y > 0).astype(dy.dtype),
    },
    ("Sigmoid.backward", "dx"): {
        "the factor 1 − y is missing": lambda dy, y: dy * y,
        "the factor y is missing": lambda dy, y: dy * (1 - y),
        "it is dy y (1 + y)": lambda dy, y: dy * y * (1 + y),
        "the derivative is taken at y, as if y were x": lambda dy, y: dy / (2 + np.exp(y) + np.exp(-y)),
        "it is dy itself": lambda dy, y: dy,
    },
    ("SumSquaredError.backward", "dy"): {
        "it is the gradient of the absolute error": lambda y, target: np.sign(y - target),
    },
}


def of_operation(kind: str, tensor: str, got: Array, true: Array, operands: Operands) -> str:
    """Say what is wrong with one result of an operation, or nothing."""
    candidates = CANDIDATES.get((kind, tensor), {})
    added = {"the weight": operands["weight"]} if tensor == "dweight" else {}
    return signature(got, true, ((say, make(**operands)) for say, make in candidates.items()), added)


def signature(
    got: Array, true: Array, candidates: Iterable[tuple[str, Array]] = (), added: Mapping[str, Array] | None = None
) -> str:
    """Say in what way `got` differs from what is true, or nothing where no candidate accounts for the difference.

    `added` names what a multiple of may have been added to it.
    """
    got, true = got.astype(np.longdouble), true.astype(np.longdouble)
    if got.shape != true.shape:
        return "it is the transpose of what it should be" if _same(got, true.T, size(true)) else ""
    error = size(got - true)
    if not np.isfinite(error) or error == 0:
        return ""
    if not got.any():
        return "it is zero"
    for say, candidate in candidates:
        if _same(got, candidate.astype(np.longdouble), error):
            return say
    for name, array in (added or {}).items():
        share = _multiple(got - true, array)
        if _same(got, true + share * array, error):
            return f"{share:.2g} times {name} is added, as weight decay does"
    factor = _multiple(got, true)
    if _same(got, factor * true, error) and (got.ndim or _simple(factor)):  # of a scalar, any factor would do
        return f"it is {_number(factor)} times what it should be"
    return _place(got != true)


def size(x: Array) -> float:
    """Return the Euclidean norm of all entries."""
    return float(np.sqrt(np.square(x).sum()))


def _same(got: Array, candidate: Array, error: float) -> bool:
    return got.shape == candidate.shape and size(got - candidate) <= EXPLAINED * error


def _multiple(of: Array, array: Array) -> float:
    """Return how many times `array` is the nearest to `of`."""
    return float((of * array).sum() / (array * array).sum()) if array.any() else 1.0


def _simple(factor: float) -> Fraction | None:
    """Return the fraction that a factor is meant to be: 2, 1/32, −1; or None."""
    near = Fraction(factor).limit_denominator(LARGEST_DENOMINATOR)
    inverse = round(1 / factor) if factor else 0
    fractions = (near, Fraction(1, inverse) if inverse else near)
    return next((f for f in fractions if f and f != 1 and abs(factor / f - 1) < EXPLAINED**2), None)


def _number(factor: float) -> str:
    """Return a factor as people think of it: 2, 1/32, −1, 1.001, 0.99999."""
    digits = max(4, 1 - floor(log10(abs(factor - 1)))) if factor != 1 else 4  # the first in which it differs from 1
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
