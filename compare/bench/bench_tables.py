"""A benchmark's results as tables of ready text, for the terminal and for a document."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

from compare.bench.results import (
    LowerBounds,
    Ratio,
    Results,
    Row,
    TrainingRow,
    lower_bounds,
    ratio,
)
from compare.bench.variants import LARGE, LOWER_BOUNDS, VARIANTS, flops
from compare.data.config import Config
from compare.tables import Table

GOOD_ENOUGH = 0.018  # test MSE per pixel
COLUMNS = (
    *("variant", "ms", "p10–p90", "against NumPy", "×prod", "×own", "×bound"),
    *("Adam", "GF/s", "ready", "error"),
)
SIZES = {"batch_size": "batch", "hidden_dim": "hidden width", "latent_dim": "latent width"}
LIBRARIES = {"numpy": "NumPy's BLAS", "torch": "torch's"}


def tables(results: Results) -> list[Table]:
    """Return the core's tables, one for each thread count; then the swept sizes; then trainings."""
    found = [_core(results, rows) for rows in _core_settings(results)]
    found += _swept(results)
    return [*found, _trainings(results)] if results.trainings else found


def verdicts(results: Results) -> list[str]:
    """Say for each thread count who is ahead of whom, and whether the clock can be trusted."""
    lines = []
    for rows in _core_settings(results):
        by_variant = {row.variant: row for row in rows if row.rounds}
        if not (ours := by_variant.get("numpy")):
            continue
        of = f"{_count(ours.threads)}: "
        again = by_variant.get("numpy-again")
        control = ratio(again.rounds, ours.rounds) if again else None
        if best := _fastest_torch(by_variant.values()):
            against = ratio(ours.rounds, best.rounds)
            word = _word(against, _margin(control))
            lines.append(f"{of}NumPy takes {_ratio(against)} of the time of {best.label}: {word}")
        for device in dict.fromkeys(row.device for row in rows):
            if line := _lower_bounds(results, rows, device):
                lines.append(of + line)
        if control:
            lines.append(f"{of}NumPy against itself: {_ratio(control)}{_trust(control)}")
    return lines


def at_a_glance(machines: Sequence[Results]) -> Table:
    """Return NumPy's time over the fastest torch variant's, by batch size and of a training.

    There is a line for each thread count of each machine. Variants count that were measured at
    several batch sizes.
    """
    lines = []
    sizes = sorted({row.batch_size for results in machines for row in results.rows})
    for results in machines:
        for threads in sorted({row.threads for row in results.rows}):
            variants = by_size(results, "batch_size", threads)
            cells = {}
            for size, ours in variants.get("numpy", {}).items():
                if best := _fastest_torch(of[size] for of in variants.values() if size in of):
                    r = ratio(ours.rounds, best.rounds)
                    cells[size] = f"({r.value:.2f})" if r.tie else f"{r.value:.2f}"
            if cells:
                where = "" if results.device == "cpu" else f", torch on {results.device}"
                packages = results.environment["packages"]
                lines.append(
                    (
                        f"{results.environment['cpu']}{where}",
                        *(packages.get(name) or "" for name in ("ae-mirror", "torch")),
                        str(threads),
                        *(cells.get(size, "") for size in sizes),
                        _training_ratio(results, threads),
                    )
                )
    title = (
        "At a glance: NumPy's time over that of the fastest of torch's variants; "
        "below 1, NumPy is faster"
    )
    batches = (f"batch {size}" for size in sizes)
    return Table(title, ("machine", "ae-mirror", "torch", "threads", *batches, "training"), lines)


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


def _lower_bounds(results: Results, rows: Sequence[Row], device: str) -> str:
    """Say what no variant of a device can be faster than; nothing if nothing was measured there."""
    here = {row.variant: row for row in rows if row.device == device and row.rounds}
    if not here or not (bound := lower_bounds(results, next(iter(here.values())))):
        return ""
    products = ", ".join(
        f"{_three(here[f'products-{name}'].median)} ms by {library}"
        for name, library in LIBRARIES.items()
        if f"products-{name}" in here
    )
    speeds = ", ".join(
        f"{2 * LARGE**3 / here[f'peak-{name}'].median / 1e6:,.0f} GFLOP/s by {library}"
        for name, library in LIBRARIES.items()
        if f"peak-{name}" in here
    )
    full = "" if bound.full is None else f"; {_three(bound.full)} ms with Adam's traffic"
    launches = ""
    if bound.launches is not None:
        launches = f"; {_three(bound.launches)} ms to launch 12 empty kernels"
    where = "" if device == "cpu" else f" on {device}"
    return (
        f"lower bounds{where}: the products {products}{full}{launches}; "
        f"of a large product: {speeds}"
    )


def reasons(results: Results) -> list[str]:
    """Say of every variant that did not run why."""
    missing = [(row.label, row.cannot) for row in results.rows]
    missing += [(row.label, row.cannot) for row in results.trainings]
    told = (f"{label} did not run: {reason}" for label, reason in missing if reason)
    return list(dict.fromkeys(told))


def _differs(row: Row) -> set[str]:
    """Return in which sizes a row is not of the article's network and batch."""
    return {name for name in SIZES if getattr(row, name) != getattr(Config(), name)}


def _core_settings(results: Results) -> list[list[Row]]:
    rows = [row for row in results.rows if not _differs(row)]
    return [list(group) for _, group in groupby(rows, key=lambda row: row.threads)]


