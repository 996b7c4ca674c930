"""What `figures` does: draw the pictures of a run from its checkpoints."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from compare import machine
from compare.data import datasets
from compare.data.datasets import Dataset
from compare.files import write_arrays
from compare.quality.samples import take_samples
from compare.training.runs import FIGURES, Run


def figures(run: Path, method: str, device: str, threads: int | None, **source: Any) -> None:
    """Draw the pictures of a run's folder; print each one's path."""
    machine.set_up(threads)
    opened = Run.open(run)
    dataset = datasets.load(opened.config.data, **source)
    for path in draw(opened, dataset, device=device, method=method):
        click.echo(path)


def draw(run: Run, dataset: Dataset, *, device: str, method: str = "umap") -> Iterator[Path]:
    """Draw a run's pictures from its checkpoints, history and check; yield each one's path."""
    from compare.report import figures

    sides = run.trained_sides(device=device)
    show = take_samples(run.config, dataset, sides, method=method)
    write_arrays(run.folder / "latent.safetensors", show.latents, {"method": show.method})
    layers = next(iter(sides.values())).describe().layers
    results = (run.latest_history(), run.check(), run.config.dtype)
    yield from figures.draw(run.folder / FIGURES, dataset, layers, show, *results)
