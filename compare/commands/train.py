"""What `train` does: prepare a folder, and train one side or both in it, from wherever they are."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click

from compare import machine
from compare.data import datasets
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError, clipped
from compare.progress import TrainingProgress, console
from compare.sides.subject import LABELS, make_side
from compare.training.checkpoint import Checkpoint, DriftRecord
from compare.training.crew import ALONE, Crew, at_work, follow
from compare.training.memory import require_memory
from compare.training.runs import CONFIG, TIMELINE, Run, claimed
from compare.training.timeline import Timeline
from compare.training.training import Training


class Prepared(NamedTuple):
    """A run about to go on, the checkpoints, by side, that it starts from, and a batch's shards."""

    run: Run
    starts: Mapping[str, Checkpoint]
    file: Path | None = None  # where these are to be copied from
    shards: int = 1


def train(
    overrides: Mapping[str, Any],
    side: str | None,
    out: Path | None,
    resume: Path | None,
    threads: int | None,
    device: str,
    checkpoint_every: float,
    crew: Crew,
    **source: Any,
) -> None:
    """Train one side, or "both", in a folder, by default those of `resume`; print which folder."""
    machine.set_up(crew.threads(threads))
    if crew.rank:
        follow(crew, device, **source)
        return
    with prepare(overrides, out, resume, threads, crew) as prepared:
        names = prepared.run.sides() or tuple(prepared.starts) or tuple(LABELS)
        if side:
            names = tuple(LABELS) if side == "both" else (side,)
        dataset = datasets.load(prepared.run.config.data, **source)
        how: dict[str, Any] = {"checkpoint_every": checkpoint_every, "crew": crew, **source}
        train_sides(prepared, names, dataset, device=device, **how)
    click.echo(f"checkpoints and history: {prepared.run.folder}")


@contextmanager
def prepare(
    overrides: Mapping[str, Any],
    out: Path | None,
    resume: Path | None,
    threads: int | None = None,
    crew: Crew = ALONE,
) -> Iterator[Prepared]:
    """Hold, for this process alone, the folder of a run: a new one, or one that goes on.

    What goes on does so with the threads and shards it was begun with, unless told otherwise; what
    else differs is printed.
    """
    folder = _plan(overrides, out, resume).run.folder
    in_place = not out and resume is not None and not resume.is_file()
    with claimed(folder, CONFIG):
        prepared = _plan(overrides, None if in_place else folder, resume)  # as it is now
        if resume:
            made_with = [start.environment for start in prepared.starts.values()]
            earlier = (made_with or [prepared.run.environment()])[0]
            go_on_from(earlier, threads)
            # Of a run that goes on, the config knows better than a checkpoint that it starts from.
            shards = _go_on_in_shards(prepared.run.environment() if in_place else earlier, crew)
        else:
            shards = crew.shards_of()
        yield prepared._replace(shards=shards)


def go_on_from(earlier: Mapping[str, Any], threads: int | None, what: str = "run") -> None:
    """Work with an earlier environment's threads, or with `threads`; print what differs."""
    for difference in machine.go_on_from(earlier, threads):
        _warn(clipped(difference), what)


def _go_on_in_shards(earlier: Mapping[str, Any], crew: Crew) -> int:
    """Return how many shards a batch is cut into from now on; print where that differs."""
    then = earlier.get("shards")
    if not isinstance(then, int) or then < 1:
        then = 1  # as it was before there were shards
    if (shards := crew.shards_of(then)) != then:
        _warn(f"shards {then} then, {shards} now")
    return shards


def _warn(difference: str, what: str = "run") -> None:
    console.print(f"{difference}: the last bits may differ from an unbroken {what}'s", markup=False)


