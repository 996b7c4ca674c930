"""Ratios with their intervals, floors, and results that survive JSON."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.bench.bench_tables import at_a_glance, tables, verdicts
from compare.bench.results import TRAFFIC, Results, Row, TrainingRow, floors, ratio
from compare.bench.variants import flops, products
from compare.errors import UserError
from compare.report.benchmark import write

ENVIRONMENT = {
    "cpu": "a processor", "cores": 2, "system": "Linux", "thread_pools": [], "packages": {"numpy": "2", "torch": "2"}
}  # fmt: skip
times = st.lists(st.floats(0.5, 2), min_size=4, max_size=12)


def row(lane: str, ms: float, *, batch: int = 128, threads: int = 2, spread: float = 0.01) -> Row:
    """Return a lane that takes so many milliseconds, a little more or less from turn to turn."""
    turns = [ms * (1 + spread * (i % 3 - 1)) for i in range(9)]
    return Row(
        lane, lane, threads, batch, 400, 10, p10=ms, median=ms, p90=ms, turns=turns, agreement=0.5
    )


def some_results() -> Results:
    """Return two lanes at three batch sizes, with floors, and one training."""
    lanes = {
        "numpy": 4.0,
        "torch": 5.0,
        "products-numpy": 2.0,
        "products-torch": 1.5,
        "in-place": 0.3,
    }
    rows = [
        row(lane, ms * size / 128, batch=size)
        for size in (32, 128, 512)
        for lane, ms in lanes.items()
    ]
    rows += [row("numpy-again", 4.0), row("peak-numpy", 100.0)]
    training = TrainingRow(
        "numpy", "NumPy", "digits", 2, [1.0, 2.0, 3.0], [0.03, 0.017, 0.016], 300.0
    )
    return Results(dict(ENVIRONMENT), "cpu", rows, [training])


@given(times, st.floats(0.1, 10))
def test_the_ratio_of_a_lane_that_takes_so_many_times_as_long_is_that(
    turns: list[float], factor: float
) -> None:
    found = ratio([turn * factor for turn in turns], turns)
    assert found.value == pytest.approx(factor)
    assert found.low <= found.value * (1 + 1e-12) and found.value <= found.high * (1 + 1e-12)


def test_lanes_that_differ_by_less_than_their_spread_tie() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 0.1, 20), rng.normal(1, 0.1, 20)
    assert ratio(a.tolist(), b.tolist()).tie
    assert not ratio((a * 1.5).tolist(), b.tolist()).tie


def test_the_floors_take_the_faster_library_and_add_what_adam_moves() -> None:
    results = some_results()
    found = floors(results, row("numpy", 4.0))
    assert found is not None
    assert found.products == 1.5 and found.own == 2.0
    assert found.full == pytest.approx(1.5 + TRAFFIC * 0.3)
    assert floors(results, row("numpy", 4.0, threads=1)) is None


def test_a_step_is_eleven_products_of_some_407_million_operations() -> None:
    assert len(products(128, 784, 400, 10)) == 11
    assert flops(128, 784, 400, 10) == 407_552_000


def test_results_come_back_from_json() -> None:
    results = some_results()
    assert Results.from_dict(json.loads(json.dumps(results.to_dict()))) == results


@pytest.mark.parametrize("value", [[], {}, {"rows": [{"lane": 1}], "trainings": []}, None])
def test_other_json_is_refused_in_one_line(value: object) -> None:
    with pytest.raises(UserError, match="no benchmark's JSON"):
        Results.from_dict(value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"held": "yes"},
        {"turns": ["1"]},
        {"turns": 1.0},
        {"median": None},
        {"agreement": "0.2"},
        {"threads": 1.5},
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(wrong: dict[str, object]) -> None:
    (name,) = wrong
    value = some_results().to_dict()
    value["rows"][0] |= wrong
    with pytest.raises(UserError, match=f"no benchmark's JSON .{name} is "):
        Results.from_dict(value)


def test_a_training_tells_when_it_was_good_enough() -> None:
    (training,) = some_results().trainings
    assert training.epochs_until(0.018) == 2
    assert training.epochs_until(0.001) is None


def test_the_tables_hold_every_lane_and_the_lines_say_who_is_ahead() -> None:
    core, by_batch, training = tables(some_results())
    assert [cells[0] for cells in core.rows] == ["numpy", "torch", "numpy-again"]
    assert [cells[0] for cells in by_batch.rows] == ["32", "128", "512"]
    assert training.rows[0][1] == "6"
    ahead, floor, control = verdicts(some_results())
    assert "0.80" in ahead and ahead.endswith("faster")
    assert (
        "the products 2 ms by NumPy's BLAS, 1.5 ms by torch's; 2.2 ms with Adam's traffic" in floor
    )
    assert control.endswith("1.00 (1.00–1.00): differences under 0 % mean nothing here")


def test_what_differs_by_less_than_numpy_from_itself_is_a_tie() -> None:
    results = some_results()
    results.rows = [found for found in results.rows if found.lane != "numpy-again"] + [
        row("numpy-again", 5.0)
    ]
    ahead, _, control = verdicts(results)
    assert ahead.endswith("0.80 (0.80–0.80) of the time of torch: a tie")
    assert control.endswith("1.25 (1.25–1.25): differences under 25 % mean nothing here")


def test_at_a_glance_there_is_a_line_for_each_number_of_threads_of_each_machine() -> None:
    results, other = some_results(), some_results()
    results.rows += [
        row(lane, ms, threads=1, batch=n)
        for n in (8, 128)
        for lane, ms in (("numpy", 9.0), ("torch", 6.0))
    ]
    results.rows = [
        row("torch", 4.0) if r.lane == "torch" and r.place == row("", 0).place else r
        for r in results.rows
    ]
    theirs = replace(results.trainings[0], lane="torch", seconds=[4.0, 4.0, 4.0])
    results.trainings += [
        theirs,
        replace(theirs, lane="article"),
        replace(theirs, seconds=[], cannot="no memory"),
    ]
    other.rows = [
        replace(row, agreement=None) if row.lane == "torch" else row for row in other.rows
    ]
    table = at_a_glance([results, other])  # nobody judged the other's rival
    steps = ["batch 8", "batch 32", "batch 128", "batch 512"]
    assert table.columns == ("machine", "ae-mirror", "torch", "threads", *steps, "training")
    assert table.rows == [
        ("a processor", "", "2", "1", "1.50", "", "1.50", "", ""),
        ("a processor", "", "2", "2", "", "0.80", "(1.00)", "0.80", "0.50"),
    ]


def test_a_lane_that_nobody_judged_is_no_rival() -> None:
    results = some_results()
    results.rows = [
        replace(row, agreement=None) if row.lane == "torch" else row for row in results.rows
    ]
    assert not any("of the time of" in line for line in verdicts(results))


def test_a_floor_is_of_the_device_that_it_was_measured_on() -> None:
    results = Results(dict(ENVIRONMENT), "cuda", [
        row("numpy", 4.0), row("products-numpy", 2.0),
        *(replace(row(lane, ms), device="cuda") for lane, ms in {"torch-graph": 0.06, "products-torch": 0.05}.items()),
    ])  # fmt: skip
    (core,) = tables(results)
    assert [dict(zip(core.columns, cells, strict=True))["×prod"] for cells in core.rows] == [
        "2.00",
        "1.20",
    ]
    assert [line.split(";")[0] for line in verdicts(results)[1:]] == [
        "2 threads: floors: the products 2 ms by NumPy's BLAS",
        "2 threads: floors on cuda: the products 0.05 ms by torch's",
    ]


def test_other_arithmetic_than_the_floors_is_not_held_against_them() -> None:
    results = some_results()
    results.rows += [
        row("numpy-float64", 8.0),
        row("torch-graph-tf32", 1.0),
        row("torch-fused", 5.0),
    ]
    core = {
        cells[0]: dict(zip(tables(results)[0].columns, cells, strict=True))
        for cells in tables(results)[0].rows
    }
    shown = {
        lane: bool(cells["×prod"] and cells["×own"] and cells["×floor"])
        for lane, cells in core.items()
    }
    assert shown == {
        "numpy": True, "torch": True, "numpy-again": True, "torch-fused": True,
        "numpy-float64": False, "torch-graph-tf32": False,
    }  # fmt: skip


def test_a_few_turns_tell_nothing() -> None:
    few = ratio([2.0, 3.0, 4.0], [1.0, 1.0, 1.0])
    assert few.value == 3 and not few.told
    results = some_results()
    results.rows = [replace(row, turns=row.turns[:3]) for row in results.rows]
    ahead, _, control = verdicts(results)
    assert ahead.endswith("0.80 of the time of torch: too few turns to tell")
    assert control.endswith("1.00: too few turns to tell what a difference means")


def test_a_training_that_failed_once_is_told_by_the_other() -> None:
    results = some_results()
    failed = TrainingRow("numpy", "NumPy", "digits", 2, [], [], 0.0, cannot="its process died")
    for trainings in ([failed, *results.trainings], [*results.trainings, failed]):
        (line,) = tables(replace(results, trainings=trainings))[-1].rows
        assert line == ("NumPy", "6", "", "1", "3", "3 (2)", "0.01600", "300")
    (line,) = tables(replace(results, trainings=[failed]))[-1].rows
    assert line[:2] == ("NumPy", "not run")


def test_the_document_names_the_machine_and_shows_its_plot(tmp_path: Path) -> None:
    write([some_results()], tmp_path / "bench.md")
    text = (tmp_path / "bench.md").read_text()
    assert "## a processor" in text and "bench/cost-1.png" in text and "not measured" in text
    assert (tmp_path / "bench" / "cost-1.png").read_bytes().startswith(b"\x89PNG")
