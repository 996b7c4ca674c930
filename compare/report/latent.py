"""The latent space as points coloured by class, each side in a panel of its own."""

from collections.abc import Sequence
from itertools import combinations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from compare.report.style import INK, Sides, colours, plots, styled

SHORT = 20  # letters of names for which a caption has room
SWEEPS = 50  # through all pairs of names: more than a few dozen names need
CAPTIONS = {
    "UMAP": "UMAP keeps neighbours together; axes and gaps mean little.",
    "PCA": "Along the two directions in which the codes vary most.",
    "latent": "Where the network puts them: the latent itself.",
}


@styled
def latent(
    sides: Sides,
    labels: NDArray[np.integer],
    class_names: Sequence[str],
    method: str,
    mixed: Sequence[int] = (),
    pixels: NDArray[np.floating] | None = None,
) -> Figure:
    """Draw each side's coordinates (n, 2), by `labels` (n,); `method` is "UMAP", "PCA", "latent".

    `mixed` are the classes, by index, that overlap with others in the plane, as measured.
    `pixels` (n, 2), where given, is the PCA of the images themselves, for comparison. Coordinates
    whose second column is zero throughout are drawn as a row per class.
    """
    palette = colours(sides)
    panels = [(label, points, palette[label]) for label, points in sides.items()]
    if pixels is not None:
        panels.append(("the pixels, by PCA", pixels, INK))
    height = 4.6 if len(panels) < 3 else 3.4
    title = "Clean test images in the latent space"
    title += "" if method == "latent" else f", by {method}"
    caption = f"{CAPTIONS[method]} {_overlaps(mixed, class_names)}"
    figure = plots(height, title, caption)

    n = len(class_names)
    tab = ListedColormap(matplotlib.colormaps["tab10" if n <= 10 else "tab20"](range(n)))
    classes = ScalarMappable(BoundaryNorm(np.arange(n + 1) - 0.5, n), tab)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (name, points, colour) in zip(grid, panels, strict=True):
        axes.set_title(name, color=colour)
        draw = _cloud if points[:, 1].any() else _rows
        draw(axes, points, labels, class_names, classes.to_rgba(labels))
    bar = figure.colorbar(classes, ax=list(grid), ticks=range(n), aspect=30, pad=0.02)
    bar.ax.set_yticklabels(class_names)
    bar.ax.tick_params(which="both", length=0)
    bar.ax.invert_yaxis()
    bar.outline.set_visible(False)
    figure.draw_without_rendering()  # lays the page out, so that frames and names have their sizes
    for axes, (_, points, _) in zip(grid, panels, strict=True):
        if points[:, 1].any():
            _fill(axes, points)
            _separate(axes)
    return figure


def _overlaps(mixed: Sequence[int], class_names: Sequence[str]) -> str:
    """Name the classes that overlap with others, or count them where they are many."""
    if not mixed:
        return ""
    names = ", ".join(class_names[c] for c in mixed)
    if len(names) > SHORT:
        return f"Here {len(mixed)} of {len(class_names)} classes overlap with others."
    return f"Here these overlap with others: {names}."


def _cloud(
    axes: Axes,
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    class_names: Sequence[str],
    colours: NDArray[np.floating],
) -> None:
    """Draw the points, with the name of each class at its median."""
    axes.scatter(points[:, 0], points[:, 1], c=colours, s=_size(points), alpha=0.7, linewidths=0)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="#DDDDDD")
    outline = [withStroke(linewidth=3, foreground="white")]
    for label in np.unique(labels):
        x, y = np.median(points[labels == label], axis=0)
        name = axes.text(x, y, class_names[label], ha="center", va="center", path_effects=outline)
        name.set(fontweight="bold", fontsize=10 if len(class_names[label]) < 3 else 8.5)


def _rows(
    axes: Axes,
    points: NDArray[np.floating],
    labels: NDArray[np.integer],
    class_names: Sequence[str],
    colours: NDArray[np.floating],
) -> None:
    """Draw the first coordinate alone, a row per class; heights only keep points apart."""
    # Multiples of the golden ratio fill [0, 1) evenly.
    spread = np.arange(len(points)) * ((5**0.5 - 1) / 2) % 1
    axes.scatter(
        points[:, 0],
        labels + 0.7 * (spread - 0.5),
        c=colours,
        s=_size(points),
        alpha=0.7,
        linewidths=0,
    )
    axes.invert_yaxis()
    axes.set_yticks(range(len(class_names)), class_names)
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)


def _fill(axes: Axes, points: NDArray[np.floating]) -> None:
    """Let the points fill the frame, at one scale in both directions."""
    frame = np.array([axes.bbox.width, axes.bbox.height])
    low, high = points.min(axis=0), points.max(axis=0)
    half = frame / 2 * 1.08 * np.max((high - low) / frame)
    (left, bottom), (right, top) = (low + high) / 2 - half, (low + high) / 2 + half
    axes.set(xlim=(left, right), ylim=(bottom, top))


def _separate(axes: Axes) -> None:
    """Move names that stick out back in, and names that overlap up and down until none does."""
    names, frame = axes.texts, axes.bbox
    boxes = [name.get_window_extent() for name in names]
    xs = [
        np.clip((box.x0 + box.x1) / 2, frame.x0 + box.width / 2, frame.x1 - box.width / 2)
        for box in boxes
    ]
    ys = [(box.y0 + box.y1) / 2 for box in boxes]
    for _ in range(SWEEPS):
        for (i, a), (j, b) in combinations(enumerate(boxes), 2):
            too_near = (a.height + b.height) / 2 - abs(ys[i] - ys[j])
            if abs(xs[i] - xs[j]) < (a.width + b.width) / 2 and too_near > 0:
                up, down = (i, j) if ys[i] >= ys[j] else (j, i)
                ys[up] += too_near / 2
                ys[down] -= too_near / 2
    for name, place in zip(names, zip(xs, ys, strict=True), strict=True):
        name.set_position(tuple(axes.transData.inverted().transform(place)))


def _size(points: NDArray[np.floating]) -> float:
    # In square points: many small ones, or few large ones.
    return float(np.clip(8000 / len(points), 2, 24))
