"""The operands that an operation is tried on alone: exact ones, ordinary, far and special ones."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from compare.check.kinds import OPERATIONS
from compare.sides.interface import Array, Layer, Operands

ROWS = 32  # of random operands: in wider precision, the truth of many is slow to compute
FEW, MANY = 5, 128  # rows of special ones; and what is evaluated has more than a batch, mostly
LARGEST_INTEGER = 3  # exact operands are integers in ±3
EXACT = 2**24  # float32 has every integer up to it, so every sum of such operands, if short enough
FAR = (-1000, 100, 1000, -100)  # what nothing may overflow on that is finite in the end
# Operands of which a NaN has to show.
GIVEN = ("x", "dy", "target", "mean", "std", "noise", "logvar")

Layout = Callable[[Array], Array]


def exact_operands(
    kind: str,
    layer: Layer,
    dtype: str,
    weights: Operands,
    rng: np.random.Generator,
    rows: Sequence[int],
) -> Iterator[tuple[Operands, Layout]]:
    """Yield operands whose results every order of summation gets right to the last bit.

    They are of the rows given, of an odd number above those, and of one: each may go its own way.
    And of every layout: transposed views and slices are operands, too.
    """
    most = max(
        1, EXACT // ((2 * LARGEST_INTEGER) ** 2 * max(layer.in_features, layer.out_features))
    )
    tried = (
        (rows[0], in_rows),
        (rows[-1], np.asfortranarray),
        (max(*rows, MANY) + 1 | 1, strided),
        (1, in_rows),
    )
    for number, layout in tried:
        yield integers(kind, layer, dtype, rng, min(number, most)), layout
    for operands in OPERATIONS[kind].more_exact(layer, weights, dtype, rng):
        yield operands, in_rows


def in_rows(x: Array) -> Array:
    return x


def strided(x: Array) -> Array:
    return np.repeat(x, 2, axis=-1)[..., ::2]


def integers(kind: str, layer: Layer, dtype: str, rng: np.random.Generator, rows: int) -> Operands:
    """Return small integers, or zeros, on which an operation is exact."""
    operation = OPERATIONS[kind]
    largest = LARGEST_INTEGER if operation.exact_on_integers else 0
    return {
        key: rng.integers(-largest, largest + 1, shape).astype(dtype)
        for key, shape in operation.shapes(layer, rows).items()
    }


def random_operands(
    kind: str,
    layer: Layer,
    dtype: str,
    rng: np.random.Generator,
    weights: Operands | None = None,
    *,
    far: bool = False,
) -> Operands:
    """Return normal operands, or `far` ones, and the weights given in place of those."""
    operation = OPERATIONS[kind]
    operands: Operands = {}
    for key, shape in operation.shapes(layer, FEW if far else ROWS).items():
        if far and key not in layer.parameters:
            operands[key] = rng.permutation(np.resize(FAR, np.prod(shape))).reshape(shape)
        else:
            operands[key] = rng.standard_normal(shape)
            if key in operation.far_out:  # four of these deviations, and eˣ underflows
                operands[key][::2] *= -np.log(np.finfo(dtype).tiny) / 4
    operands = {key: value.astype(dtype) for key, value in operands.items()}
    for key, image in operation.images.items():
        operands[key] = image(operands[key])
    return operands | {key: value for key, value in (weights or {}).items() if key in operands}


def special_operands(
    kind: str, layer: Layer, dtype: str, rng: np.random.Generator
) -> Iterator[tuple[str, str, Operands]]:
    """Yield exact operands with NaN, infinities or the largest number in one: its name, and which.

    Of the largest there is one alone, or else their sum would depend on its order.
    """
    plain = integers(kind, layer, dtype, rng, FEW)
    for key in GIVEN:
        if key in plain:
            nan, infinite, largest = (plain[key].copy() for _ in range(3))
            nan.flat[::2] = np.nan
            infinite[::2, 0], infinite[1::2, 0] = np.inf, -np.inf
            largest.flat[0] = np.finfo(dtype).max
            for what, special in (
                ("NaN", nan),
                ("±inf", infinite),
                ("the largest number", largest),
            ):
                yield key, what, {**plain, key: special}
