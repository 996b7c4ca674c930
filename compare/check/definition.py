"""What the table of kinds holds of one operation: operands, results, definition, mistakes."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from compare.check.bounds import Bounded
from compare.sides.interface import Array, Layer, Operands, Shape

Results = dict[str, Bounded]
# What to say, and from the operands, the result with that mistake in it, or what is added to it a
# multiple of; None where a mistake cannot be made.
Mistakes = Mapping[str, Callable[..., Array | None]]
# Operands from a layer, its weights, a dtype and a generator of random numbers.
Tries = Callable[[Layer, Operands, str, np.random.Generator], Iterator[Operands]]


class Result(NamedTuple):
    """One result of an operation: its indices, and its rule for one element and for the array.

    Rules are Python, in the variables of `numpy_ae`: the page shows them, and tests evaluate them.
    """

    indices: str  # n of the rows, i of the inputs, o of the outputs: "no"; none of a number
    element: str
    array: str
    mistakes: Mistakes = MappingProxyType({})
    added: Mistakes = MappingProxyType({})


def _no_more(*_: object) -> Iterator[Operands]:
    return iter(())


class Operation(NamedTuple):
    """One direction of a kind."""

    define: Callable[..., Results]
    operands: Mapping[str, str]  # by name, their indices
    results: Mapping[str, Result]
    exact_on_integers: bool = True  # or else on zeros alone
    left_on_integers: int = 0  # roundings that an ordinary way to compute it has even there
    more_exact: Tries = _no_more  # other operands whose results no rounding touches
    far_out: tuple[str, ...] = ()  # operands that it is tried on far from zero too
    images: Mapping[str, Callable[[Array], Array]] = MappingProxyType({})  # these operands are f(x)
    # Of a layer whose slope is a difference: the sum of the slope's absolute terms, from y.
    slope_terms: Callable[[Array], Array] | None = None

    def sizes(self, layer: Layer, rows: int) -> dict[str, int]:
        """Return how far each index goes, for a layer and a number of rows."""
        return {"n": rows, "i": layer.in_features, "o": layer.out_features}

    def shapes(self, layer: Layer, rows: int) -> dict[str, Shape]:
        """Return the shapes of its operands for a layer and a number of rows."""
        sizes = self.sizes(layer, rows)
        return {
            name: tuple(sizes[index] for index in indices)
            for name, indices in self.operands.items()
        }


def exact(value: Array) -> Bounded:
    """Return a result that no rounding touches."""
    return Bounded(value, np.zeros_like(value), 0)
