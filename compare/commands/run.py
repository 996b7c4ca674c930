"""What `run` does: everything, in order, into one folder; and what the page shows besides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table

from compare import machine
from compare.check.diagnosis import Report
from compare.check.observed import observe_step
from compare.check.stages import check as check_parity
from compare.commands.check import show_verdict
from compare.commands.figures import draw
from compare.commands.report import write_page
from compare.commands.train import Prepared, begin, prepare, train_sides
from compare.controls.controls import SMALL
from compare.controls.demonstrations import demonstrate
from compare.controls.faults import KNOWN
from compare.controls.injection import Fault
from compare.data import datasets
from compare.data.batches import Purpose, steps_per_epoch, stream
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.files import read_arrays, write_arrays, write_json, write_text
from compare.quality.codecs import Error
from compare.quality.questions import Quality, tables
from compare.quality.questions import measure as measure_quality
from compare.quality.samples import latent_map
from compare.sides.subject import LABELS, make_side, our_own
from compare.tables import markdown
from compare.terminal import console
from compare.training.checkpoint import Checkpoint
from compare.training.memory import require_memory
from compare.training.runs import DEMONSTRATIONS, LATENT_MAP, STEP, TIMELINE, Run
from compare.training.timeline import Timeline, record_first_steps
from compare.training.training import Training


def run(
    overrides: Mapping[str, Any],
    out: Path | None,
    resume: Path | None,
    no_faults: bool,
    threads: int | None,
    **how: Any,
) -> bool:
    """Do everything, in order, into one folder; return whether the check held.

    With `no_faults`, the page goes without the injected ones, which take the longest to gather.
    """
    machine.set_up(threads)
    with prepare(overrides, out, resume, threads) as prepared:
        return run_all(prepared, faults=not no_faults, **how)


def run_all(
    prepared: Prepared, *, device: str, checkpoint_every: float, faults: bool, **source: Any
) -> bool:
    """Do everything, in order, into a prepared folder; return whether the check held."""
    run = prepared.run
    dataset = datasets.load(run.config.data, **source)
    require_memory(run.config, dataset, sides=len(LABELS))
    with console.status("checking parity"):
        found = check_parity(run.config, dataset.train_images, device=device)
    begin(prepared, tuple(LABELS), dataset)
    write_json(run.folder / "check.json", found.to_dict())
    show_verdict(found)
    training = train_sides(
        prepared, tuple(LABELS), device=device, checkpoint_every=checkpoint_every, dataset=dataset
    )
    with console.status("measuring quality"):
        quality = measure(run, dataset, device=device)
    with console.status("drawing"):
        paths = list(draw(run, device=device, dataset=dataset))
    with console.status("gathering what the page shows"):
        gather(run, dataset, device=device, faults=faults)
    page = write_page(run)
    show_summary(run.config, found, quality, training)
    click.echo(
        f"{len(paths)} pictures in {run.folder / 'figures'}; "
        f"all numbers in {run.folder / 'quality.md'}"
    )
    click.echo(f"the page of this run: {page}")
    return found.held


def measure(run: Run, dataset: Dataset, *, device: str) -> Quality:
    """Measure the trained sides on the test set; write the numbers and their tables."""
    quality = measure_quality(run.config, dataset, run.trained_sides(device=device))
    write_json(run.folder / "quality.json", quality)
    write_text(run.folder / "quality.md", markdown(tables(quality)))
    return quality


def gather(run: Run, dataset: Dataset, *, device: str, faults: bool = True) -> None:
    """Gather everything that a finished run's page shows; the faults take the longest."""
    gather_step(run, dataset, device=device)
    gather_latent_map(run, dataset, device=device)
    gather_first_steps(run, dataset, device=device)
    if faults:
        gather_faults(run, KNOWN)  # which repeat many of the others


