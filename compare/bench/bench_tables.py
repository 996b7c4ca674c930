"""A benchmark's results as tables of ready text, for the terminal and for a document."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

from compare.bench.results import Floors, Ratio, Results, Row, TrainingRow, floors, ratio
from compare.bench.variants import FLOORS, LANES, LARGE, PIXELS, flops
from compare.data.config import Config
from compare.tables import Table

GOOD_ENOUGH = 0.018  # test MSE per pixel
COLUMNS = (
    "lane",
    "ms",
    "p10–p90",
    "against NumPy",
    "×prod",
    "×own",
    "×floor",
    "Adam",
    "GF/s",
    "ready",
    "error",
)


def tables(results: Results) -> list[Table]:
    """Return the core's tables, one for each number of threads; then the sizes that were swept; then trainings."""
    found = [_core(results, rows) for rows in _core_settings(results)]
    found += _swept(results)
    if results.trainings:
        found.append(_trainings(results))
    return found


def verdicts(results: Results) -> list[str]:
    """Say in a line for each number of threads who is ahead of whom, and whether the clock can be trusted."""
    lines = []
    for rows in _core_settings(results):
        by_lane = {row.lane: row for row in rows if row.turns}
        if not (ours := by_lane.get("numpy")):
            continue
        of = f"{_count(ours.threads)}: "
        again = by_lane.get("numpy-again")
        control = ratio(again.turns, ours.turns) if again else None
        if best := _fastest_torch(by_lane.values()):
            against = ratio(ours.turns, best.turns)
            lines.append(
                f"{of}NumPy takes {_ratio(against)} of the time of {best.label}: {_word(against, _margin(control))}"
            )
        lines += [
            of + line
            for device in dict.fromkeys(row.device for row in rows)
            if (line := _floors(results, rows, device))
        ]
        if control:
            lines.append(f"{of}NumPy against itself: {_ratio(control)}{_trust(control)}")
    return lines


def at_a_glance(machines: Sequence[Results]) -> Table:
    """Return NumPy's time over that of the fastest of torch's lanes, of a step by batch size and of a whole training.

    There is a line for each thread count of each machine. Lanes count that were measured at several
    batch sizes.
    """
    lines = []
    settings = [
        (results, threads)
        for results in machines
        for threads in sorted({r.threads for r in results.rows})
    ]
    sizes = sorted({row.batch_size for results in machines for row in results.rows})
    for results, threads in settings:
        lanes = by_size(results, "batch_size", threads)
        ours = lanes.get("numpy", {})
        best = {
            size: _fastest_torch(of[size] for of in lanes.values() if size in of) for size in ours
        }
        cells = {
            size: _in_brackets_if_a_tie(ratio(ours[size].turns, row.turns))
            for size, row in best.items()
            if row
        }
        if cells:
            where = "" if results.device == "cpu" else f", torch on {results.device}"
            versions = (
                results.environment["packages"].get(name) or "" for name in ("ae-mirror", "torch")
            )
            steps = (cells.get(size, "") for size in sizes)
            machine = f"{results.environment['cpu']}{where}"
            lines.append(
                (machine, *versions, str(threads), *steps, _training_ratio(results, threads))
            )
    title = "At a glance: NumPy's time over that of the fastest of torch's lanes; below 1, NumPy is faster"
    columns = (
        "machine",
        "ae-mirror",
        "torch",
        "threads",
        *(f"batch {size}" for size in sizes),
        "training",
    )
    return Table(title, columns, lines)


def _training_ratio(results: Results, threads: int) -> str:
    """Show NumPy's fastest whole training over the fastest of torch's, the article's loop aside."""
    runs = [t for t in results.trainings if t.threads == threads and not t.cannot]
    ours = [sum(t.seconds) for t in runs if t.lane == "numpy"]
    theirs = [sum(t.seconds) for t in runs if t.lane not in ("numpy", "article")]
    return f"{min(ours) / min(theirs):.2f}" if ours and theirs else ""


def _in_brackets_if_a_tie(r: Ratio) -> str:
    return f"({r.value:.2f})" if r.tie else f"{r.value:.2f}"


