"""The options that commands share; a bad value is told before any work."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from compare.data.config import Config
from compare.errors import UserError
from compare.files import require_writable

Command = Callable[..., int]


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
        if not str(value) or (not self._folder and path.is_dir()):
            self.fail(f"{str(value)!r} is no name for a file", param, ctx)
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
        if not there.is_dir() and (self._folder or there != path):
            self.fail(f"{there} is a file, not a folder", param, ctx)
        if path.exists() and not path.is_dir() and not path.is_file():
            self.fail(f"{path} is not a file", param, ctx)
        try:
            require_writable(path / "file" if self._folder else path)
        except UserError as error:
            self.fail(str(error), param, ctx)
        return path


def refuse_beside(why: str, *, but: Sequence[str]) -> None:
    """Raise `click.UsageError` where a command was given options that do nothing here, and why."""
    context = click.get_current_context()
    for param in context.command.params:
        given = context.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if given and param.name not in but:
            raise click.UsageError(f"{why}: leave out {param.opts[0]}")


def hyperparameters(command: Command, *, but: Sequence[str] = ()) -> Command:
    """Give a command an option for every field of `Config`; those set are its `overrides`."""
    return _config_options(command, lambda kind: {"type": kind}, but)


def hyperparameter_lists(command: Command) -> Command:
    """Give a command the same options, each with values by commas: `--latent-dim 2,4,10`."""

    def option(kind: Any) -> dict[str, Any]:
        def split(
            context: click.Context, option: click.Parameter, value: str | None
        ) -> list[Any] | None:
            if value is None:
                return None
            return [kind.convert(part.strip(), option, context) for part in value.split(",")]

        one = "|".join(kind.choices) if isinstance(kind, click.Choice) else kind.name.upper()
        return {"callback": split, "metavar": f"{one},…"}

    return _config_options(command, option)


def _config_options(
    command: Command, option: Callable[[Any], dict[str, Any]], but: Sequence[str] = ()
) -> Command:
    offered = [f for f in fields(Config) if f.name not in but]

    @wraps(command)
    def with_overrides(**options: Any) -> int:
        overrides = {f.name: options.pop(f.name) for f in offered}
        return command(
            overrides={name: value for name, value in overrides.items() if value is not None},
            **options,
        )

    for f in reversed(offered):
        kind = click.types.convert_type(f.type)
        if "choices" in f.metadata:
            kind = click.Choice(f.metadata["choices"])
        with_overrides = click.option(
            f"--{f.name.replace('_', '-')}",
            f.name,
            help=f"{f.metadata['help']}  [default: {f.default}]",
            **option(kind),
        )(with_overrides)
    return with_overrides


def _all(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return what gives a command some options, in that order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


data_options = _all(  # where data come from
    click.option(
        "--data-root",
        type=click.Path(path_type=Path),
        default=Path("data"),
        show_default=True,
        envvar="AE_DATA_ROOT",
        show_envvar=True,
        help="Folder of the downloaded data sets.",
    ),
    click.option(
        "--download-deadline",
        type=Seconds(least=1),
        default=600.0,
        show_default=True,
        help="Seconds after which a download is given up.",
    ),
)
machine_options = _all(  # what a command runs on
    click.option(
        "--device",
        type=click.Choice(["cpu", "cuda", "mps"]),
        default="cpu",
        show_default=True,
        help="Where the torch side runs; NumPy runs on the CPU.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1, 1024),
        help="Threads of BLAS and torch.  [default: theirs]",
    ),
)
side_option = click.option(
    "--side",
    type=click.Choice(["numpy", "torch", "both"]),
    default="both",
    show_default=True,
    help="Whom to train.",
)
out_option = click.option(
    "--out", type=Place(folder=True), help="Folder of the run.  [default: a new one under runs/]"
)
resume_option = click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Go on from a run's folder, or, in a new run, from a checkpoint of either side.",
)
checkpoint_option = click.option(
    "--checkpoint-every",
    type=Seconds(least=0),
    default=60.0,
    show_default=True,
    help="Seconds after which to keep a checkpoint within an epoch; there is one after every epoch "
    "anyway.",
)
run_argument = click.argument("run", type=click.Path(path_type=Path))