def gather_step(run: Run, dataset: Dataset, *, device: str) -> None:
    """Observe the step that would come next, on both sides, from where the NumPy side stands."""
    checkpoint = Checkpoint.load(run.checkpoint("numpy"))
    per_epoch = steps_per_epoch(run.config, len(dataset.train_images))
    number = len(checkpoint.history) * per_epoch + checkpoint.part.steps + 1
    subject = our_own(
        dataset.train_images, device=device, start=dict(checkpoint.state), step=number
    )
    tensors, pictures = observe_step(subject, run.config, stream(Purpose.CHECK, run.config.seed, 6))
    layers = subject.ours(run.config).describe().layers
    header = {
        "number": number,
        "layers": [list(layer) for layer in layers],
        "tensors": [asdict(tensor) for tensor in tensors],
    }
    write_arrays(run.page(STEP), pictures, header)


def gather_latent_map(run: Run, dataset: Dataset, *, device: str) -> None:
    """Keep codes, places and images for the page's latent map; the places are the pictures'."""
    places, header = read_arrays(run.folder / "latent.safetensors")
    arrays = latent_map(
        run.config, dataset, run.trained_sides(device=device), places, header["method"]
    )
    write_arrays(run.page(LATENT_MAP), arrays, {**header, "class_names": list(dataset.class_names)})


def gather_first_steps(run: Run, dataset: Dataset, *, device: str) -> None:
    """Take the run's first steps again, on each side, and add them to its timeline."""
    timeline = Timeline(run.page(TIMELINE), run.config, dataset)
    for name in LABELS:
        side = make_side(name, run.config, device=device)
        record_first_steps(timeline, side, run.config, dataset.train_images)
    timeline.save()


def gather_faults(run: Run, faults: Sequence[Fault]) -> None:
    """Keep what the check finds of some faults, on the bundled digits, and of none."""
    images = datasets.load("digits").train_images
    shown, arrays = [], {}
    for number, fault in enumerate((None, *faults)):
        found, looked = demonstrate(fault, images)
        shown.append(asdict(found))
        if looked:
            for label, part in zip(LABELS.values(), (looked.ours, looked.reference), strict=True):
                arrays[f"{label}/{number}"] = part
            arrays[f"apart/{number}"] = np.abs(looked.ours - looked.reference)
    side = make_side("numpy", SMALL)
    layers = [list(layer) for layer in side.describe().layers]
    write_arrays(
        run.page(DEMONSTRATIONS),
        arrays,
        {"exhibits": shown, "layers": layers, "batch": SMALL.batch_size},
    )


def show_summary(config: Config, report: Report, quality: Quality, training: Training) -> None:
    """Print what a run came to, on one screen."""
    labels = [LABELS[name] for name in training.sides]
    table = Table(
        title=f"{config.data}, epochs: {config.epochs}",
        title_justify="left",
        title_style="bold",
        box=None,
    )
    table.add_column("")
    for column in (*labels, "PCA", "noisy input"):
        table.add_column(column, justify="right")
    final = {LABELS[name]: training.histories[name] for name in training.sides}

    def row(
        title: str, cell: Callable[[str], str], columns: Sequence[str] = (*labels, "PCA")
    ) -> None:
        table.add_row(title, *(cell(column) for column in columns))

    pixels, neighbours = quality["pixels"], quality["neighbours"]
    row("training loss per image", lambda side: f"{final[side][-1].loss:.3f}", labels)
    row(
        "denoised test MSE per pixel",
        lambda of: _mse(pixels[of]["denoised"]),
        (*labels, "PCA", "noisy input"),
    )
    row(
        "the same, PSNR in dB",
        lambda of: _psnr(pixels[of]["denoised"]),
        (*labels, "PCA", "noisy input"),
    )
    row("clean reconstructions, MSE", lambda of: _mse(pixels[of]["clean"]))
    row("5-NN accuracy in the latent", lambda of: f"{neighbours[of]['clean_accuracy']:.3f}")
    row(
        "seconds of training",
        lambda side: f"{sum(record.seconds for record in final[side]):.1f}",
        labels,
    )
    console.print()
    console.print(table)
    show_verdict(report)
    last = training.drift[config.epochs]
    console.print(
        f"{config.dtype}, {config.epochs} epochs apart: "
        f"losses {last.loss:.1e}, parameters {last.parameters:.1e}"
    )


def _mse(error: Error | None) -> str:
    return f"{error['mse']:.4f}" if error else ""


def _psnr(error: Error | None) -> str:
    return f"{error['psnr']:.1f}" if error and error["psnr"] is not None else ""