def _fastest_torch(rows: Iterable[Row]) -> Row | None:
    """Return the fastest of the rows of torch's lanes that were judged, if there is one."""
    judged = (row for row in rows if row.lane.startswith("torch") and row.agreement is not None)
    return min(judged, key=lambda row: row.median, default=None)


def _floors(results: Results, rows: Sequence[Row], device: str) -> str:
    """Say what no lane of a device can be faster than; nothing where nothing was measured there."""
    here = [row for row in rows if row.device == device and row.turns]
    if not here or not (floor := floors(results, here[0])):
        return ""
    libraries = {"products-numpy": "NumPy's BLAS", "products-torch": "torch's"}
    products = ", ".join(
        f"{_three(row.median)} ms by {libraries[row.lane]}" for row in here if row.lane in libraries
    )
    full = "" if floor.full is None else f"; {_three(floor.full)} ms with Adam's traffic"
    launches = (
        ""
        if floor.launches is None
        else f"; {_three(floor.launches)} ms to launch 12 empty kernels"
    )
    return f"floors{'' if device == 'cpu' else f' on {device}'}: the products {products}{full}{launches}; {_speeds(here)}"


def reasons(results: Results) -> list[str]:
    """Say of every lane that did not run why."""
    missing = [(row.label, row.cannot) for row in results.rows] + [
        (t.label, t.cannot) for t in results.trainings
    ]
    return list(
        dict.fromkeys(f"{label} did not run: {reason}" for label, reason in missing if reason)
    )


def default_setting(row: Row) -> bool:
    """Whether a row is of the article's network and batch."""
    default = Config()
    return (row.batch_size, row.hidden_dim, row.latent_dim) == (
        default.batch_size,
        default.hidden_dim,
        default.latent_dim,
    )


def _core_settings(results: Results) -> list[list[Row]]:
    rows = [row for row in results.rows if default_setting(row)]
    return [list(group) for _, group in groupby(rows, key=lambda row: row.threads)]


def _core(results: Results, rows: Sequence[Row]) -> Table:
    first = rows[0]
    ours = next((row for row in rows if row.lane == "numpy" and row.turns), None)
    work = flops(first.batch_size, PIXELS, first.hidden_dim, first.latent_dim)
    title = f"One training step: batch {first.batch_size}, latent {first.latent_dim}, {_count(first.threads)}"
    lines = [_step(row, ours, floors(results, row), work) for row in rows if row.lane not in FLOORS]
    return Table(title, COLUMNS, lines)


def _step(row: Row, ours: Row | None, floor: Floors | None, work: int) -> tuple[str, ...]:
    if row.cannot:
        return (row.label, "", "", "not run", *[""] * 7)
    same = LANES[row.lane].like_the_floors and ours is not None
    return (
        row.label,
        f"{row.median:.3f}",
        f"{row.p10:.2f}–{row.p90:.2f}",
        _ratio(ratio(row.turns, ours.turns)) if ours and row is not ours else "",
        f"{row.median / floor.products:.2f}" if floor and same else "",
        f"{row.median / floor.own:.2f}" if floor and floor.own and same else "",
        f"{row.median / floor.full:.2f}" if floor and floor.full and same else "",
        "" if row.update is None else f"{row.update:.2f}",
        f"{work / row.median / 1e6:.0f}",
        f"{row.prepare_seconds:.1f}",
        "" if row.agreement is None else f"{row.agreement:.2f}",
    )


def _speeds(rows: Sequence[Row]) -> str:
    libraries = {"peak-numpy": "NumPy's BLAS", "peak-torch": "torch's"}
    return "of a large product: " + ", ".join(
        f"{2 * LARGE**3 / row.median / 1e6:,.0f} GFLOP/s by {libraries[row.lane]}"
        for row in rows
        if row.lane in libraries
    )


