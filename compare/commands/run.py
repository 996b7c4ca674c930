"""What `run` does: everything, in order, into one folder; and what the page shows besides."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from rich.table import Table

from compare import machine
from compare.check.check_report import Report
from compare.check.observed import observe_step
from compare.check.stages import check as check_parity
from compare.commands.check import show_verdict
from compare.commands.figures import draw
from compare.commands.report import write_page
from compare.commands.train import begin, prepare, train_sides
from compare.controls.controls import SMALL, small
from compare.controls.demonstrations import demonstrate
from compare.controls.faults import FAULTS, KNOWN
from compare.controls.injection import Fault
from compare.data import datasets
from compare.data.batches import Purpose, steps_per_epoch, stream
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.files import read_arrays, write_arrays, write_json, write_text
from compare.progress import console
from compare.quality.codecs import Error
from compare.quality.drawn import FITTED, REAL, STANDARD, YARDSTICKS
from compare.quality.questions import Quality, digits, measure, tables
from compare.quality.remarks import remarks
from compare.quality.samples import latent_map
from compare.sides.subject import LABELS, make_side, our_own
from compare.tables import markdown
from compare.training.checkpoint import Checkpoint
from compare.training.crew import Crew, follow
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
    device: str,
    checkpoint_every: float,
    crew: Crew,
    **source: Any,
) -> bool:
    """Do everything, in order, into one folder; return whether the check held.

    With `no_faults`, the page goes without the injected ones, which take the longest to gather.
    """
    machine.set_up(crew.threads(threads))
    if crew.rank:
        follow(crew, device, **source)
        return True
    with prepare(overrides, out, resume, threads, crew) as prepared:
        run = prepared.run
        dataset = datasets.load(run.config.data, **source)
        require_memory(run.config, dataset, sides=len(LABELS))  # the check takes whole batches
        with console.status("checking parity"):
            found = check_parity(run.config, dataset.train_images, device=device)
        names = tuple(LABELS)
        begin(prepared, names, dataset)
        write_json(run.folder / "check.json", found.to_dict())
        console.print(f"parity check: {'passed' if found.held else found.sentence}", markup=False)
        how: dict[str, Any] = {"checkpoint_every": checkpoint_every, "crew": crew, **source}
        training = train_sides(prepared, names, dataset, device=device, **how)
        with console.status("measuring quality"):
            quality = measure(run.config, dataset, run.trained_sides(device=device))
            write_json(run.folder / "quality.json", quality)
            write_text(run.folder / "quality.md", markdown(tables(quality)))
        with console.status("drawing"):
            pictures = len(list(draw(run, dataset, device=device)))
        with console.status("gathering what the page shows"):
            gather(run, dataset, device, faults=not no_faults)
        page = write_page(run)
        show_summary(run.config, found, quality, training)
        figures, numbers = run.folder / "figures", run.folder / "quality.md"
        click.echo(f"{pictures} pictures in {figures}; all numbers in {numbers}")
        click.echo(f"the page of this run: {page}")
    return found.held


def gather(run: Run, dataset: Dataset, device: str, *, faults: bool) -> None:
    """Gather everything that a finished run's page shows; the faults take the longest."""
    gather_step(run, dataset, device)
    gather_latent_map(run, dataset, device)
    timeline = Timeline(run.page(TIMELINE), run.config, dataset)
    for name in LABELS:  # the run's first steps again
        side = make_side(name, run.config, device=device)
        record_first_steps(timeline, side, run.config, dataset.train_images)
    timeline.save()
    if faults:
        of_model = [fault for fault in KNOWN if fault.model == run.config.model]
        gather_faults(run, of_model)  # the held-out ones repeat many of these


def gather_step(run: Run, dataset: Dataset, device: str) -> None:
    """Observe the step that would come next, on both sides, from where the NumPy side stands."""
    checkpoint, images = Checkpoint.load(run.checkpoint("numpy")), dataset.train_images
    done = len(checkpoint.history) * steps_per_epoch(run.config, len(images))
    number = done + checkpoint.part.steps + 1
    subject = our_own(images, device=device, start=dict(checkpoint.state), step=number)
    tensors, pictures = observe_step(subject, run.config, stream(Purpose.CHECK, run.config.seed, 6))
    header = {
        "number": number,
        "layers": subject.ours(run.config).describe().layers,
        "tensors": [asdict(tensor) for tensor in tensors],
    }
    write_arrays(run.page(STEP), pictures, header)


