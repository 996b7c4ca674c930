"""Measure what averaging does, and what sharing a batch costs; write docs/workers.md.

python -m tests.workers [--data mnist] [--markdown FILE]
"""

import os
from pathlib import Path

import click
import numpy as np

from compare import machine
from compare.data import datasets
from compare.data.config import DATASETS
from compare.files import write_text
from compare.options import PATH
from compare.tables import Table, markdown, show_tables
from compare.training.together import together
from tests.workers.costs import BATCHES, WIDTHS, Cost, costs
from tests.workers.lesson import WAYS, Trained, lesson

TEXT = Path(__file__).with_name("workers.md")
NAMES = {"numpy": "NumPy", "torch": "PyTorch"}
WORKERS = 2
Costs = dict[tuple[str, int, int], Cost]


def lesson_tables(found: dict[tuple[bool, str], Trained], data: str) -> list[Table]:
    """Return what each way comes to beside one process, for Adam and for SGD."""
    tables = []
    for sgd, optimizer in ((False, "Adam"), (True, "SGD")):
        alone = found[sgd, WAYS[0]]
        rows: list[tuple[str, ...]] = [
            (
                way,
                f"{one.loss:.4f}",
                f"{one.loss / alone.loss - 1:+.1e}",
                f"{np.linalg.norm(one.first) / np.linalg.norm(alone.first):.7f}",
                f"{np.abs(one.end - alone.end).max():.1e}",
            )
            for way in WAYS
            for one in [found[sgd, way]]
        ]
        columns = ("way", "loss per image", "relative", "size of first gradient", "parameters")
        title = f"{optimizer}: an epoch of {data}, {WORKERS} workers, beside one process"
        tables.append(Table(title, columns, rows))
    return tables


def cost_table(alone: Costs, shared: Costs) -> Table:
    """Return what a step costs alone and shared, and from which batch on sharing would pay."""
    few, many = BATCHES
    rows: list[tuple[str, ...]] = []
    for name in NAMES:
        for width in WIDTHS:
            one, two = ({b: of[name, width, b] for b in BATCHES} for of in (alone, shared))
            image = (one[many].step - one[few].step) / (many - few)
            fixed = one[few].step - few * image
            exchange = min(of.exchange for of in two.values())
            pays = exchange / (image * (1 - 1 / WORKERS))
            cells = [f"{1e3 * s:.1f}" for b in BATCHES for s in (one[b].step, two[b].step)]
            rows.append(
                (
                    f"{NAMES[name]}, {one[few].parameters:,}",
                    *cells,
                    f"{1e6 * image:.0f}",
                    f"{1e3 * fixed:.1f}",
                    f"{1e3 * exchange:.1f}",
                    f"{pays:,.0f}",
                )
            )
    steps = [f"{who}, batch {b}" for b in BATCHES for who in ("alone", f"{WORKERS} workers")]
    columns = ("parameters", *steps, "image (µs)", "fixed", "exchange", "pays from batch")
    return Table("Milliseconds a step, one thread a worker, float32", columns, rows)


def where() -> str:
    """Say on what machine this was measured, and what else it had to do."""
    load = f"load {os.getloadavg()[0]:.1f} when it ended"
    return f"{machine.machine(machine.describe())}; {load}"


@click.command()
@click.option("--markdown", "file", type=PATH)
@click.option("--data", type=click.Choice(DATASETS), default="mnist")
@click.option("--data-root", type=PATH, default=Path("data"), envvar="AE_DATA_ROOT")
def main(file: Path | None, data: str, data_root: Path) -> None:
    """Measure, print, and write the document."""
    machine.set_up(1)
    images = datasets.load(data, data_root).train_images
    (found, *_) = together(WORKERS, lesson, images)
    alone, shared = (together(count, costs, images)[0] for count in (1, WORKERS))
    tables = [*lesson_tables(found, data), cost_table(alone, shared)]
    show_tables(tables)
    if file:
        parts = {f"TABLE{i}": markdown([table]) for i, table in enumerate(tables)}
        text = TEXT.read_text(encoding="utf-8")
        for mark, table in (parts | {"MACHINE": where(), "WORKERS": f"{WORKERS}"}).items():
            text = text.replace(f"@{mark}@", table.strip())
        write_text(file, text)


if __name__ == "__main__":
    main()
