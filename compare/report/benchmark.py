"""The benchmark as a document: a section of tables for each machine, and plots of cost against size."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from compare import machine
from compare.bench.bench_tables import at_a_glance, by_size, reasons, tables, verdicts
from compare.bench.results import Results, Row
from compare.bench.variants import LANES
from compare.errors import UserError
from compare.files import require_writable, write_text
from compare.report.style import colours, plots, save, styled
from compare.tables import literal, markdown

HEAD = """# Benchmarks

Made by `make bench-full MACHINE=name`: `python -m compare bench --data mnist --json FILE`, then `bench --from FILE
--from OTHER --markdown docs/benchmarks.md`, which shows each machine. Every lane that trains runs in a process of its
own, on the same weights, batches and noise, and its first step is judged as the check judges a network's before it is
timed (scikit-learn's and TF32's are not: theirs is other arithmetic). Lanes take turns in an order drawn by lot, then
in the opposite one, and so on; every turn begins at the start of training (scikit-learn's goes on), on the bundled
digits, noise made before. On a GPU the batches lie there, too, and no lane waits for the loss of each step. Times are
medians of the turns' medians; the 10th and 90th percentiles are those of all steps (on a GPU, of the means of 50);
ratios are medians of the ratios within a turn, with a 95 % bootstrap interval. What differs by less than that, or by
less than NumPy from NumPy, is a tie; at a glance, those of the first kind stand in brackets.

| column | |
| --- | --- |
| against NumPy | this lane's time over NumPy's |
| ×prod | times the 11 matrix products of a step alone, each setting's by the faster library |
| ×own | times the same products by the lane's own library: what it adds to them |
| ×floor | times the faster ones and the 28 bytes that Adam moves for each parameter, at the bandwidth of `a + b → a` |
| Adam | milliseconds of the optimizer alone, its data warm |
| GF/s | the operations of the products, a second; above the table, what a large product reaches |
| ready | seconds to the end of the first step, compilation and capture included, imports not |
| error | of the first step, at worst, in units of what rounding allows |

Two things are set for NumPy, as `python -m compare` sets them: OpenBLAS's idle threads stop spinning early
(`OPENBLAS_THREAD_TIMEOUT`, unless it is set), and glibc keeps freed memory, which it does for torch's processes, too.
*Nothing set for it* is NumPy without either. scikit-learn's network is not ours: no sigmoid at the end, a ReLU on the
latent, half the mean squared error.

Three things decide who is ahead on a CPU. Whose BLAS knows the processor: NumPy brings OpenBLAS, torch MKL, and where
the two differ much, little else counts from batch 128 on; *×own* leaves that out. Adam, which is most of a small
batch's step: NumPy passes over memory twelve times, torch's fused kernel once. And with several threads what lies
between the products, which NumPy does with one.

A whole training is another matter than its steps: order, batches and noise are made on the way, and the network
leaves its start behind. There are two of each; *first epoch*, *last* are of the faster, *peak MB* is the larger, taken
in the first epoch, the process's libraries included; *ready* is what comes before the first step. They are held against
one another by their test errors, whose measuring takes no part of the time. The article's loop and those wholly on a
GPU draw their own order and noise; the others get theirs from NumPy, made by another thread a batch ahead, and so wait
for a core where all are at work. Late in training, saturated pixels and dead units leave subnormal numbers, with which
some processors are slow. `numpy_ae` makes them zero; torch does where it is told to (`torch.set_flush_denormal`), which
is a lane of its own.

Tables of an earlier version are of its code. Before 0.3.0 all turns had one order, forwards and then backwards, torch
was not asked what it works with, and no lane went without NumPy's settings. In 0.1.0, of which the Xeon's is, too: a
sigmoid of two exponentials, `@` for the outer product of batch 1, freed memory kept up to 64 MB alone (batch 8192 takes
more), sweeps of four turns, an *Adam* of one, a *ready* with imports, a peak that holds the whole test set. Its full
floors are left out: they took more than Adam moves.
"""
NOT_MEASURED = "On CUDA and MPS: not measured. The lanes are there (`bench --device cuda`), and no such device was.\n"


def require_place(path: Path) -> None:
    """Raise `UserError` where the document, or its plots beside it, cannot be written."""
    if not path.suffix:
        raise UserError(
            f"{path} has no ending, and its plots go into a folder of its name without; call it {path}.md"
        )
    require_writable(path.with_suffix("") / "cost-1.png")


def write(machines: Sequence[Results], path: Path) -> None:
    """Write the document, and its plots into a folder of its name beside it."""
    machines = [
        Results.from_dict(literal(results.to_dict())) for results in machines
    ]  # they may be a stranger's
    sections = [HEAD]
    if (glance := at_a_glance(machines)).rows:
        sections.append(markdown([glance]))
    for number, results in enumerate(machines, start=1):
        about = (machine.settings(results.environment), *verdicts(results), *reasons(results))
        lines = "\n".join(f"- {line}" for line in about)
        where = "" if results.device == "cpu" else f"; torch on {results.device}"
        parts = [
            f"## {machine.machine(results.environment)}{where}",
            lines,
            markdown(tables(results)),
        ]
        if any(by_size(results, name, threads) for name, threads in _panels(results)):
            picture = path.with_suffix("") / f"cost-{number}.png"
            save(cost(results), picture)
            parts.append(
                f"![Cost of an image by batch size, hidden and latent width]({picture.relative_to(path.parent)})"
            )
        sections.append("\n\n".join(parts) + "\n")
    if all(results.device == "cpu" for results in machines):
        sections.append(NOT_MEASURED)
    write_text(path, "\n".join(sections))


@styled
def cost(results: Results) -> Figure:
    """Draw microseconds an image against batch size, for each number of threads, and against both widths."""
    panels = [
        (name, threads) for name, threads in _panels(results) if by_size(results, name, threads)
    ]
    rows = -(-len(panels) // 2)
    caption = "Median of a training step, divided by the images in it. Bands: the fastest turn to the slowest."
    figure = plots(3.1 * rows, "What an image costs", caption)
    grid = figure.subplots(rows, 2, squeeze=False).flat
    lanes = [lane for lane in LANES if any(lane in by_size(results, *panel) for panel in panels)]
    palette = colours("NumPy" if lane == "numpy" else LANES[lane].label for lane in lanes)
    for axes, (name, threads) in zip(grid, panels, strict=False):
        axes.set_title(f"{threads} thread{'s' if threads > 1 else ''}")
        axes.set_xlabel(
            {
                "batch_size": "batch size",
                "hidden_dim": "hidden width",
                "latent_dim": "latent width",
            }[name]
        )
        axes.set_ylabel("µs an image")
        for lane, found in by_size(results, name, threads).items():
            _line(axes, found, LANES[lane].label, palette[LANES[lane].label])
        axes.set(xscale="log", yscale="log")
        low, high = axes.get_ylim()  # where costs differ little, no power of ten lies between
        axes.yaxis.set_major_locator(
            LogLocator(subs=(1, 2, 5) if high > 10 * low else (1, 1.5, 2, 3, 5, 7))
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_locator(NullLocator())
        axes.set_xticks(
            sorted({size for found in by_size(results, name, threads).values() for size in found})
        )
    for axes in list(grid)[len(panels) :]:
        axes.remove()
    figure.axes[0].legend()
    return figure


def _panels(results: Results) -> list[tuple[str, int]]:
    threads = sorted({row.threads for row in results.rows})
    return [("batch_size", count) for count in threads] + [
        (name, threads[-1]) for name in ("hidden_dim", "latent_dim")
    ]


def _line(axes: Axes, found: dict[int, Row], label: str, colour: str) -> None:
    """Draw medians, and the band of all turns."""
    sizes = sorted(found)
    axes.plot(
        sizes,
        [found[size].cost for size in sizes],
        marker="o",
        markersize=4,
        color=colour,
        label=label,
    )
    low, high = (
        [1e3 * worst(found[size].turns) / found[size].batch_size for size in sizes]
        for worst in (min, max)
    )
    axes.fill_between(sizes, low, high, color=colour, alpha=0.2, linewidth=0)
