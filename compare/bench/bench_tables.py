"""A benchmark's results as tables of ready text, for the terminal and for a document."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from compare.bench.results import Ratio, Results, Row, TrainingRow, lower_bounds, ratio
from compare.bench.variants import LARGE, LOWER_BOUNDS, VARIANTS, flops
from compare.data.config import Config
from compare.tables import Table

GOOD_ENOUGH = 0.018  # test MSE per pixel
STEP = "variant|ms|p10–p90|against NumPy|×prod|×own|×bound|Adam|GF/s|ready|error"
TRAINING = (
    f"variant|seconds|ready|first epoch|last|until MSE < {GOOD_ENOUGH} (epoch)|test MSE|peak MB"
)
SIZES = {"batch_size": "batch", "hidden_dim": "hidden width", "latent_dim": "latent width"}
MARK = " †"  # of results of an earlier version
LIBRARIES = {"numpy": "NumPy's BLAS", "torch": "torch's"}
LEGEND = """\
against NumPy: this variant's time over NumPy's, with a 95 % interval
×prod, ×own: its time over that of a step's 11 matrix products, by the faster library or its own
×bound: over those products and the memory that Adam has to move; 1 would be the best possible
Adam: ms of the optimizer alone; GF/s: 10⁹ operations of the products a second
ready: seconds to the end of the first step; error: of that step, in units of what rounding allows
"""  # of STEP's columns, for the terminal


def tables(results: Results) -> list[Table]:
    """Return the core's tables, one for each thread count; then the swept sizes; then trainings."""
    found = [_core(results, rows) for rows in _core_settings(results)]
    found += _swept(results)
    return [*found, _trainings(results.trainings)] if results.trainings else found


def verdicts(results: Results) -> list[str]:
    """Say for each thread count who is ahead of whom, and whether the clock can be trusted."""
    lines = []
    for rows in _core_settings(results):
        timed = {row.variant: row for row in rows if row.rounds}
        if not (ours := timed.get("numpy")):
            continue
        told = []
        again = timed.get("numpy-again")
        control = ratio(again.rounds, ours.rounds) if again else None
        # By how much the same code differs from itself: less than that means nothing.
        margin = max(control.high - 1, 1 - control.low) if control and control.told else 0.0
        if best := _fastest_torch(timed.values()):
            against = ratio(ours.rounds, best.rounds)
            word = "faster" if against.value < 1 else "slower"
            why = _why(results, ours, best)
            if against.tie or abs(against.value - 1) < margin:
                word = "cannot tell which is faster" if against.told else "too few rounds to tell"
                why = []
            told.append(f"NumPy takes {_ratio(against)} of the time of {best.label}: {word}")
            told += why
        for device in dict.fromkeys(row.device for row in rows):
            here = [row for row in timed.values() if row.device == device]
            told += _lower_bounds(results, here)
        if control:
            trust = f"differences under {math.ceil(100 * margin)} % mean nothing here"
            if not control.told:
                trust = "too few rounds to tell what a difference means"
            told.append(f"NumPy against itself: {_ratio(control)}: {trust}")
        lines += [f"{_count(ours.threads)}: {line}" for line in told]
    return lines


def at_a_glance(machines: Sequence[Results]) -> Table:
    """Return NumPy's time over the fastest torch variant's, by batch size and of a training.

    There is a line for each thread count of each machine, and one for a machine measured `earlier`.
    Variants count that were measured at several batch sizes.
    """
    lines = []
    sizes = sorted({row.batch_size for results in machines for row in results.rows})
    for results in machines:
        for threads in results.thread_counts[-1:] if earlier(results) else results.thread_counts:
            variants = by_size(results, "batch_size", threads)
            cells = {}
            for size, ours in variants.get("numpy", {}).items():
                if best := _fastest_torch(of[size] for of in variants.values() if size in of):
                    r = ratio(ours.rounds, best.rounds)
                    cells[size] = f"({r.value:.2f})" if r.tie else f"{r.value:.2f}"
            if cells:
                packages = results.environment["packages"]
                where = "" if results.device == "cpu" else f", torch on {results.device}"
                machine = f"{results.environment['cpu']}{where}"
                own = f"{packages.get('ae-mirror') or ''}{MARK if earlier(results) else ''}"
                versions = (own, packages.get("torch") or "")
                steps = (cells.get(size, "") for size in sizes)
                training = _training_ratio(results, threads)
                lines.append((machine, *versions, str(threads), *steps, training))
    title = (
        "At a glance: NumPy's time over that of the fastest torch variant that was measured at "
        "every batch size; below 1, NumPy is faster"
    )
    batches = (f"batch {size}" for size in sizes)
    columns = ("machine", "ae-mirror", "torch", "threads", *batches, "training")
    note = f"{MARK.strip()} Another code, measured in another way: its long tables are not kept."
    return Table(title, columns, lines, note if any(map(earlier, machines)) else "")


