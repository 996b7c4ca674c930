"""Images in rows at one scale, each row with its name at the left, a note at the right."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from compare.report.style import DPI, FAINT, INK, MARGIN, QUIET, WIDTH, page, text_width

GAP = 1  # pixels of white between two images
LABEL_SIZE, NOTE_SIZE = 10, 9  # points
LARGEST = 1.2  # inches of one image in a row: three images need no posters
NARROWEST = 7.5  # inches of a page, so that the header fits
BAR = 1.2  # inches of the longest bar


class Row(NamedTuple):
    """Images (k, height, width) in [0, 1], their name, and a note after a bar of length 0 to 1."""

    label: str
    images: NDArray[np.floating]
    note: str = ""
    colour: str = INK
    bar: float = 0.0


def draw_rows(rows: Sequence[Row], title: str, caption: str) -> Figure:
    """Lay the rows under each other, at one scale, on a page as wide as they need."""
    columns = max(len(row.images) for row in rows)
    picture = np.concatenate([tile(row.images, columns, below=GAP) for row in rows])[:-GAP]
    pixels_high, pixels_wide = picture.shape

    left = _whole(MARGIN + max(text_width(row.label, LABEL_SIZE) for row in rows) + 0.15)
    bar = BAR + 0.05 if any(row.bar for row in rows) else 0.0
    right = 0.1 + bar + max(text_width(row.note, NOTE_SIZE) for row in rows) + MARGIN
    room = min(WIDTH - left - right, LARGEST * columns)
    # A whole number for every pixel, so that all are equal squares.
    dots = max(1, int(room * DPI / pixels_wide))
    wide, high = pixels_wide * dots / DPI, pixels_high * dots / DPI
    width = max(NARROWEST, _whole(left + wide + right))
    figure = page(high + MARGIN, title, caption, width=width)
    total = figure.get_figheight()
    axes = figure.add_axes((left / width, MARGIN / total, wide / width, high / total))
    show(axes, picture)

    inch = DPI / dots  # in pixels of the picture, the units of its axes
    for i, row in enumerate(rows):
        pitch = (pixels_high + GAP) / len(rows)
        y = (i + 0.5) * pitch - 0.5 - GAP / 2
        axes.text(
            -0.15 * inch, y, row.label, ha="right", va="center", size=LABEL_SIZE, color=row.colour
        )
        x = pixels_wide + 0.1 * inch
        if row.bar:
            length = row.bar * BAR * inch
            colour = INK if row.colour == INK else FAINT
            axes.barh(y, length, height=0.3 * pitch, left=x, color=colour, clip_on=False)
            x += length + 0.05 * inch
        axes.text(x, y, row.note, va="center", size=NOTE_SIZE, color=QUIET)
    axes.set(xlim=(-0.5, pixels_wide - 0.5), ylim=(pixels_high - 0.5, -0.5))
    return figure


def tile(images: NDArray[np.floating], columns: int, below: int = 0) -> NDArray[np.floating]:
    """Set images (k, height, width) into lines of `columns`, on white, with a thin gap."""
    k, h, w = images.shape
    lines = max(1, -(-k // columns))
    sheet = np.ones((lines * (h + GAP) - GAP + below, columns * (w + GAP) - GAP))
    for i, image in enumerate(images):
        y, x = i // columns * (h + GAP), i % columns * (w + GAP)
        sheet[y : y + h, x : x + w] = image
    return sheet


def show(axes: Axes, picture: NDArray[np.floating]) -> None:
    """Fill the axes with a picture in [0, 1], black to white, without ticks or smoothing."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axes.set_axis_off()


def _whole(inches: float) -> float:
    """Round up to a whole number of dots, so that images begin and end where dots do."""
    return ceil(inches * DPI) / DPI
