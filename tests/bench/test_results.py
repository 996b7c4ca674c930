"""Ratios with their intervals, lower bounds, and results that survive JSON."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.bench.bench_tables import at_a_glance, tables, verdicts
from compare.bench.results import TRAFFIC, Results, Row, TrainingRow, lower_bounds, ratio
from compare.bench.variants import flops, products
from compare.data.config import Config
from compare.errors import UserError
from compare.report.benchmark import write

ENVIRONMENT = {
    "cpu": "a processor",
    "cores": 2,
    "system": "Linux",
    "thread_pools": [],
    "packages": {"numpy": "2", "torch": "2"},
}
times = st.lists(st.floats(0.5, 2), min_size=4, max_size=12)


def row(
    variant: str, ms: float, *, batch: int = 128, threads: int = 2, spread: float = 0.01
) -> Row:
    """Return a variant that takes so many milliseconds, a little more or less in each round."""
    rounds = [ms * (1 + spread * (i % 3 - 1)) for i in range(9)]
    return Row(
        variant,
        variant,
        threads,
        batch,
        400,
        10,
        p10=ms,
        median=ms,
        p90=ms,
        rounds=rounds,
        agreement=0.5,
    )


def some_results() -> Results:
    """Return two variants at three batch sizes, with lower bounds, and one training."""
    variants = {
        "numpy": 4.0,
        "torch": 5.0,
        "products-numpy": 2.0,
        "products-torch": 1.5,
        "in-place": 0.3,
    }
    rows = [
        row(variant, ms * size / 128, batch=size)
        for size in (32, 128, 512)
        for variant, ms in variants.items()
    ]
    rows += [row("numpy-again", 4.0), row("peak-numpy", 100.0)]
    training = TrainingRow(
        "numpy", "NumPy", "digits", 2, [1.0, 2.0, 3.0], [0.03, 0.017, 0.016], 300.0
    )
    return Results(dict(ENVIRONMENT), "cpu", rows, [training])


@given(times, st.floats(0.1, 10))
def test_the_ratio_of_a_variant_that_takes_so_many_times_as_long_is_that(
    rounds: list[float], factor: float
) -> None:
    found = ratio([ms * factor for ms in rounds], rounds)
    assert found.value == pytest.approx(factor)
    assert found.low <= found.value * (1 + 1e-12) and found.value <= found.high * (1 + 1e-12)


def test_variants_that_differ_by_less_than_their_spread_tie() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 0.1, 20), rng.normal(1, 0.1, 20)
    assert ratio(a.tolist(), b.tolist()).tie
    assert not ratio((a * 1.5).tolist(), b.tolist()).tie


def test_the_lower_bounds_take_the_faster_library_and_add_what_adam_moves() -> None:
    results = some_results()
    found = lower_bounds(results, row("numpy", 4.0))
    assert found is not None
    assert found.products == 1.5 and found.own == 2.0
    assert found.full == pytest.approx(1.5 + TRAFFIC * 0.3)
    assert lower_bounds(results, row("numpy", 4.0, threads=1)) is None


def test_a_step_is_eleven_products_of_some_407_million_operations() -> None:
    assert len(products(Config())) == 11
    assert flops(Config()) == 407_552_000


def test_results_come_back_from_json() -> None:
    results = some_results()
    assert Results.from_dict(json.loads(json.dumps(results.to_dict()))) == results


def test_json_of_an_earlier_version_opens() -> None:
    results = some_results()
    value = results.to_dict()
    assert value.pop("version") == 2
    for record in value["rows"]:
        record["lane"], record["turns"] = record.pop("variant"), record.pop("rounds")
    for record in value["trainings"]:
        record["lane"] = record.pop("variant")
    assert Results.from_dict(json.loads(json.dumps(value))) == results


@pytest.mark.parametrize("value", [[], {}, {"rows": [{"variant": 1}], "trainings": []}, None])
def test_other_json_is_refused_in_one_line(value: object) -> None:
    with pytest.raises(UserError, match="no benchmark's JSON"):
        Results.from_dict(value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"held": "yes"},
        {"rounds": ["1"]},
        {"rounds": 1.0},
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


def test_the_tables_hold_every_variant_and_the_lines_say_who_is_ahead() -> None:
    core, by_batch, training = tables(some_results())
    assert [cells[0] for cells in core.rows] == ["numpy", "torch", "numpy-again"]
    assert [cells[0] for cells in by_batch.rows] == ["32", "128", "512"]
    assert training.rows[0][1] == "6"
    ahead, bound, control = verdicts(some_results())
    assert "0.80" in ahead and ahead.endswith("faster")
    assert (
        "the products 2 ms by NumPy's BLAS, 1.5 ms by torch's; 2.2 ms with Adam's traffic" in bound
    )
    assert control.endswith("1.00 (1.00–1.00): differences under 0 % mean nothing here")


def test_of_what_differs_by_less_than_numpy_from_itself_one_cannot_tell() -> None:
    results = some_results()
    results.rows = [found for found in results.rows if found.variant != "numpy-again"] + [
        row("numpy-again", 5.0)
    ]
    ahead, _, control = verdicts(results)
    assert ahead.endswith("0.80 (0.80–0.80) of the time of torch: cannot tell which is faster")
    assert control.endswith("1.25 (1.25–1.25): differences under 25 % mean nothing here")


def with_updates(ours: float, theirs: float) -> Results:
    """Return the results with so many milliseconds of Adam alone."""
    results = some_results()
    updates = {"numpy": ours, "torch": theirs}
    results.rows = [replace(row, update=updates.get(row.variant)) for row in results.rows]
    return results


def test_why_one_is_faster_is_told_by_the_parts_of_the_step_which_add_up() -> None:
    why = next(line for line in verdicts(with_updates(1.5, 0.8)) if "why: " in line)
    assert why == (
        "2 threads: why: numpy is 1.00 ms a step ahead: "
        "+2.20 in the rest (element-wise work, which NumPy does on one thread, and calls), "
        "-0.50 in the matrix products (each library's BLAS), -0.70 in Adam (passes over memory)"
    )


def test_at_a_glance_there_is_a_line_for_each_number_of_threads_of_each_machine() -> None:
    results, other = some_results(), some_results()
    results.rows += [
        row(variant, ms, threads=1, batch=n)
        for n in (8, 128)
        for variant, ms in (("numpy", 9.0), ("torch", 6.0))
    ]
    results.rows = [
        row("torch", 4.0) if r.variant == "torch" and r.place == row("", 0).place else r
        for r in results.rows
    ]
    theirs = replace(results.trainings[0], variant="torch", seconds=[4.0, 4.0, 4.0])
    results.trainings += [
        theirs,
        replace(theirs, variant="article"),
        replace(theirs, seconds=[], cannot="no memory"),
    ]
    other.rows = [
        replace(row, agreement=None) if row.variant == "torch" else row for row in other.rows
    ]
    table = at_a_glance([results, other])  # nobody judged the other's rival
    steps = ["batch 8", "batch 32", "batch 128", "batch 512"]
    assert table.columns == ("machine", "ae-mirror", "torch", "threads", *steps, "training")
    assert table.rows == [
        ("a processor", "", "2", "1", "1.50", "", "1.50", "", ""),
        ("a processor", "", "2", "2", "", "0.80", "(1.00)", "0.80", "0.50"),
    ]


def test_a_variant_that_nobody_judged_is_no_rival() -> None:
    results = some_results()
    results.rows = [
        replace(row, agreement=None) if row.variant == "torch" else row for row in results.rows
    ]
    assert not any("of the time of" in line for line in verdicts(results))


def test_a_lower_bound_is_of_the_device_that_it_was_measured_on() -> None:
    results = Results(
        dict(ENVIRONMENT),
        "cuda",
        [
            row("numpy", 4.0),
            row("products-numpy", 2.0),
            *(
                replace(row(variant, ms), device="cuda")
                for variant, ms in {"torch-graph": 0.06, "products-torch": 0.05}.items()
            ),
        ],
    )
    (core,) = tables(results)
    assert [dict(zip(core.columns, cells, strict=True))["×prod"] for cells in core.rows] == [
        "2.00",
        "1.20",
    ]
    assert [line.split(";")[0] for line in verdicts(results)[1:]] == [
        "2 threads: lower bounds: the products 2 ms by NumPy's BLAS",
        "2 threads: lower bounds on cuda: the products 0.05 ms by torch's",
    ]


def test_other_arithmetic_than_the_lower_bounds_is_not_held_against_them() -> None:
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
        variant: bool(cells["×prod"] and cells["×own"] and cells["×bound"])
        for variant, cells in core.items()
    }
    assert shown == {
        "numpy": True,
        "torch": True,
        "numpy-again": True,
        "torch-fused": True,
        "numpy-float64": False,
        "torch-graph-tf32": False,
    }


def test_a_few_rounds_tell_nothing() -> None:
    few = ratio([2.0, 3.0, 4.0], [1.0, 1.0, 1.0])
    assert few.value == 3 and not few.told
    results = some_results()
    results.rows = [replace(row, rounds=row.rounds[:3]) for row in results.rows]
    ahead, _, control = verdicts(results)
    assert ahead.endswith("0.80 of the time of torch: too few rounds to tell")
    assert control.endswith("1.00: too few rounds to tell what a difference means")


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


@pytest.mark.parametrize(("version", "kept"), [("0.2.0", False), ("0.3.0", True), (None, True)])
def test_a_version_before_0_3_keeps_one_marked_line(
    tmp_path: Path, version: str | None, kept: bool
) -> None:
    packages = {**ENVIRONMENT["packages"], "ae-mirror": version}  # type: ignore[dict-item]
    results = replace(some_results(), environment={**ENVIRONMENT, "packages": packages})
    write([results], tmp_path / "found.md")
    text = (tmp_path / "found.md").read_text()
    assert ("## a processor" in text) is kept
    assert text.count("| a processor |") == 1
    assert ("†" in text) is not kept