def earlier(results: Results) -> bool:
    """Return whether results are of a version before 0.3, whose code and rounds were others."""
    version = re.match(r"(\d+)\.(\d+)", results.environment["packages"].get("ae-mirror") or "")
    return version is not None and tuple(map(int, version.groups())) < (0, 3)


def reasons(results: Results) -> list[str]:
    """Say of every variant that did not run why."""
    told: list[Row | TrainingRow] = [*results.rows, *results.trainings]
    missing = (f"{row.label} did not run: {row.cannot}" for row in told if row.cannot)
    return list(dict.fromkeys(missing))


def by_size(results: Results, name: str, threads: int) -> dict[str, dict[int, Row]]:
    """Return the rows in which `name` ("batch_size") alone varies, by variant and size.

    There are two sizes or more.
    """
    found: dict[str, dict[int, Row]] = {of: {} for of in VARIANTS if of not in LOWER_BOUNDS}
    for row in results.rows:
        measured = row.variant in found and row.threads == threads and row.rounds
        if measured and _differs(row) <= {name}:
            found[row.variant][getattr(row, name)] = row
    return {variant: rows for variant, rows in found.items() if len(rows) > 1}


def _training_ratio(results: Results, threads: int) -> str:
    """Show NumPy's fastest whole training over torch's fastest, the article's loop aside."""
    runs = [t for t in results.trainings if t.threads == threads and not t.cannot]
    ours = [sum(t.seconds) for t in runs if t.variant == "numpy"]
    theirs = [sum(t.seconds) for t in runs if t.variant not in ("numpy", "article")]
    return f"{min(ours) / min(theirs):.2f}" if ours and theirs else ""


def _fastest_torch(rows: Iterable[Row]) -> Row | None:
    """Return the fastest of the rows of torch's variants that were judged, if there is one."""
    judged = (r for r in rows if r.variant.startswith("torch") and r.agreement is not None)
    return min(judged, key=lambda row: row.median, default=None)


def _why(results: Results, ours: Row, best: Row) -> list[str]:
    """Say in which parts of a step the faster one gains; nothing where a part was not timed."""
    times = {row.variant: row.median for row in results.rows if row.place == ours.place}
    products = [times.get(f"products-{name}") for name in LIBRARIES]
    mine, theirs = products
    if not (mine and theirs and ours.update and best.update) or best.device != ours.device:
        return []
    sign = 1 if ours.median < best.median else -1
    whole = sign * (best.median - ours.median)
    alone = ", which NumPy does on one thread" if ours.threads > 1 else ""
    gains = {
        "the matrix products (each library's BLAS)": sign * (theirs - mine),
        "Adam (passes over memory)": sign * (best.update - ours.update),
    }
    gains[f"the rest (element-wise work{alone}, and calls)"] = whole - sum(gains.values())
    parts = (f"{gain:+.2f} in {part}" for part, gain in sorted(gains.items(), key=lambda g: -g[1]))
    winner = ours.label if sign > 0 else best.label
    return [f"why: {winner} is {whole:.2f} ms a step ahead: {', '.join(parts)}"]


def _lower_bounds(results: Results, rows: Sequence[Row]) -> list[str]:
    """Say what no variant in a setting and on a device can be faster than, if it was measured."""
    if not rows or not (bound := lower_bounds(results, rows[0])):
        return []
    medians = {row.variant: row.median for row in rows}

    def by_library(what: str, show: Callable[[float], str]) -> str:
        timed = {name: medians.get(f"{what}-{name}") for name in LIBRARIES}
        return ", ".join(f"{show(ms)} by {LIBRARIES[name]}" for name, ms in timed.items() if ms)

    where = "" if rows[0].device == "cpu" else f" on {rows[0].device}"
    products = by_library("products", lambda ms: f"{_three(ms)} ms")
    speeds = by_library("peak", lambda ms: f"{2 * LARGE**3 / ms / 1e6:,.0f} GFLOP/s")
    parts = [f"lower bounds{where}: the products {products}"]
    if bound.full is not None:
        parts.append(f"{_three(bound.full)} ms with Adam's traffic")
    if bound.launches is not None:
        parts.append(f"{_three(bound.launches)} ms to launch 12 empty kernels")
    return ["; ".join([*parts, f"of a large product: {speeds}"])]


