"""What kind of mistake a wrong result is: candidates that people know, each computed and held against what came out."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import floor, log10
from typing import NamedTuple

import numpy as np

from compare.data.config import Config
from compare.sides.interface import Array, Grads, Operands, State

# ---- compare.parity.signature: '"""What kind of mistake a wrong result is: candidates that people
# know'
EXPLAINED = 1e-3  # a candidate accounts for an error when no more than this share of it remains
LARGEST_DENOMINATOR = (
    4  # a factor is told as a fraction when it is a half, a third, a quarter or some of them
)

# What the operation would give if it were mistaken in one of these ways: (kind, tensor) -> what to
# say -> how.
Candidates = Mapping[str, Callable[..., Array]]
CANDIDATES: dict[tuple[str, str], Candidates] = {
    ("Linear.forward", "y"): {
        "the bias is missing": lambda x, weight, bias: x @ weight.T,
        "the weight is reshaped, not transposed": lambda x, weight, bias: (
            x @ weight.reshape(weight.T.shape) + bias
        ),
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
        "the derivative is taken at y, as if y were x": lambda dy, y: (
            dy / (2 + np.exp(y) + np.exp(-y))
        ),
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
    return signature(
        got, true, ((say, make(**operands)) for say, make in candidates.items()), added
    )


def signature(
    got: Array,
    true: Array,
    candidates: Iterable[tuple[str, Array]] = (),
    added: Mapping[str, Array] | None = None,
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
    if _same(got, factor * true, error) and (
        got.ndim or _simple(factor)
    ):  # of a scalar, any factor would do
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
    digits = (
        max(4, 1 - floor(log10(abs(factor - 1)))) if factor != 1 else 4
    )  # the first in which it differs from 1
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


# ---- compare.parity.adam_mistakes: '"""What kind of mistake a wrong step of Adam is: the step as
# it would '
class _Slot(NamedTuple):
    """One parameter before the step, its moments, its gradient (any shape, one wide dtype), and the step's number."""

    p: Array
    m: Array
    v: Array
    g: Array
    t: int


def _moment(beta: float, moment: Array, new: Array) -> Array:
    mean: Array = beta * moment + (1 - beta) * new
    return mean


def _moments(s: _Slot, c: Config) -> tuple[Array, Array]:
    return _moment(c.beta1, s.m, s.g), _moment(c.beta2, s.v, s.g * s.g)


def _moved(
    s: _Slot, c: Config, t1: float, t2: float, *, before: float = 0.0, inside: float = 0.0
) -> Array:
    """Return the parameter after a step with corrections 1 − β₁^t1 and 1 − β₂^t2, and eps, also, elsewhere."""
    m, v = _moments(s, c)
    correction1, correction2 = 1 - c.beta1**t1, 1 - c.beta2**t2
    eps = 0.0 if before or inside else c.eps
    root = np.sqrt(v / correction2 + inside) + before / np.sqrt(correction2) + eps
    moved: Array = s.p - c.lr * m / correction1 / root
    return moved


def _stale(s: _Slot, c: Config) -> Array:
    _, v = _moments(s, c)
    return s.p - c.lr * s.m / (1 - c.beta1**s.t) / (np.sqrt(v / (1 - c.beta2**s.t)) + c.eps)


NEVER = np.inf  # a step so late that nothing is left to correct

PARAMETER: Mapping[str, Callable[[_Slot, Config], Array]] = {
    "eps stands inside the root": lambda s, c: _moved(s, c, s.t, s.t, inside=c.eps),
    "eps is added before the bias correction": lambda s, c: _moved(s, c, s.t, s.t, before=c.eps),
    "there is no bias correction": lambda s, c: _moved(s, c, NEVER, NEVER),
    "the first moment's bias is not corrected": lambda s, c: _moved(s, c, NEVER, s.t),
    "the second moment's bias is not corrected": lambda s, c: _moved(s, c, s.t, NEVER),
    "the bias is corrected for one step too many": lambda s, c: _moved(s, c, s.t + 1, s.t + 1),
    "the bias is always corrected as at the first step": lambda s, c: _moved(s, c, 1, 1),
    "the moment is used before its update": _stale,
    "the step goes the wrong way": lambda s, c: 2 * s.p - _moved(s, c, s.t, s.t),
    "it did not move": lambda s, c: s.p,
}
FIRST: Mapping[str, Callable[[_Slot, Config], Array]] = {
    "β₂ stands where β₁ should": lambda s, c: _moment(c.beta2, s.m, s.g),
    "the gradient is clipped to ±1": lambda s, c: _moment(c.beta1, s.m, np.clip(s.g, -1, 1)),
    "β and 1 − β are swapped": lambda s, c: _moment(1 - c.beta1, s.m, s.g),
    "the gradient is not weighted by 1 − β₁": lambda s, c: c.beta1 * s.m + s.g,
}
SECOND: Mapping[str, Callable[[_Slot, Config], Array]] = {
    "β₁ stands where β₂ should": lambda s, c: _moment(c.beta1, s.v, s.g * s.g),
    "the gradient is not squared": lambda s, c: _moment(c.beta2, s.v, np.abs(s.g)),
    "β and 1 − β are swapped": lambda s, c: _moment(1 - c.beta2, s.v, s.g * s.g),
    "the gradient is not weighted by 1 − β₂": lambda s, c: c.beta2 * s.v + s.g * s.g,
}
OF_TENSOR = {"param": PARAMETER, "adam.exp_avg": FIRST, "adam.exp_avg_sq": SECOND}


def detail(
    tensor: str, before: State, after: State, true: Array, grads: Grads, config: Config
) -> str:
    """Say what is wrong with one tensor after one step, or nothing."""
    if tensor not in after:
        return ""
    tensor_kind, _, name = tensor.partition("/")
    p, m, v = (before[f"{kind}/{name}"].astype(true.dtype) for kind in OF_TENSOR)
    slot = _Slot(p, m, v, grads[name].astype(true.dtype), int(before["adam.step"]) + 1)
    candidates = ((say, make(slot, config)) for say, make in OF_TENSOR[tensor_kind].items())
    added = {"the parameter": p} if tensor_kind == "param" else {}
    return signature(after[tensor], true, candidates, added)