def _plan(overrides: Mapping[str, Any], out: Path | None, resume: Path | None) -> Prepared:
    """Find out what to work on. A run that goes on may be given more epochs, and nothing else."""
    if resume is None:
        config = Config(**overrides)
        require_memory(config)
        return Prepared(Run.plan(config, out), {})
    if not resume.exists():
        raise UserError(f"there is no {resume}; give a run's folder, or a checkpoint in one")
    if resume.is_dir():
        if out is not None:
            raise UserError(
                "a resumed run stays in its folder; "
                "leave out --out, or resume from a checkpoint file"
            )
        run = Run.open(resume)
        starts = {**run.unfinished_copies(), **run.checkpoints()}
        return Prepared(Run(resume, _continued(run.config, overrides, starts)), starts)
    start = Checkpoint.load(resume)
    starts = dict.fromkeys(LABELS, start)
    run = Run.plan(_continued(start.config, overrides, starts), out)
    return Prepared(run, starts, resume.resolve())


def _continued(
    old: Config, overrides: Mapping[str, Any], starts: Mapping[str, Checkpoint]
) -> Config:
    config = replace(old, **overrides)
    require_memory(config)
    for name in overrides:
        if name != "epochs" and getattr(old, name) != getattr(config, name):
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option} cannot change in a resumed run; start a new run for that")
    done = max((len(start.history) for start in starts.values()), default=0)
    if done > config.epochs:
        raise UserError(f"it has {done} epochs already; --epochs must be at least that")
    return config


def begin(prepared: Prepared, names: Sequence[str], dataset: Dataset) -> None:
    """Write a run's config, and the checkpoints that it starts from, if elsewhere.

    Until these are copied, the config says from where: a process killed in between can go on.
    """
    run, starts, file, shards = prepared
    for start in starts.values():
        start.require_position(len(dataset.train_images))
    if file:
        run.begin(names, shards, copying=file)
    for name, start in starts.items():
        if name in names and not run.checkpoint(name).exists():
            replace(start, side=name, config=run.config).save(run.checkpoint(name))
    run.begin(names, shards)


def set_up(
    prepared: Prepared,
    names: Sequence[str],
    dataset: Dataset,
    *,
    device: str,
    checkpoint_every: float,
    workers: int = 1,
) -> Training:
    """Return the training of the named sides, each from its checkpoint where there is one.

    The `workers` are those on this machine.
    """
    run, starts, _, shards = prepared
    require_memory(run.config, dataset, sides=len(names), shards=shards, workers=workers)
    sides = {name: make_side(name, run.config, device=device) for name in names}
    begin(prepared, names, dataset)
    training = Training(run.config, dataset, sides, run.folder, checkpoint_every, shards)
    for name, start in starts.items():
        if run.checkpoint(name).exists():
            training.resume(name, start)
            if name in sides and start.side == name:
                then, now = start.environment.get("device"), sides[name].describe().device
                if then != now:
                    _warn(f"{name}: device {then} then, {now} now")
    return training


def train_sides(
    prepared: Prepared,
    names: Sequence[str],
    dataset: Dataset,
    *,
    device: str,
    checkpoint_every: float,
    crew: Crew = ALONE,
    **source: Any,
) -> Training:
    """Train the named sides to the end, from wherever they are, alone or as a crew.

    The other workers load the data set from `source`.
    """
    run = prepared.run
    training = set_up(
        prepared,
        names,
        dataset,
        device=device,
        checkpoint_every=checkpoint_every,
        workers=crew.here,
    )
    training.drift = {record["epoch"]: DriftRecord(**record) for record in run.history()["drift"]}
    timeline = Timeline(run.page(TIMELINE), run.config, dataset)

    def record(name: str, epoch: int) -> None:
        timeline.record(training.sides[name], "epoch", epoch)
        timeline.save()

    images = len(dataset.train_images) * run.config.epochs
    with (
        at_work(training, crew, device, **source),
        TrainingProgress({LABELS[name]: images for name in names}) as progress,
    ):
        for name in names:
            progress.skip(LABELS[name], training.images_seen(name))
        training.run(lambda name, images, loss: progress.step(LABELS[name], images, loss), record)
    for name in names:
        if trouble := training.fruitless(name):
            console.print(f"{LABELS[name]} {trouble}", markup=False)
    return training
