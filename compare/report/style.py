"""The look that all figures share: palette, page, header, and how a figure becomes a file."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import ParamSpec

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray

from compare.files import write_whole

P = ParamSpec("P")
Sides = Mapping[str, NDArray[np.floating]]  # a side's label, "NumPy" or "PyTorch", to its array

WIDTH = 9.0  # inches, of every page but the narrower ones of few images
DPI = 150
HEADER = 0.8  # inches that title and caption take
MARGIN = 0.24  # inches of white around the content

INK = "#222222"
QUIET = "#6B6B6B"  # captions, notes and reference lines
FAINT = "#A6A6A6"
STRIPE = "#F1F1F1"  # a band of the ground that means something else

# Colours that colour-blind readers tell apart, most of them Paul Tol's. A known label keeps its own
# in every figure.
KNOWN = {"NumPy": "#4477AA", "PyTorch": "#CC6600", "float32": "#AA3377", "float64": "#228833"}
OTHERS = ("#009988", "#882255", "#999933", "#555555")

STYLE = {
    "font.family": "DejaVu Sans",  # it comes with matplotlib, so text is the same everywhere
    "font.size": 10,
    "text.color": INK,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.labelcolor": QUIET,
    "axes.edgecolor": "#AAAAAA",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ECECEC",
    "grid.linewidth": 0.8,
    "xtick.color": "#AAAAAA",
    "ytick.color": "#AAAAAA",
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run `draw` in the house style, over matplotlib's defaults, not over the user's settings."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return wrapper


def page(
    height: float,
    title: str,
    caption: str,
    *,
    width: float = WIDTH,
    layout: ConstrainedLayoutEngine | None = None,
) -> Figure:
    """Return a white figure of `height` inches below a header with a title and one line."""
    total = height + HEADER
    figure = Figure(figsize=(width, total), dpi=DPI, layout=layout)
    x = MARGIN / width
    figure.text(x, 1 - 0.18 / total, title, va="top", fontsize=14, fontweight="bold")
    figure.text(x, 1 - 0.49 / total, caption, va="top", fontsize=9.5, color=QUIET)
    return figure


def plots(height: float, title: str, caption: str) -> Figure:
    """Return a page whose axes matplotlib arranges below the header."""
    side, foot = MARGIN / WIDTH, 0.1 / (height + HEADER)
    below = height / (height + HEADER)
    engine = ConstrainedLayoutEngine(rect=(side, foot, 1 - 2 * side, below - foot))
    return page(height, title, caption, layout=engine)


def colours(labels: Iterable[str]) -> dict[str, str]:
    """Give each label its colour: a known one its own, the others the next free one."""
    others = cycle(OTHERS)
    return {label: KNOWN.get(label) or next(others) for label in labels}


def text_width(text: str, size: float) -> float:
    """Measure `text` in inches at `size` points, by its longest line."""
    font = FontProperties(size=size)
    return (
        max(
            text_to_path.get_text_width_height_descent(line, font, False)[0]
            for line in text.split("\n")
        )
        / 72
    )


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG, whole or not at all; equal figures give equal bytes."""
    buffer = BytesIO()
    with matplotlib.style.context(["default", STYLE]):
        # Bytes that name no version.
        figure.savefig(buffer, format="png", metadata={"Software": None})
    write_whole(path, buffer.getvalue())
