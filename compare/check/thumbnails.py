"""The part of a tensor that fits into a small picture: where one is a square, a line of it."""

from math import isqrt
from typing import NamedTuple

import numpy as np

from compare.sides.interface import Array

LARGEST = 28  # entries of a picture's edge, where no line of the tensor is a square
SMALLEST_SQUARE = 16  # entries: a line of four would be a picture of nothing


class Thumbnail(NamedTuple):
    """Which part of a tensor a picture shows, in words, and how to take it."""

    what: str
    taken: tuple[int | slice, ...]
    shape: tuple[int, int]

    def of(self, value: Array) -> Array:
        """Return that part of a tensor, as a matrix."""
        return value[self.taken].reshape(self.shape)


def thumbnail(name: str, value: Array) -> Thumbnail:
    """Choose what to show of a tensor: an activation's first image, a weight's liveliest line."""
    if value.ndim == 0:
        return Thumbnail("its one number", (), (1, 1))
    if value.ndim == 1:
        if edge := _edge(len(value)):
            return Thumbnail("all of it, as a square", (slice(None),), (edge, edge))
        return Thumbnail(
            _some(len(value), "numbers"), (slice(LARGEST),), (1, min(len(value), LARGEST))
        )
    rows, columns = value.shape
    axis = 1 if name.startswith(("act/", "dact/")) or columns >= rows else 0
    if edge := _edge(value.shape[axis]):
        if name.startswith(("act/", "dact/")):
            return Thumbnail("the first image's, as a square", (0,), (edge, edge))
        line = int(np.square(value.astype(np.float64)).sum(axis=axis).argmax())
        taken: tuple[int | slice, ...] = (line,) if axis else (slice(None), line)
        return Thumbnail(
            f"its {'row' if axis else 'column'} {line}, as a square", taken, (edge, edge)
        )
    shape = min(rows, LARGEST), min(columns, LARGEST)
    return Thumbnail(
        f"{_some(rows, 'rows')}, {_some(columns, 'columns')}",
        (slice(LARGEST), slice(LARGEST)),
        shape,
    )


def _edge(count: int) -> int:
    """Return the edge of the square that so many entries fill; 0 where they fill none."""
    edge = isqrt(count)
    return edge if edge * edge == count >= SMALLEST_SQUARE else 0


def _some(count: int, of: str) -> str:
    return f"all {count} {of}" if count <= LARGEST else f"the first {LARGEST} of {count} {of}"