def _core(results: Results, rows: Sequence[Row]) -> Table:
    first = rows[0]
    ours = next((row for row in rows if row.variant == "numpy" and row.rounds), None)
    title = (
        f"One training step: batch {first.batch_size}, latent {first.latent_dim}, "
        f"{_count(first.threads)}"
    )
    shown = [row for row in rows if row.variant not in LOWER_BOUNDS]
    lines = [_step(row, ours, lower_bounds(results, row)) for row in shown]
    return Table(title, COLUMNS, lines)


def _step(row: Row, ours: Row | None, bound: LowerBounds | None) -> tuple[str, ...]:
    if row.cannot:
        return (row.label, "", "", "not run", *[""] * 7)
    same = VARIANTS[row.variant].like_the_bounds and ours is not None
    bounds = (bound.products, bound.own, bound.full) if bound and same else [None] * 3
    return (
        row.label,
        f"{row.median:.3f}",
        f"{row.p10:.2f}–{row.p90:.2f}",
        _ratio(ratio(row.rounds, ours.rounds)) if ours and row is not ours else "",
        *(f"{row.median / least:.2f}" if least else "" for least in bounds),
        "" if row.update is None else f"{row.update:.2f}",
        f"{flops(Config()) / row.median / 1e6:.0f}",
        f"{row.prepare_seconds:.1f}",
        "" if row.agreement is None else f"{row.agreement:.2f}",
    )


def by_size(results: Results, name: str, threads: int) -> dict[str, dict[int, Row]]:
    """Return the rows in which `name` ("batch_size") alone varies, by variant and size.

    There are two sizes or more.
    """
    found: dict[str, dict[int, Row]] = {variant: {} for variant in VARIANTS}
    for row in results.rows:
        measured = row.variant in found and row.threads == threads and row.rounds
        if measured and _differs(row) <= {name}:
            found[row.variant][getattr(row, name)] = row
    return {of: rows for of, rows in found.items() if len(rows) > 1 and of not in LOWER_BOUNDS}


def _swept(results: Results) -> list[Table]:
    found = []
    for name, title in SIZES.items():
        for threads in sorted({row.threads for row in results.rows}):
            if variants := by_size(results, name, threads):
                cells = [
                    (str(n), *(_three(of[n].cost) if n in of else "" for of in variants.values()))
                    for n in sorted({size for of in variants.values() for size in of})
                ]
                columns = (title, *(VARIANTS[variant].label for variant in variants))
                what = f"Microseconds an image by {title}, {_count(threads)}"
                found.append(Table(what, columns, cells))
    return found


def _trainings(results: Results) -> Table:
    lines = []
    for variant in dict.fromkeys(t.variant for t in results.trainings):
        of = [t for t in results.trainings if t.variant == variant]
        runs = [t for t in of if not t.cannot]
        if not runs:
            lines.append((of[0].label, "not run", *[""] * 6))
            continue
        best = min((t.seconds for t in runs), key=sum)
        largest = max(runs, key=lambda t: t.peak_megabytes)
        ready = [t.prepare_seconds for t in runs if t.prepare_seconds is not None]
        on_gpu = largest.device_megabytes
        lines.append(
            (
                of[0].label,
                " ".join(_three(sum(t.seconds)) for t in runs),
                " ".join(map(_three, ready)),
                _three(best[0]),
                _three(best[-1]),
                " ".join(map(_until, runs)),
                " ".join(dict.fromkeys(f"{t.test_mse[-1]:.5f}" for t in runs)),
                f"{largest.peak_megabytes:.0f}"
                + ("" if on_gpu is None else f", {on_gpu:.0f} on the GPU"),
            )
        )
    first = results.trainings[0]
    epochs = max(len(t.seconds) for t in results.trainings)
    return Table(
        f"Whole training: {first.data}, {epochs} epochs, data and noise included, "
        f"{_count(first.threads)}",
        (
            *("variant", "seconds", "ready", "first epoch", "last"),
            *(f"until MSE < {GOOD_ENOUGH} (epoch)", "test MSE", "peak MB"),
        ),
        lines,
    )


def _until(training: TrainingRow) -> str:
    epochs = training.epochs_until(GOOD_ENOUGH)
    return "never" if epochs is None else f"{_three(sum(training.seconds[:epochs]))} ({epochs})"


def _three(number: float) -> str:
    """Show three digits, or a whole number of more."""
    return f"{number:.3g}" if number < 999.5 else f"{number:,.0f}"


def _count(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"


def _ratio(r: Ratio) -> str:
    return f"{r.value:.2f} ({r.low:.2f}–{r.high:.2f})" if r.told else f"{r.value:.2f}"


def _margin(control: Ratio | None) -> float:
    """Return by how much the same code differs from itself: less than that means nothing."""
    return max(control.high - 1, 1 - control.low) if control and control.told else 0.0


def _trust(control: Ratio) -> str:
    if not control.told:
        return ": too few rounds to tell what a difference means"
    return f": differences under {math.ceil(100 * _margin(control))} % mean nothing here"


def _word(r: Ratio, margin: float) -> str:
    if not r.told:
        return "too few rounds to tell"
    return "a tie" if r.tie or abs(r.value - 1) < margin else "faster" if r.value < 1 else "slower"
