"""The benchmark as a document: a section of tables for each machine, and plots of cost against size."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from compare import environment
from compare.bench.lanes import LANES
from compare.bench.results import Results, Row
from compare.bench.tables import by_size, reasons, tables, verdicts
from compare.experiment.quality import markdown
from compare.files import write_whole
from compare.report.style import colours, plots, save, styled

HEAD = """# Benchmarks

Made by `make bench-full MACHINE=name`: `python -m compare bench --json FILE`, then `bench --from FILE --from OTHER
--markdown docs/benchmarks.md`, which shows each machine. Every lane that trains runs in a process of its own, on the
same weights, batches and noise; its first step is judged as the check judges a network's
(the column *error*: the worst error in units of what rounding allows) before it is timed. Lanes take turns, forwards
and then backwards; times are medians over all turns with the 10th and 90th percentiles, ratios are medians of the
ratios within a turn with a 95 % bootstrap interval. The products floor is the 11 matrix products of a step by the
faster library; the full floor adds the 28 bytes that Adam must move for each parameter, at the bandwidth of
`a + b → c` over as many numbers. *ready* is the time to the end of the first step, compilation and capture included;
scikit-learn's network is not ours (no sigmoid at the end, a ReLU on the latent, half the mean squared error), and
what is not ours is not judged.
"""
NOT_MEASURED = "On CUDA and MPS: not measured. The lanes are there (`bench --device cuda`), and no such device was.\n"


def write(machines: Sequence[Results], path: Path) -> None:
    """Write the document, and its plots into a folder of its name beside it."""
    sections = [HEAD]
    for number, results in enumerate(machines, start=1):
        lines = "\n".join(f"- {line}" for line in (*verdicts(results), *reasons(results)))
        parts = [f"## {environment.machine(results.environment)}", lines, markdown(tables(results))]
        if any(by_size(results, name, threads) for name, threads in _panels(results)):
            picture = path.with_suffix("") / f"cost-{number}.png"
            save(cost(results), picture)
            parts.append(
                f"![Cost of an image by batch size, hidden and latent width]({picture.relative_to(path.parent)})"
            )
        sections.append("\n\n".join(parts) + "\n")
    if all(results.device == "cpu" for results in machines):
        sections.append(NOT_MEASURED)
    write_whole(path, "\n".join(sections).encode())


@styled
def cost(results: Results) -> Figure:
    """Draw microseconds an image against batch size, for each number of threads, and against both widths."""
    panels = [(name, threads) for name, threads in _panels(results) if by_size(results, name, threads)]
    rows = -(-len(panels) // 2)
    caption = "Median of a training step, divided by the images in it. Both axes are logarithmic."
    figure = plots(3.1 * rows, "What an image costs", caption)
    grid = figure.subplots(rows, 2, squeeze=False).flat
    lanes = [lane for lane in LANES if any(lane in by_size(results, *panel) for panel in panels)]
    palette = colours("NumPy" if lane == "numpy" else LANES[lane].label for lane in lanes)
    for axes, (name, threads) in zip(grid, panels, strict=False):
        axes.set_title(f"{threads} thread{'s' if threads > 1 else ''}")
        axes.set_xlabel({"batch_size": "batch size", "hidden_dim": "hidden width", "latent_dim": "latent width"}[name])
        axes.set_ylabel("µs an image")
        for lane, found in by_size(results, name, threads).items():
            _line(axes, found, LANES[lane].label, palette[LANES[lane].label])
        axes.set(xscale="log", yscale="log")
        axes.yaxis.set_major_locator(
            LogLocator(subs=(1, 2, 5))
        )  # where costs differ little, no power of ten lies between
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_locator(NullLocator())
        axes.set_xticks(sorted({size for found in by_size(results, name, threads).values() for size in found}))
    for axes in list(grid)[len(panels) :]:
        axes.remove()
    figure.axes[0].legend()
    return figure


def _panels(results: Results) -> list[tuple[str, int]]:
    threads = sorted({row.threads for row in results.rows})
    return [("batch_size", count) for count in threads] + [(name, threads[-1]) for name in ("hidden_dim", "latent_dim")]


def _line(axes: Axes, found: dict[int, Row], label: str, colour: str) -> None:
    sizes = sorted(found)
    axes.plot(sizes, [found[size].cost for size in sizes], marker="o", markersize=4, color=colour, label=label)
