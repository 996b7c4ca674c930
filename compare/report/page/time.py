"""The time of the page: both sides at the same points, for the slider and as curves."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from compare.report.page.decoder import sprite
from compare.report.page.parts import Part, Parts

# Of a chart, and of the room for its labels, in its own units.
WIDTH, HEIGHT, LEFT, RIGHT, FOOT = 340, 170, 44, 46, 22
NAME = 13  # the height of a curve's name


class Curve(NamedTuple):
    """One line of a chart: its name, whose it is, and its path."""

    name: str
    side: str
    path: str
    end: float  # the height at which it ends, and its name stands


class Chart(NamedTuple):
    """Curves over the points of time, with labelled heights."""

    title: str
    curves: tuple[Curve, ...]
    ticks: tuple[tuple[float, str], ...]  # height and label
    divider: float  # where steps end and epochs begin


def time_data(parts: Parts) -> dict[str, Any] | None:
    """Return the points of time with all numbers and pictures; None where the run kept none."""
    if parts.timeline is None:
        return None
    points = parts.timeline.header["points"]
    sides = list(dict.fromkeys(point["side"] for point in points))
    by_side = {
        side: {(p["unit"], p["number"]): p for p in points if p["side"] == side} for side in sides
    }
    common = set.intersection(*(set(of) for of in by_side.values()))
    times = sorted(common, key=lambda time: (time[0] != "step", time[1]))
    return {
        "times": [f"{unit} {number}" for unit, number in times],
        "steps": sum(unit == "step" for unit, _ in times),
        "sides": sides,
        "probe": parts.timeline.header["probe"],
        **_image_data(parts.timeline, sides, times),
        "loss": {side: [of[time]["loss"] for time in times] for side, of in by_side.items()},
        "dead": _by_name(by_side, times, "dead"),
        "gradients": _by_name(by_side, times, "gradients"),
        "apart": [_drift(parts, "parameters", time) for time in times],
        "perturbed": [_drift(parts, "perturbed", time) for time in times],
    }


def charts(data: Mapping[str, Any]) -> Iterator[Chart]:
    """Yield the curves of drift, dead units and gradients."""
    divider = data["steps"] - 0.5
    drift = {
        ("NumPy and PyTorch", "NumPy"): data["apart"],
        ("PyTorch and perturbed references", "PyTorch"): data["perturbed"],
    }
    yield chart("Largest difference of a parameter", drift, divider, logarithmic=True)
    dead = {
        (name, side): of for side, by_name in data["dead"].items() for name, of in by_name.items()
    }
    yield chart(f"Units that are 0 for all of {data['probe']} images", dead, divider)
    weights = {
        (name, side): of
        for side, by_name in data["gradients"].items()
        for name, of in by_name.items()
        if name.endswith("weight")
    }
    yield chart("Size of a weight’s gradient, per image", weights, divider, logarithmic=True)


def chart(
    title: str,
    series: Mapping[tuple[str, str], Sequence[float | None]],
    divider: float,
    *,
    logarithmic: bool = False,
) -> Chart:
    """Draw series of equal length, by (name, side), over the points of time.

    What is None, or on a logarithmic scale 0, is a gap.
    """
    known = [
        v
        for values in series.values()
        for v in values
        if v is not None and (v > 0 or not logarithmic)
    ] or [1.0]
    scale = np.log10 if logarithmic else np.asarray
    low, high = float(scale(min(known))), float(scale(max(known)))
    low, high = (np.floor(low), np.ceil(high)) if logarithmic else (0.0, 4 * np.ceil(high / 4))
    high = high if high > low else low + 1

    def y(value: float) -> float:
        return float(8 + (HEIGHT - FOOT - 8) * (1 - (scale(value) - low) / (high - low)))

    count = max(map(len, series.values()))
    curves = []
    for (name, side), values in series.items():
        path, pen, end = [], "M", 0.0
        for i, value in enumerate(values):
            if value is None or (logarithmic and value <= 0):
                pen = "M"
                continue
            path.append(f"{pen}{x(i, count):.1f} {y(value):.1f}")
            pen, end = "L", y(value)
        curves.append(Curve(name, side, " ".join(path), end))
    if logarithmic:
        every = max(1, round((high - low) / 4))
        ticks = tuple((y(10.0**k), f"1e{int(k):+03d}") for k in np.arange(low, high + 1, every))
    else:
        ticks = tuple((y(v), f"{v:.0f}") for v in np.linspace(low, high, 5))
    return Chart(title, tuple(apart(curves)), ticks, x(divider, count))


def apart(curves: Sequence[Curve]) -> list[Curve]:
    """Move the names of one side's curves down until each has a line of its own."""
    order = [(curve.name, curve.side) for curve in curves]
    placed: list[Curve] = []
    for curve in sorted(curves, key=lambda curve: curve.end):
        above = [other.end for other in placed if other.side == curve.side]
        placed.append(curve._replace(end=max([curve.end, *(end + NAME for end in above)])))
    return sorted(placed, key=lambda curve: order.index((curve.name, curve.side)))


def x(i: float, count: int) -> float:
    """Return where on a chart a point of time lies."""
    return LEFT + 6 + (WIDTH - LEFT - RIGHT - 12) * i / max(1, count - 1)


def _by_name(
    by_side: Mapping[str, Mapping[Any, Any]], times: Sequence[Any], what: str
) -> dict[str, dict[str, list[float]]]:
    return {
        side: {name: [of[time][what][name] for time in times] for name in of[times[0]][what]}
        for side, of in by_side.items()
    }


def _image_data(
    part: Part, sides: Sequence[str], times: Sequence[tuple[str, int]]
) -> dict[str, Any]:
    clean, noisy = (_square(part.arrays[name]) for name in ("clean", "noisy"))
    count, edge, _ = clean.shape
    made = {
        side: np.concatenate(
            [_square(part.arrays[f"{side}/{unit}/{number}"]) for unit, number in times]
        )
        for side in sides
    }
    sheets = {"clean": clean, "noisy": noisy, **made}
    return {
        "edge": edge,
        "examples": count,
        "sheets": {name: sprite(sheet, count) for name, sheet in sheets.items()},
    }


def _square(images: np.ndarray) -> np.ndarray:
    edge = round(images.shape[1] ** 0.5)
    return images.reshape(-1, edge, edge)


def _drift(parts: Parts, what: str, time: tuple[str, int]) -> float | None:
    """Return how far apart parameters are: by step from the check, by epoch from the training."""
    unit, number = time
    if unit == "epoch":
        found = [
            entry["parameters"] for entry in parts.history["drift"] if entry["epoch"] == number
        ]
        return found[0] if found and what == "parameters" else None
    run = (parts.check or {}).get("free_runs", {}).get(parts.config["dtype"])
    return run[what][run["steps"].index(number)] if run and number in run["steps"] else None