def by_size(results: Results, name: str, threads: int) -> dict[str, dict[int, Row]]:
    """Return the rows in which `name` ("batch_size") alone varies, by lane and size; of two sizes or more."""
    rows = [
        row
        for row in results.rows
        if row.threads == threads and row.turns and _varies_only(row, name)
    ]
    lanes = {
        lane: {getattr(row, name): row for row in rows if row.lane == lane}
        for lane in LANES
        if lane not in FLOORS
    }
    return {lane: found for lane, found in lanes.items() if len(found) > 1}


def _swept(results: Results) -> list[Table]:
    found = []
    for name, title in (
        ("batch_size", "batch"),
        ("hidden_dim", "hidden width"),
        ("latent_dim", "latent width"),
    ):
        for threads in sorted({row.threads for row in results.rows}):
            lanes = by_size(results, name, threads)
            if not lanes:
                continue
            cells = [
                (str(size), *(_three(of[size].cost) if size in of else "" for of in lanes.values()))
                for size in sorted({size for of in lanes.values() for size in of})
            ]
            labels = tuple(LANES[lane].label for lane in lanes)
            found.append(
                Table(
                    f"Microseconds an image by {title}, {_count(threads)}", (title, *labels), cells
                )
            )
    return found


def _varies_only(row: Row, name: str) -> bool:
    default = Config()
    others = {"batch_size", "hidden_dim", "latent_dim"} - {name}
    return all(getattr(row, other) == getattr(default, other) for other in others)


def _trainings(results: Results) -> Table:
    lines = []
    for lane in dict.fromkeys(t.lane for t in results.trainings):
        label = next(t.label for t in results.trainings if t.lane == lane)
        runs = [t for t in results.trainings if t.lane == lane and not t.cannot]
        if not runs:
            lines.append((label, "not run", *[""] * 6))
            continue
        best = min((t.seconds for t in runs), key=sum)
        lines.append(
            (
                label,
                " ".join(_three(sum(t.seconds)) for t in runs),
                " ".join(_three(t.prepare_seconds) for t in runs if t.prepare_seconds is not None),
                _three(best[0]),
                _three(best[-1]),
                " ".join(_until(t) for t in runs),
                " ".join(dict.fromkeys(f"{t.test_mse[-1]:.5f}" for t in runs)),
                _peak(max(runs, key=lambda t: t.peak_megabytes)),
            )
        )
    first = results.trainings[0]
    epochs = max(len(t.seconds) for t in results.trainings)
    title = f"Whole training: {first.data}, {epochs} epochs, data and noise included, {_count(first.threads)}"
    columns = (
        "lane",
        "seconds",
        "ready",
        "first epoch",
        "last",
        f"until MSE < {GOOD_ENOUGH} (epoch)",
        "test MSE",
        "peak MB",
    )
    return Table(title, columns, lines)


def _until(training: TrainingRow) -> str:
    epochs = training.epochs_until(GOOD_ENOUGH)
    return "never" if epochs is None else f"{_three(sum(training.seconds[:epochs]))} ({epochs})"


def _peak(training: TrainingRow) -> str:
    on_the_device = training.device_megabytes
    return f"{training.peak_megabytes:.0f}" + (
        "" if on_the_device is None else f", {on_the_device:.0f} on the GPU"
    )


def _three(number: float) -> str:
    """Show three digits, or a whole number of more."""
    return f"{number:.3g}" if number < 999.5 else f"{number:,.0f}"


def _count(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"


def _ratio(r: Ratio) -> str:
    return f"{r.value:.2f} ({r.low:.2f}–{r.high:.2f})" if r.told else f"{r.value:.2f}"


def _margin(control: Ratio | None) -> float:
    """Return by how much the same code differs from itself: less than that between two lanes means nothing."""
    return max(control.high - 1, 1 - control.low) if control and control.told else 0.0


def _trust(control: Ratio) -> str:
    if not control.told:
        return ": too few turns to tell what a difference means"
    return f": differences under {math.ceil(100 * _margin(control))} % mean nothing here"


def _word(r: Ratio, margin: float) -> str:
    if not r.told:
        return "too few turns to tell"
    return "a tie" if r.tie or abs(r.value - 1) < margin else "faster" if r.value < 1 else "slower"
