"""The options that commands share; a bad value is told before any work."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from compare.data.config import Config
from compare.errors import UserError
from compare.files import require_writable

Command = Callable[..., bool | None]
MOST_WORKERS = 1024


class Seconds(click.FloatRange):
    """A span of time: a number that is not NaN, and no more than a year."""

    def __init__(self, least: float) -> None:
        super().__init__(min=least, max=366 * 24 * 3600.0)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail("nan is no number of seconds", param, ctx)
        return seconds


class Place(click.Path):
    """Where a file or a folder will be written: below a folder that may be written in."""

    def __init__(self, *, folder: bool = False) -> None:
        super().__init__(path_type=Path)
        self._folder = folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
        reason = None
        if not str(value) or (not self._folder and path.is_dir()):
            reason = f"{str(value)!r} is no name for a file"
        elif not there.is_dir() and (self._folder or there != path):
            reason = f"{there} is a file, not a folder"
        elif there == path and not (path.is_dir() or path.is_file()):
            reason = f"{path} is not a file"
        else:
            try:
                require_writable(path / "file" if self._folder else path)
            except UserError as error:
                reason = str(error)
        if reason:
            self.fail(reason, param, ctx)
        return path


def refuse_beside(why: str, *, but: Sequence[str]) -> None:
    """Raise `click.UsageError` where a command was given options that do nothing here, and why."""
    context = click.get_current_context()
    for param in context.command.params:
        given = context.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if given and param.name not in but:
            raise click.UsageError(f"{why}: leave out {param.opts[0]}")


def hyperparameters(command: Command, *, but: Sequence[str] = (), lists: bool = False) -> Command:
    """Give a command an option for every field of `Config`, but some.

    The command receives those that were set, as `overrides`. With `lists`, each option takes values
    separated by commas: `--latent-dim 2,4,10`.
    """
    offered = [f for f in fields(Config) if f.name not in but]

    @wraps(command)
    def with_overrides(**options: Any) -> bool | None:
        given = {f.name: options.pop(f.name) for f in offered}
        set_here = {name: value for name, value in given.items() if value is not None}
        return command(overrides=set_here, **options)

    for f in reversed(offered):
        choices = f.metadata.get("choices")
        kind = click.Choice(choices) if choices else click.types.convert_type(f.type)
        name = "|".join(choices) if choices else kind.name.upper()
        listed = {"callback": partial(_split, kind), "metavar": f"{name},…"}
        with_overrides = click.option(
            f"--{f.name.replace('_', '-')}",
            help=f"{f.metadata['help']}  [default: {f.default}]",
            **listed if lists else {"type": kind},
        )(with_overrides)
    return with_overrides


def _split(
    kind: click.ParamType[Any], context: click.Context, option: click.Parameter, value: str | None
) -> list[Any] | None:
    if value is None:
        return None
    return [kind.convert(part.strip(), option, context) for part in value.split(",")]


def _all(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return one decorator in place of several: the first of them comes first in --help."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


PATH = click.Path(path_type=Path)
device_option = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda", "mps"]),
    default="cpu",
    help="Where the torch side runs; NumPy runs on the CPU.",
)


def threads_option(default: str) -> Callable[[Command], Command]:
    """Return --threads, with what --help says of none."""
    what = f"Threads of BLAS and torch.  [default: {default}]"
    return click.option("--threads", type=click.IntRange(1, 1024), help=what)


machine_options = _all(device_option, threads_option("as many as they choose"))
checkpoint_option = click.option(
    "--checkpoint-every",
    type=Seconds(least=0),
    default=60.0,
    help="Seconds between checkpoints within an epoch; there is also one after every epoch.",
)
workers_and_shards = _all(
    click.option(
        "--workers",
        type=click.IntRange(1, MOST_WORKERS),
        help="Processes that share each batch.  [default: 1, or torchrun's]",
    ),
    click.option(
        "--shards",
        "--micro-batches",
        "shards",
        type=click.IntRange(1, MOST_WORKERS),
        help="Cut every batch into this many parts, and add up their gradients in order. Needs "
        "less memory; any number of workers ends in the same bits.  [default: 1; with "
        "--workers, 4 or as many as they are; with --resume, the run's]",
    ),
    click.option(
        "--worker-deadline",
        type=Seconds(least=1),
        default=60.0,
        help="Seconds after which a silent worker ends the run.",
    ),
)


def crew_options(command: Command) -> Command:
    """Give a command the options of workers; it receives a `Crew`, as `crew`."""

    @workers_and_shards
    @wraps(command)
    def with_crew(
        workers: int | None, worker_deadline: float, shards: int | None, **options: Any
    ) -> bool | None:
        from compare.training.crew import make_crew

        return command(crew=make_crew(workers, worker_deadline, shards), **options)

    return with_crew


data_options = _all(
    click.option(
        "--data-root",
        type=PATH,
        default=Path("data"),
        envvar="AE_DATA_ROOT",
        show_envvar=True,
        help="Folder of the data sets: the one with MNIST/raw in it, or MNIST/raw itself.",
    ),
    click.option(
        "--download-deadline",
        type=Seconds(least=1),
        default=600.0,
        help="Seconds after which a download is given up.",
    ),
)
run_options = _all(
    click.option(
        "--out",
        type=Place(folder=True),
        help="Folder of the run.  [default: a new one under runs/]",
    ),
    click.option(
        "--resume",
        type=PATH,
        help="Go on from a run's folder, or, in a new run, from a checkpoint of either side.",
    ),
    checkpoint_option,
)
run_argument = click.argument("run", type=PATH)