def gather_latent_map(run: Run, dataset: Dataset, device: str) -> None:
    """Keep codes, places and images for the page's latent map; the places are the pictures'."""
    places, header = read_arrays(run.folder / "latent.safetensors")
    sides = run.trained_sides(device=device)
    arrays = latent_map(run.config, dataset, sides, places, header["method"])
    write_arrays(run.page(LATENT_MAP), arrays, {**header, "class_names": dataset.class_names})


def gather_faults(run: Run, faults: Sequence[Fault]) -> None:
    """Keep what the check finds of some faults, on the bundled digits, and of none."""
    images = datasets.load("digits").train_images
    shown, arrays = [], {}
    for number, fault in enumerate((None, *faults)):
        found, looked = demonstrate(fault, images, run.config.model)
        shown.append(asdict(found))
        if looked:
            for label, part in zip(LABELS.values(), (looked.ours, looked.reference), strict=True):
                arrays[f"{label}/{number}"] = part
            arrays[f"apart/{number}"] = np.abs(looked.ours - looked.reference)
    layers = make_side("numpy", small(run.config.model)).describe().layers
    header = {
        "exhibits": shown,
        "all": sum(fault.model == run.config.model for fault in FAULTS),
        "layers": layers,
        "batch": SMALL.batch_size,
    }
    write_arrays(run.page(DEMONSTRATIONS), arrays, header)


def show_summary(config: Config, report: Report, quality: Quality, training: Training) -> None:
    """Print what a run came to, on one screen."""
    records = {LABELS[name]: training.histories[name] for name in training.sides}
    pixels = quality["pixels"]
    others = ("PCA", "Wiener filter", "noisy input")
    denoised = {name: pixels[name]["denoised"] for name in (*records, *others)}
    clean = {name: pixels[name]["clean"] for name in denoised}
    rows = {
        "training loss per image": [f"{of[-1].loss:.3f}" for of in records.values()],
        "denoised test MSE per pixel": [_number(of, "mse", 4) for of in denoised.values()],
        "the same, PSNR in dB": [_number(of, "psnr", 1) for of in denoised.values()],
        "clean reconstructions, MSE": [_number(of, "mse", 4) for of in clean.values()],
        "5-NN accuracy in the latent": [
            f"{quality['neighbours'][name]['clean_accuracy']:.3f}" for name in (*records, "PCA")
        ],
        "seconds of training": [f"{sum(r.seconds for r in of):.1f}" for of in records.values()],
    }
    title = f"{config.data}, epochs: {config.epochs}"
    table = Table("", title=title, title_justify="left", title_style="bold", box=None)
    for name in denoised:
        table.add_column(name, justify="right")
    for what, cells in rows.items():
        table.add_row(what, *cells)
    for shown in (table, _samples(quality, list(records))):
        console.print()
        console.print(shown)
    console.print()
    for remark in remarks(config.latent_dim, quality):
        console.print(remark, markup=False)
    show_verdict(report)
    last = training.drift[config.epochs]
    console.print(
        f"{config.dtype}, {config.epochs} epochs apart: "
        f"losses {last.loss:.1e}, parameters {last.parameters:.1e}"
    )


def _samples(quality: Quality, sides: Sequence[str]) -> Table:
    """Return what each side decodes from random latents beside real images, a row to each."""
    drawn = {
        f"{kind}, {side}": quality["samples"][side][kind]
        for kind in (STANDARD, FITTED)
        for side in sides
    }
    table = Table("random latents, decoded", box=None, title_justify="left")
    for name in ("Fréchet distance", "nearest image, relative", "confidence"):
        table.add_column(name, justify="right")
    for name, of in (*drawn.items(), (REAL, quality["samples"][YARDSTICKS][REAL])):
        table.add_row(f" {name}", *map(digits, (of["frechet"], of["relative"], of["confidence"])))
    return table


def _number(error: Error | None, which: Literal["mse", "psnr"], places: int) -> str:
    value = error[which] if error else None
    return "" if value is None else f"{value:.{places}f}"
