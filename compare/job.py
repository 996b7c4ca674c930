"""What the commands do: the rooms of the house put to work on one run, in order."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import click

from compare import environment
from compare.console import TrainingProgress, console, show_summary, show_tables, show_verdict
from compare.errors import UserError, clipped
from compare.experiment import data
from compare.experiment.checkpoint import Checkpoint, DriftRecord
from compare.experiment.config import Config
from compare.experiment.data import Dataset
from compare.experiment.divergence import fruitless
from compare.experiment.memory import require_memory
from compare.experiment.quality import Quality, markdown, tables
from compare.experiment.quality import measure as measure_quality
from compare.experiment.showcase import showcase
from compare.experiment.timeline import Timeline
from compare.experiment.training import Training
from compare.files import write_arrays, write_json, write_text
from compare.gather import TIMELINE, gather
from compare.parity.check import check as check_parity
from compare.parity.side import AutoencoderSide
from compare.parity.sides import LABELS, make_side
from compare.runs import CONFIG, FIGURES, Run, claimed


class Prepared(NamedTuple):
    """A run about to go on, and the checkpoints, by side, that it goes on from."""

    run: Run
    starts: Mapping[str, Checkpoint] = MappingProxyType({})


@contextmanager
def prepare(
    overrides: Mapping[str, Any], out: Path | None, resume: Path | None, threads: int | None = None
) -> Iterator[Prepared]:
    """Hold, for this process alone, the folder of a new run; or of one that goes on; or of one from a checkpoint file.

    What goes on does so with the threads it was begun with, unless told otherwise; what else differs is printed.
    """
    folder = _plan(overrides, out, resume).run.folder
    with claimed(folder, CONFIG):
        prepared = _plan(overrides, folder if out or not resume or resume.is_file() else None, resume)  # as it is now
        if resume is not None:
            made_with = [start.environment for start in prepared.starts.values()] or [prepared.run.environment()]
            for difference in environment.go_on_from(made_with[0], threads):
                console.print(f"{clipped(difference)}: the last bits may differ from an unbroken run's", markup=False)
        yield prepared


def _plan(overrides: Mapping[str, Any], out: Path | None, resume: Path | None) -> Prepared:
    """Find out what to work on. A run that goes on may be given more epochs, and nothing else."""
    if resume is None:
        config = Config(**overrides)
        require_memory(config)
        return Prepared(Run.plan(config, out))
    if resume.is_dir():
        if out is not None:
            raise UserError("a resumed run stays in its folder; leave out --out, or resume from a checkpoint file")
        run = Run.open(resume)
        starts = run.checkpoints()
        return Prepared(Run(resume, _continued(run.config, overrides, starts)), starts)
    start = Checkpoint.load(resume)
    starts = dict.fromkeys(LABELS, start)
    return Prepared(Run.plan(_continued(start.config, overrides, starts), out), starts)


def _continued(old: Config, overrides: Mapping[str, Any], starts: Mapping[str, Checkpoint]) -> Config:
    config = replace(old, **overrides)
    require_memory(config)
    if changed := [name for name in overrides if name != "epochs" and getattr(old, name) != getattr(config, name)]:
        raise UserError(f"--{changed[0].replace('_', '-')} cannot change in a resumed run; start a new run for that")
    done = max((len(start.history) for start in starts.values()), default=0)
    if done > config.epochs:
        raise UserError(f"it has {done} epochs already; --epochs must be at least that")
    return config


def load_data(config: Config, data_root: Path, download_deadline: float) -> Dataset:
    """Return the config's data set."""
    return data.load(config.data, data_root, deadline=download_deadline)


def begin(prepared: Prepared, names: Sequence[str], dataset: Dataset) -> None:
    """Write a run's config, and before it the checkpoints from a file elsewhere: whoever resumes the run has none."""
    run, starts = prepared
    for name, start in starts.items():
        start.require_position(len(dataset.train_images))
        if name in names and not run.checkpoint(name).exists():
            replace(start, side=name, config=run.config).save(run.checkpoint(name))
    run.begin()


def set_up(
    prepared: Prepared, names: Sequence[str], dataset: Dataset, *, device: str, checkpoint_every: float
) -> Training:
    """Return the training of the named sides, each where its checkpoint, if there is one, left off."""
    run, starts = prepared
    require_memory(run.config, dataset, sides=len(names))
    sides = {name: make_side(name, run.config, device=device) for name in names}
    begin(prepared, names, dataset)
    training = Training(run.config, dataset, sides, run.folder, checkpoint_every)
    for name, start in starts.items():
        if run.checkpoint(name).exists():
            training.resume(name, start)
            if name in sides and start.side == name:
                _say_where(sides[name], start)
    return training


def _say_where(side: AutoencoderSide, start: Checkpoint) -> None:
    """Print that a side goes on elsewhere than it was, if so: another device has other last bits."""
    then, now = start.environment.get("device"), side.describe().device
    if then != now:
        console.print(
            f"{start.side}: device {then} then, {now} now: the last bits may differ from an unbroken run's",
            markup=False,
        )


