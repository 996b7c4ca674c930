"""Numbers over time: the losses of the sides, and how far apart the sides drift."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from compare.report.style import QUIET, STRIPE, colours, plots, styled

Losses = Mapping[str, Sequence[float]]  # a side's label to one number per epoch
# When, largest distance of a parameter, relative distance of losses.
Drift = tuple[ArrayLike, ArrayLike, ArrayLike]
OPEN: dict[str, Any] = {
    "linestyle": "None",
    "marker": "o",
    "markerfacecolor": "white",
    "markeredgewidth": 0.8,
}
BAND = 0.12  # of an axes' height, for distances of zero
UNIT_ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}


@styled
def losses(history: Losses, test: Losses | None = None) -> Figure:
    """Draw each side's training loss per image, and test MSE per pixel where given, by epoch.

    With two sides or more, the relative difference of each to the first is drawn below.
    """
    quantities = {"Training loss per image": history} | (
        {"Test MSE per pixel": test} if test else {}
    )
    several = len(history) > 1
    caption = (
        "Same start, same batches: the curves should coincide; below, by how much they do not."
    )
    figure = plots(
        5.0 if several else 3.4,
        "Losses by epoch",
        caption if several else "Squared error after denoising.",
    )
    heights = [3, 2] if several else [1]
    grid = figure.subplots(
        len(heights), len(quantities), sharex=True, squeeze=False, height_ratios=heights
    )
    for column, (title, by_side) in zip(grid.T, quantities.items(), strict=True):
        column[0].set_title(title)
        _draw_sides(column[0], by_side)
        if several:
            _draw_differences(column[1], by_side)
        _mark_time(column[-1], range(1, max(map(len, by_side.values())) + 1), "epoch")
    return figure


@styled
def divergence(
    steps: Mapping[str, Drift], epochs: Drift | None = None, dtype: str = "float32"
) -> Figure:
    """Draw how far two sides drift apart, by step for each dtype; by epoch of a run of `dtype`.

    A `Drift` is three arrays of equal length: the steps or epochs, the largest absolute distance of
    a parameter, and the relative distance of the losses. A distance of exactly zero is an open
    circle in a band below the log axis.
    """
    rows: dict[str, Mapping[str, Drift]] = {"step": steps} if steps else {}
    if epochs is not None:
        rows["epoch of the whole run"] = {dtype: epochs}
    caption = (
        "Both start equal; their roundings differ, and training lets the difference grow. "
        "Dashed: u, the unit roundoff."
    )
    figure = plots(2.9 * len(rows), "How far the two sides drift apart", caption)
    grid = figure.subplots(len(rows), 2, sharey="col", squeeze=False)
    titles = ("Largest distance of a parameter", "Relative distance of the losses")
    for k, (column, title) in enumerate(zip(grid.T, titles, strict=True), start=1):
        column[0].set_title(title)
        for axes, (unit, drifts) in zip(column, rows.items(), strict=True):
            palette = colours(drifts)
            for label, drift in drifts.items():
                _draw_log(axes, drift[0], drift[k], palette[label], label)
            for kind, u in UNIT_ROUNDOFF.items():
                axes.axhline(u, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
                _beside(axes, u, f"{kind}'s u")
            _mark_time(
                axes, np.concatenate([np.ravel(drift[0]) for drift in drifts.values()]), unit
            )
            axes.legend()
        everything = [drift[k] for drifts in rows.values() for drift in drifts.values()]
        _fit_decades(column, [*everything, list(UNIT_ROUNDOFF.values())])
    return figure


def _draw_sides(axes: Axes, by_side: Losses) -> None:
    """Draw the first side broad and pale and the others thin on it, so that equal curves show."""
    palette = colours(by_side)
    for i, (label, values) in enumerate(by_side.items()):
        look: dict[str, Any] = {"linewidth": 1.4, "marker": "o", "markersize": 3.5}
        if i == 0 and len(by_side) > 1:
            look = {
                "linewidth": 8,
                "alpha": 0.35,
                "solid_capstyle": "round",
                "marker": "o",
                "markersize": 8,
            }
        epochs = range(1, len(values) + 1)
        axes.plot(epochs, values, color=palette[label], label=f"{label}  {values[-1]:.5g}", **look)
    axes.legend(title="last epoch", alignment="left")
    finite = [value for values in by_side.values() for value in values if np.isfinite(value)] or [
        1.0
    ]
    # No axis so fine that rounding looks like a gap.
    pad = max(0.08 * (max(finite) - min(finite)), 0.02 * max(finite))
    axes.set_ylim(min(finite) - pad, max(finite) + pad)


def _draw_differences(axes: Axes, by_side: Losses) -> None:
    (first, reference), *others = by_side.items()
    palette = colours(by_side)
    n = min(map(len, by_side.values()))  # one side may have trained longer
    differences = [
        np.abs(np.subtract(values[:n], reference[:n])) / reference[:n] for _, values in others
    ]
    for (label, _), difference in zip(others, differences, strict=True):
        _draw_log(
            axes, range(1, n + 1), difference, palette[label], label if len(others) > 1 else "_"
        )
    _fit_decades([axes], differences)
    if len(others) > 1:
        axes.legend()
    axes.set_title(f"Relative difference to {first}")


def _draw_log(axes: Axes, when: ArrayLike, distance: ArrayLike, colour: str, label: str) -> None:
    """Draw distances as a line, and those that are zero as open circles in the band below."""
    x, y = np.ravel(when), np.ravel(distance)
    size = 3.5 if len(x) <= 30 else 2.0
    axes.plot(
        x,
        np.where(y > 0, y, np.nan),
        color=colour,
        label=label,
        linewidth=1,
        marker="o",
        markersize=size,
    )
    if 0 in y:
        # A row for each dtype that has zeros.
        rows = sum(line.get_linestyle() == "None" for line in axes.lines)
        height = np.full_like(x[y == 0], 0.03 + 0.04 * rows, dtype=float)
        # Heights in fractions of the axes: a log axis has no place for zero.
        foot = axes.get_xaxis_transform()
        axes.plot(x[y == 0], height, color=colour, transform=foot, markersize=size + 0.5, **OPEN)


def _fit_decades(column: Sequence[Axes], distances: Sequence[ArrayLike]) -> None:
    """Make vertical axes, which are shared, logarithmic by whole decades.

    Where there are zeros, which have no place on them, a band below is theirs.
    """
    y = np.concatenate([np.ravel(distance) for distance in distances])
    positive = y[(y > 0) & np.isfinite(y)]
    least, most = (
        (np.log10(positive.min()), np.log10(positive.max())) if len(positive) else (-16.0, -15.0)
    )
    low, high = np.floor(least - 0.2), np.ceil(most + 0.2)
    foot = low - (high - low) * BAND / (1 - BAND) if 0 in y else low
    ticks = LogLocator(numticks=8).tick_values(10.0**low, 10.0**high)
    for axes in column:
        axes.set_yscale("log")
        axes.set_yticks([tick for tick in ticks if 10.0**low <= tick <= 10.0**high])
        axes.set_ylim(10.0**foot, 10.0**high)
        axes.yaxis.set_minor_locator(NullLocator())
        if 0 in y:
            axes.axhspan(10.0**foot, 10.0**low, color=STRIPE, linewidth=0, zorder=0)
            _beside(axes, 10.0 ** ((foot + low) / 2), "exactly 0")


def _beside(axes: Axes, y: float, text: str) -> None:
    """Write a text at the right of the axes."""
    across = axes.get_yaxis_transform()
    axes.text(1.01, y, text, transform=across, va="center", size=8, color=QUIET)


def _mark_time(axes: Axes, when: Sequence[int] | NDArray[Any], unit: str) -> None:
    first, last = min(when), max(when)
    pad = max(0.5, 0.03 * (last - first))
    axes.set_xlim(first - pad, last + pad)
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.set_xlabel(unit)
