"""The rows of the page's step: each operation with both sides' results as thumbnails and bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np

from compare.report.page import png
from compare.report.page.findings import Mark, held, marks, told
from compare.report.page.listing import Operation, operations
from compare.report.page.parts import Part, Parts
from compare.sides.interface import Layer

IMAGES = ("act/target", "act/input", "act/sigmoid")  # in [0, 1], and shown in gray
DECADES = (-5, 2)  # of a bar's logarithmic scale, in units of what rounding allows


@dataclass(frozen=True)
class Bar:
    """One side's error: how long its bar is, in [0, 1], and what it says."""

    label: str
    length: float
    text: str
    held: bool


@dataclass(frozen=True)
class Tensor:
    """One result of an operation on both sides."""

    name: str
    shape: tuple[int, ...]
    pictures: tuple[tuple[str, str], ...]  # what each is of, and its data URI
    shown: str
    apart: float | None
    largest: float
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]

    @property
    def held(self) -> bool:
        """Whether nothing fails."""
        return all(bar.held for bar in self.bars) and all(mark.held for mark in self.marks)


@dataclass(frozen=True)
class Row:
    """An operation and its results."""

    operation: Operation
    tensors: tuple[Tensor, ...]
    again: Operation | None  # an earlier one of the same kind, whose rule this repeats

    @property
    def held(self) -> bool:
        """Whether nothing fails."""
        return all(tensor.held for tensor in self.tensors)


def rows(parts: Parts) -> list[Row]:
    """Return the rows of a run's observed step; none where it has observed none."""
    if parts.step is None:
        return []
    layers = layers_of(parts.step.header)
    tensors = {tensor["name"]: tensor for tensor in parts.step.header["tensors"]}
    batch = tensors["act/input"]["shape"][0]
    found = marks((parts.check or {}).get("findings", ()), layers)
    first: dict[str, Operation] = {}
    return [
        Row(
            operation,
            tuple(
                _tensor(tensors[name], parts.step, found.get(name, ()))
                for name in operation.tensors
                if name in tensors
            ),
            None if (of := first.setdefault(operation.kind, operation)) is operation else of,
        )
        for operation in operations(layers, batch)
    ]


def layers_of(header: Mapping[str, Any]) -> tuple[Layer, ...]:
    """Return the layers that a part's header lists."""
    return tuple(Layer(*layer) for layer in header["layers"])


def bar_length(ratio: float | None) -> float:
    """Return how long an error's bar is: 0 for 10⁻⁵ of what rounding allows, 1 for 100 times it."""
    if ratio == 0:
        return 0.0
    first, last = DECADES
    decade = last if ratio is None else log10(ratio)
    return min(1.0, max(0.02, (decade - first) / (last - first)))


def _tensor(tensor: Mapping[str, Any], part: Part, found: Sequence[Mark]) -> Tensor:
    name = tensor["name"]
    bars = tuple(
        Bar(
            label,
            bar_length(judged["ratio"]),
            told(judged["verdict"], judged["ratio"]),
            held(judged["verdict"]),
        )
        for label, judged in tensor["judged"].items()
    )
    pictures = tuple(thumbnails(name, part, name, tuple(tensor["judged"])))
    shown, apart, largest = (tensor[key] for key in ("picture", "apart", "largest"))
    shape = tuple(tensor["shape"])
    return Tensor(name, shape, pictures, shown, apart, largest, bars, tuple(found))


def thumbnails(name: str, part: Part, key: str, labels: Sequence[str]) -> list[tuple[str, str]]:
    """Return a tensor's picture for every side that has one, and of their difference."""
    values = {
        label: part.arrays[f"{label}/{key}"] for label in labels if f"{label}/{key}" in part.arrays
    }
    largest = max((float(np.abs(value).max()) for value in values.values()), default=0.0)
    made = [
        (label, png.gray(value) if name in IMAGES else png.signed(value, largest))
        for label, value in values.items()
    ]
    if f"apart/{key}" in part.arrays:
        made.append(("difference", png.apart(part.arrays[f"apart/{key}"], largest)))
    return made
