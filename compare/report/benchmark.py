"""The benchmark as a document: tables for each machine, and plots of cost against size."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from compare import machine
from compare.bench.bench_tables import (
    SIZES,
    at_a_glance,
    by_size,
    earlier,
    reasons,
    tables,
    verdicts,
)
from compare.bench.results import Results, Row
from compare.bench.variants import VARIANTS
from compare.errors import UserError
from compare.files import require_writable, write_text
from compare.report.style import colours, plots, save, styled
from compare.tables import literal, markdown

HEAD = Path(__file__).with_suffix(".md")
NOT_MEASURED = (
    "On CUDA and MPS: not measured. The variants are there (`bench --device cuda`), "
    "and no such device was.\n"
)


def require_place(path: Path) -> None:
    """Raise `UserError` where the document, or its plots beside it, cannot be written."""
    if not path.suffix:
        raise UserError(
            f"{path} has no ending, and its plots go into a folder of its name without; "
            f"call it {path}.md"
        )
    require_writable(path.with_suffix("") / "cost-1.png")


def write(machines: Sequence[Results], path: Path) -> None:
    """Write the document, and its plots into a folder of its name beside it."""
    sections = [HEAD.read_text(encoding="utf-8")]
    # They may be user-supplied.
    machines = [Results.from_dict(literal(results.to_dict())) for results in machines]
    if (glance := at_a_glance(machines)).rows:
        sections.append(markdown([glance]))
    for number, results in enumerate((of for of in machines if not earlier(of)), start=1):
        about = (machine.settings(results.environment), *verdicts(results), *reasons(results))
        where = "" if results.device == "cpu" else f"; torch on {results.device}"
        parts = [
            f"## {machine.machine(results.environment)}{where}",
            "\n".join(f"- {line}" for line in about),
            markdown(tables(results)),
        ]
        if _panels(results):
            picture = path.with_suffix("") / f"cost-{number}.png"
            save(cost(results), picture)
            what = "Cost of an image by batch size, hidden and latent width"
            parts.append(f"![{what}]({picture.relative_to(path.parent)})")
        sections.append("\n\n".join(parts) + "\n")
    if all(results.device == "cpu" for results in machines):
        sections.append(NOT_MEASURED)
    write_text(path, "\n".join(sections))


@styled
def cost(results: Results) -> Figure:
    """Draw microseconds an image against batch size, for each thread count, and both widths."""
    panels = _panels(results)
    rows = -(-len(panels) // 2)
    caption = (
        "Median of a training step, divided by the images in it. "
        "Bands: the fastest round to the slowest."
    )
    figure = plots(3.1 * rows, "What an image costs", caption)
    grid = list(figure.subplots(rows, 2, squeeze=False).flat)
    shown = [name for name in VARIANTS if any(name in found for *_, found in panels)]
    palette = colours("NumPy" if name == "numpy" else VARIANTS[name].label for name in shown)
    for axes, (name, threads, variants) in zip(grid, panels, strict=False):
        for variant, found in variants.items():
            label, sizes = VARIANTS[variant].label, sorted(found)
            measured = [found[size] for size in sizes]
            costs = [row.cost for row in measured]
            low, high = (
                [1e3 * extreme(row.rounds) / row.batch_size for row in measured]
                for extreme in (min, max)
            )
            color = palette[label]
            axes.plot(sizes, costs, marker="o", markersize=4, color=color, label=label)
            axes.fill_between(sizes, low, high, color=color, alpha=0.2, linewidth=0)
        axes.set(
            title=f"{threads} thread{'s' if threads > 1 else ''}",
            xlabel="batch size" if name == "batch_size" else SIZES[name],
            ylabel="µs an image",
            xscale="log",
            yscale="log",
        )
        least, most = axes.get_ylim()  # where costs differ little, no power of ten lies between
        subs = (1, 2, 5) if most > 10 * least else (1, 1.5, 2, 3, 5, 7)
        axes.yaxis.set_major_locator(LogLocator(subs=subs))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_locator(NullLocator())
        axes.set_xticks(sorted({size for found in variants.values() for size in found}))
    for axes in grid[len(panels) :]:
        axes.remove()
    figure.axes[0].legend()
    return figure


def _panels(results: Results) -> list[tuple[str, int, dict[str, dict[int, Row]]]]:
    """Return what varies, the thread count, and the rows by variant and size, for each plot."""
    counts = results.thread_counts
    wanted = [("batch_size", count) for count in counts]
    wanted += [(name, count) for name in ("hidden_dim", "latent_dim") for count in counts[-1:]]
    panels = [(name, count, by_size(results, name, count)) for name, count in wanted]
    return [panel for panel in panels if panel[-1]]
