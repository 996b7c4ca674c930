"""Measure what typical mistakes do to a variational autoencoder; write docs/vae.md.

python -m compare explore --data mnist --model autoencoder,vae --seed 42,43 --out FOLDER
python -m tests.variational [--data mnist] [--epochs 3] [--explore FOLDER --markdown FILE]
"""

from pathlib import Path

import click

from compare import machine
from compare.data import datasets
from compare.data.config import DATASETS, Config
from compare.files import write_text
from compare.options import PATH
from compare.tables import Table, markdown, show_tables
from tests.variational.mistakes import RIGHT, Seen, Trained, measured

TEXT = Path(__file__).with_name("vae.md")
MARKS = ("TRAINING", "SEEN")  # where the text wants the tables
Found = dict[str, tuple[Trained, Seen | None]]


def training_table(found: Found, epochs: int) -> Table:
    """Return what each mistake does to a training, beside the right code."""
    right = found[RIGHT][0].loss
    rows: list[tuple[str, ...]] = [
        (
            name,
            f"{of.loss:.4g}",
            f"{100 * (of.loss / right - 1):+.3g} %",
            f"{of.loss - of.kl:.4g}",
            f"{of.kl:.4g}",
            f"{of.denoised:.4f}",
            f"{of.frechet:.0f}",
            f"{of.confidence:.2f}",
        )
        for name, (of, _) in found.items()
    ]
    columns = (
        "mistake",
        "loss",
        "to the right one",
        "squared error",
        "KL",
        "denoised",
        "Fréchet",
        "confidence",
    )
    return Table(f"After {epochs} epochs", columns, rows)


def seen_table(found: Found) -> Table:
    """Return who sees each mistake, and what the check says."""
    rows: list[tuple[str, ...]] = [
        (name, *("×" if yes else "" for yes in (of.alone, of.formula, of.network)), of.sentence)
        for name, (_, of) in found.items()
        if of
    ]
    columns = ("mistake", "one operation", "complex step", "whole step", "sentence")
    return Table("Who sees it", columns, rows)


@click.command()
@click.option("--markdown", "file", type=PATH)
@click.option("--explore", "folder", type=PATH, help="Has the figures of the right networks.")
@click.option("--epochs", type=click.IntRange(min=1), default=3)
@click.option("--data", type=click.Choice(DATASETS), default="mnist")
@click.option("--data-root", type=PATH, default=Path("data"), envvar="AE_DATA_ROOT")
def main(file: Path | None, folder: Path | None, epochs: int, data: str, data_root: Path) -> None:
    """Measure, print, and write the document."""
    if file and not folder:
        raise click.UsageError("--markdown needs --explore, the folder of an explore")
    machine.set_up(1)
    config = Config(model="vae", epochs=epochs, data=data)
    found: Found = {
        name: (of, by) for name, of, by in measured(datasets.load(data, data_root), config)
    }
    tables = (training_table(found, epochs), seen_table(found))
    show_tables(tables)
    if file and folder:
        text = TEXT.read_text(encoding="utf-8")
        parts = {mark: markdown([table]) for mark, table in zip(MARKS, tables, strict=True)}
        parts["FIGURES"] = (folder / "explore.md").read_text(encoding="utf-8")
        for mark, part in parts.items():
            text = text.replace(f"@{mark}@", part.strip())
        write_text(file, text)


if __name__ == "__main__":
    main()
