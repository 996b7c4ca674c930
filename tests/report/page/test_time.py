"""A chart's curves lie where their numbers are, and what has no place on it is a gap."""

from itertools import pairwise

import pytest

from compare.report.page.time import FOOT, HEIGHT, LEFT, NAME, WIDTH, chart


def test_a_larger_number_stands_higher_and_all_stand_in_the_frame() -> None:
    (curve,) = chart("title", {("loss", "NumPy"): [1.0, 3.0, 2.0]}, 0.5).curves
    points = [
        tuple(map(float, point[1:].split())) for point in curve.path.replace(" L", "|L").split("|")
    ]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert LEFT < x0 < x1 < x2 < WIDTH
    assert 0 < y1 < y2 < y0 < HEIGHT - FOOT
    assert curve.end == pytest.approx(y2, abs=0.05)


@pytest.mark.parametrize("gap", [None, 0.0])
def test_what_has_no_logarithm_is_a_gap(gap: float | None) -> None:
    (curve,) = chart(
        "title", {("drift", "NumPy"): [gap, 1e-8, 1e-7, gap, 1e-6]}, 0.5, logarithmic=True
    ).curves
    assert [part[0] for part in curve.path.split() if part[0] in "ML"] == ["M", "L", "M"]


def test_a_chart_of_nothing_is_empty() -> None:
    assert (
        chart("title", {("perturbed", "PyTorch"): [None, None]}, 0.5, logarithmic=True)
        .curves[0]
        .path
        == ""
    )


def test_a_logarithmic_axis_is_labelled_in_powers_of_ten() -> None:
    ticks = chart("title", {("drift", "NumPy"): [1e-8, 1e-4]}, 0.5, logarithmic=True).ticks
    assert [label for _, label in ticks] == ["1e-08", "1e-07", "1e-06", "1e-05", "1e-04"]
    heights = [height for height, _ in ticks]
    assert heights == sorted(heights, reverse=True)


def test_names_of_curves_that_end_together_stand_apart() -> None:
    ends = [(1.0, 2.0), (1.0, 2.01), (1.0, 9.0)]
    series = {
        (f"fc{i}", side): list(end) for i, end in enumerate(ends) for side in ("NumPy", "PyTorch")
    }
    heights = sorted(
        curve.end for curve in chart("title", series, 0.5).curves if curve.side == "NumPy"
    )
    assert all(below - above >= NAME for above, below in pairwise(heights))