def train(
    prepared: Prepared,
    names: Sequence[str],
    *,
    device: str,
    checkpoint_every: float,
    dataset: Dataset | None = None,
    **source: Any,
) -> Training:
    """Train the named sides to the end, from wherever they are."""
    run = prepared.run
    dataset = dataset or load_data(run.config, **source)
    training = set_up(prepared, names, dataset, device=device, checkpoint_every=checkpoint_every)
    training.drift = {record["epoch"]: DriftRecord(**record) for record in run.history()["drift"]}
    timeline = Timeline(run.page(TIMELINE), run.config, dataset)

    def record(name: str, epoch: int) -> None:
        timeline.record(training.sides[name], "epoch", epoch)
        timeline.save()

    per_epoch = len(dataset.train_images)
    with TrainingProgress({LABELS[name]: per_epoch * run.config.epochs for name in names}) as progress:
        for name in names:
            progress.skip(LABELS[name], training.images_seen(name))
        training.run(lambda name, images, loss: progress.step(LABELS[name], images, loss), record)
    for name in names:
        errors = [past.test_mse for past in training.histories[name]]
        if trouble := fruitless(errors, dataset.test_images):
            console.print(f"{LABELS[name]} has learnt nothing yet: {trouble}", markup=False)
    return training


def faults(markdown_file: Path | None, *, device: str) -> bool:
    """Run the negative controls, print what the check says of each; return whether all were caught and named."""
    from compare.parity.controls import control, explanations, matrix
    from compare.parity.faults import FAULTS

    images = data.load("digits", Path()).train_images
    with console.status("planting mistakes"):
        found = [control(fault, images, device=device) for fault in FAULTS]
    show_tables([matrix(found)])
    for missed in (c for c in found if not c.named):
        console.print(f"{missed.fault.operation}, {missed.fault.name}: {missed.sentence}", markup=False)
    if markdown_file:
        write_text(markdown_file, markdown([matrix(found), explanations(found)]))
    return all(c.named for c in found)


def healthy(count: int, markdown_file: Path | None) -> bool:
    """Check random networks with nothing wrong, print every false alarm and the count; return whether there is none."""
    from compare.parity.healthy import census, false_alarms

    images = data.load("digits", Path()).train_images
    cases, alarms = [], 0
    with console.status("checking healthy networks"):
        for case, off in false_alarms(count, images):
            cases.append(case)
            alarms += bool(off)
            for finding in off[:1]:
                console.print(f"{case}: {finding}", markup=False)
    show_tables([census(cases, alarms)])
    if markdown_file:
        write_text(markdown_file, markdown([census(cases, alarms)]))
    return alarms == 0


def measure(run: Run, dataset: Dataset, *, device: str) -> Quality:
    """Measure the trained sides on the test set; write the numbers and their tables."""
    quality = measure_quality(run.config, dataset, run.trained_sides(device=device))
    write_json(run.folder / "quality.json", quality)
    write_text(run.folder / "quality.md", markdown(tables(quality)))
    return quality


def draw(
    run: Run, *, device: str, method: str = "umap", dataset: Dataset | None = None, **source: Any
) -> Iterator[Path]:
    """Draw a run's pictures from its checkpoints, history and check; yield each one's path."""
    from compare.report import pictures

    dataset = dataset or load_data(run.config, **source)
    sides = run.trained_sides(device=device)
    show = showcase(run.config, dataset, sides, method=method)
    write_arrays(run.folder / "latent.safetensors", show.latents, {"method": show.method})
    layers = next(iter(sides.values())).describe().layers
    yield from pictures.draw(run.folder / FIGURES, dataset, layers, show, run.history(), run.check())


def run_all(prepared: Prepared, *, device: str, checkpoint_every: float, faults: bool = True, **source: Any) -> bool:
    """Do everything, in order, into the run's folder; return whether the check held.

    Without `faults`, the page goes without the planted mistakes, which take the longest to gather.
    """
    run = prepared.run
    dataset = load_data(run.config, **source)
    require_memory(run.config, dataset, sides=len(LABELS))
    with console.status("checking parity"):
        found = check_parity(run.config, dataset.train_images, device=device)
    begin(prepared, tuple(LABELS), dataset)
    write_json(run.folder / "check.json", found.to_dict())
    show_verdict(found)
    training = train(prepared, tuple(LABELS), device=device, checkpoint_every=checkpoint_every, dataset=dataset)
    with console.status("measuring quality"):
        quality = measure(run, dataset, device=device)
    with console.status("drawing"):
        paths = list(draw(run, device=device, dataset=dataset))
    with console.status("gathering what the page shows"):
        gather(run, dataset, device=device, faults=faults)
    page = report(run)
    show_summary(run.config, found, quality, training)
    click.echo(f"{len(paths)} pictures in {run.folder / 'figures'}; all numbers in {run.folder / 'quality.md'}")
    click.echo(f"the page of this run: {page}")
    return found.held


def report(run: Run, path: Path | None = None) -> Path:
    """Write a run's page from what lies in its folder; return its path."""
    from compare.report.page.page import write

    path = path or run.folder / "report.html"
    write(run, path)
    return path
