"""What a function of an exercise is tried on, what is true there, and its typical mistakes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from compare.check.bounds import WIDER, Bounded
from compare.errors import class_name
from compare.sides.interface import Array

Operands = dict[str, Any]  # arrays and numbers by name, in the order of the arguments
Results = dict[str, Array]
# By result: what to say, and from the operands, the result with that mistake in it. An entry that
# is NaN may be anything; None: the mistake cannot be made.
Mistakes = Mapping[str, Mapping[str, Callable[..., Any]]]


class Case(NamedTuple):
    """One call."""

    dtype: str
    operands: Operands

    @property
    def wide(self) -> Operands:
        """The operands in wider precision."""
        return {
            name: value.astype(WIDER[self.dtype]) if _is_floating(value) else value
            for name, value in self.operands.items()
        }


class Task(NamedTuple):
    """One function to write. `define` takes operands in wider precision.

    Results that are `composed` went through many operations, for which no useful bound is known: a
    mistake shows in the first digits and rounding in the last, and half of them are judged.
    `complain` says what is wrong with a random result; it may have another case called.
    """

    function: str
    results: tuple[str, ...]
    cases: Callable[[np.random.Generator], Iterator[Case]]
    define: Callable[..., Mapping[str, Bounded]] = lambda **_: {}
    mistakes: Mistakes = MappingProxyType({})
    added: Mistakes = MappingProxyType({})  # what a multiple of may have been added to the result
    fitted: Mistakes = MappingProxyType({})  # with a number in them, which is taken from what came
    arguments: Callable[[Operands], Mapping[str, Any]] = lambda operands: operands
    unpack: Callable[[Any], Mapping[str, Any]] | None = None
    composed: bool = False
    complain: Callable[[Case, Array, Callable[[Case], Array]], Iterator[str]] | None = None

    def named(self, returned: Any) -> Mapping[str, Any]:
        """Return by name what the function returned. Raises `TypeError`: "a list, not …"."""
        if self.unpack:
            return self.unpack(returned)
        if len(self.results) == 1:
            return {self.results[0]: returned}
        return dict(zip(self.results, expect_tuple(returned, self.results), strict=True))


def alike(values: Mapping[str, Array], sizes: Iterable[Array]) -> dict[str, Bounded]:
    """Return truths that are judged by the largest entry of all: one by itself may cancel to 0."""
    largest = max(float(np.abs(size).max()) for size in sizes)
    return {name: Bounded(of, np.full(of.shape, largest), 0) for name, of in values.items()}


def expect_tuple(returned: Any, names: Sequence[str], what: str = "") -> Sequence[Any]:
    """Return a tuple of so many. Raises `TypeError` for anything else, called `what`."""
    if not isinstance(returned, tuple | list) or len(returned) != len(names):
        of = f" of {len(returned)}" if isinstance(returned, tuple | list) else ""
        got = f"a {class_name(returned)}{of}{f' as {what}' if what else ''}"
        raise TypeError(f"{got}, where a tuple of {len(names)} is needed: {', '.join(names)}")
    return returned


def _is_floating(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
