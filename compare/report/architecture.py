"""The network's shape: a bar for every activation, and between bars what leads to the next."""

from collections.abc import Sequence
from math import prod

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from compare.report.style import FAINT, INK, MARGIN, QUIET, WIDTH, page, styled
from compare.sides.interface import Layer, encoding, graph

BAR, LATENT = "#4C6079", "#AA3377"
LINEAR, POINTWISE = "#DDE3EB", "#EFF2F6"
TALLEST, THICK = 2.5, 0.12  # inches of the widest activation's bar
# Inches below the bars for the layers' figures, and above for the halves' names.
TABLE, HEAD = 1.05, 0.8


@styled
def network(layers: Sequence[Layer]) -> Figure:
    """Draw the layers from left to right."""
    columns = _columns(layers)
    kinds = [layer.kind for layer, _ in columns]
    # Of the activations: the input, then every output.
    widths = [layers[0].in_features, *(layer.out_features for layer, _ in columns)]
    codes = _columns(encoding(layers))
    latent = len(codes) if len(codes) < len(columns) else None
    parameters = [sum(map(prod, layer.parameters.values())) for layer in layers]

    linear = [layer for layer, _ in columns if layer.kind == "Linear"]
    stations = [widths[0], *(layer.out_features for layer in linear)]
    figure = page(
        TALLEST + TABLE + HEAD,
        f"The network: {' → '.join(map(str, stations))}",
        f"{sum(parameters):,} parameters. A bar is as tall as the square root of the number of "
        "values it stands for.",
    )
    total = figure.get_figheight()
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, total))  # in inches
    axes.set_axis_off()

    middle = TABLE + TALLEST / 2
    heights = [TALLEST * (width / max(widths)) ** 0.5 for width in widths]
    xs = _positions(kinds)
    for i, ((name, kind, n_in, n_out, *_), heads) in enumerate(columns):
        left, right, a, b = xs[i] + THICK, xs[i + 1], heights[i] / 2, heights[i + 1] / 2
        corners = [(left, middle - a), (left, middle + a), (right, middle + b), (right, middle - b)]
        axes.add_patch(
            Polygon(corners, color=LINEAR if kind == "Linear" else POINTWISE, linewidth=0)
        )
        x = (left + right) / 2
        axes.text(x, TABLE - 0.3, name, ha="center", fontweight="bold", size=10)
        axes.text(x, TABLE - 0.5, kind, ha="center", size=9, color=QUIET)
        if kind == "Linear":
            each = f"{n_out} × {n_in} + {n_out}"
            shape = each if heads == 1 else f"{heads} × ({each})"
            axes.text(x, TABLE - 0.7, shape, ha="center", size=9, color=QUIET)
            count = heads * (n_out * n_in + n_out)
            axes.text(x, TABLE - 0.9, f"= {count:,}", ha="center", size=9, color=QUIET)
    roles = {0: "input\n", latent: "latent\n", len(columns): "output\n"}
    for i, (x, height, width) in enumerate(zip(xs, heights, widths, strict=True)):
        colour = LATENT if i == latent else BAR
        axes.bar(x, height, THICK, middle - height / 2, align="edge", color=colour)
        text = axes.text(
            x + THICK / 2,
            middle + height / 2 + 0.06,
            f"{roles.get(i, '')}{width}",
            size=9,
            color=colour,
        )
        text.set(ha="center", fontweight="bold" if i == latent else "normal")
    if latent is not None:
        _span(axes, xs[0], xs[latent] + THICK, "encode")
        _span(axes, xs[latent], xs[-1] + THICK, "decode")
    return figure


def _columns(layers: Sequence[Layer]) -> list[tuple[Layer, int]]:
    """Return what stands in a row, and how many heads it has: Linears that take the same are one.

    A draw stands for all of it, and a term of the loss leads to no activation.
    """
    columns: list[tuple[Layer, int]] = []
    before = None
    for layer in graph(layers):
        if layer.kind == "Linear" and before and layer.inputs == before.inputs:
            head, number = columns.pop()
            layer = layer._replace(name=f"{head.name}, {layer.name}")
            columns.append((layer, number + 1))
        elif layer.kind not in ("Deviation", "GaussianKL"):
            columns.append((layer, 1))
        before = layer if layer.kind == "Linear" else None
    return columns


def _positions(kinds: Sequence[str]) -> list[float]:
    """Place the bars' left edges, in inches: a Linear gets three times a pointwise layer's room."""
    shares = [3 if kind == "Linear" else 1 for kind in kinds]
    room = WIDTH - 2 * MARGIN - 0.2 - THICK
    xs = [MARGIN + 0.1]
    for share in shares:
        xs.append(xs[-1] + room * share / sum(shares))
    return xs


def _span(axes: Axes, left: float, right: float, name: str) -> None:
    """Name the stretch from `left` to `right` above the bars."""
    y = TABLE + TALLEST + 0.55
    axes.plot([left + THICK, right - THICK], [y, y], color=FAINT, linewidth=1)
    axes.text((left + right) / 2, y + 0.06, name, ha="center", size=10, color=INK)