def _differs(row: Row) -> set[str]:
    """Return in which sizes a row is not of the article's network and batch."""
    return {name for name in SIZES if getattr(row, name) != getattr(Config(), name)}


def _core_settings(results: Results) -> list[list[Row]]:
    rows = [row for row in results.rows if not _differs(row)]
    return [list(group) for _, group in groupby(rows, key=lambda row: row.threads)]


def _core(results: Results, rows: Sequence[Row]) -> Table:
    first = rows[0]
    ours = next((row for row in rows if row.variant == "numpy" and row.rounds), None)
    lines = [_step(results, row, ours) for row in rows if row.variant not in LOWER_BOUNDS]
    setting = f"batch {first.batch_size}, latent {first.latent_dim}, {_count(first.threads)}"
    return Table(f"One training step: {setting}", tuple(STEP.split("|")), lines)


def _step(results: Results, row: Row, ours: Row | None) -> tuple[str, ...]:
    if row.cannot:
        return (row.label, "", "", "not run", *[""] * 7)
    bound = lower_bounds(results, row)
    same = bound and ours and VARIANTS[row.variant].like_the_bounds
    bounds = (bound.products, bound.own, bound.full) if bound and same else [None] * 3
    return (
        row.label,
        f"{row.median:.3f}",
        f"{row.p10:.2f}–{row.p90:.2f}",
        _ratio(ratio(row.rounds, ours.rounds)) if ours and row is not ours else "",
        *(_two(least and row.median / least) for least in bounds),
        _two(row.update),
        f"{flops(Config()) / row.median / 1e6:.0f}",
        f"{row.prepare_seconds:.1f}",
        _two(row.agreement),
    )


def _swept(results: Results) -> list[Table]:
    found = []
    for name, title in SIZES.items():
        for threads in results.thread_counts:
            if variants := by_size(results, name, threads):
                lines = [
                    (str(n), *(_three(of[n].cost) if n in of else "" for of in variants.values()))
                    for n in sorted({size for of in variants.values() for size in of})
                ]
                columns = (title, *(VARIANTS[variant].label for variant in variants))
                what = f"Microseconds an image by {title}, {_count(threads)}"
                found.append(Table(what, columns, lines))
    return found


def _trainings(trainings: Sequence[TrainingRow]) -> Table:
    first, epochs = trainings[0], max(len(t.seconds) for t in trainings)
    title = f"Whole training: {first.data}, {epochs} epochs, data and noise included"
    lines = []
    for variant in dict.fromkeys(t.variant for t in trainings):
        of = [t for t in trainings if t.variant == variant]
        runs = [t for t in of if not t.cannot]
        cells = ["not run", *[""] * 6]
        if runs:
            best = min((t.seconds for t in runs), key=sum)
            largest = max(runs, key=lambda t: t.peak_megabytes)
            on_gpu = largest.device_megabytes
            cells = [
                " ".join(_three(sum(t.seconds)) for t in runs),
                " ".join(_three(t.prepare_seconds) for t in runs if t.prepare_seconds is not None),
                _three(best[0]),
                _three(best[-1]),
                " ".join(map(_until, runs)),
                " ".join(dict.fromkeys(f"{t.test_mse[-1]:.5f}" for t in runs)),
                f"{largest.peak_megabytes:.0f}"
                + ("" if on_gpu is None else f", {on_gpu:.0f} on the GPU"),
            ]
        lines.append((of[0].label, *cells))
    return Table(f"{title}, {_count(first.threads)}", tuple(TRAINING.split("|")), lines)


def _until(training: TrainingRow) -> str:
    epochs = training.epochs_until(GOOD_ENOUGH)
    return "never" if epochs is None else f"{_three(sum(training.seconds[:epochs]))} ({epochs})"


def _two(number: float | None) -> str:
    return "" if number is None else f"{number:.2f}"


def _three(number: float) -> str:
    """Show three digits, or a whole number of more."""
    return f"{number:.3g}" if number < 999.5 else f"{number:,.0f}"


def _count(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"


def _ratio(r: Ratio) -> str:
    return f"{r.value:.2f} ({r.low:.2f}–{r.high:.2f})" if r.told else f"{r.value:.2f}"
