"""The command line: commands and their options; each calls what `commands` has for it."""

import sys
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from compare import machine
from compare.data.config import DATASETS, MOST
from compare.errors import Interrupted, UserError, clipped
from compare.options import (
    Place,
    Seconds,
    checkpoint_option,
    data_options,
    hyperparameter_lists,
    hyperparameters,
    machine_options,
    out_option,
    refuse_beside,
    resume_option,
    run_argument,
    side_option,
)
from compare.terminal import printable, steady_streams

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


@steady_streams()
def main() -> NoReturn:
    """Run the command line; end in its exit code, with one line where the input was at fault."""
    try:
        code = cli.main(prog_name="python -m compare", standalone_mode=False)
    except click.ClickException as error:
        code = _complain(" ".join(error.format_message().split()))
    except UserError as error:
        code = _complain(str(error))
    except Interrupted as error:
        click.echo(printable(str(error)), err=True)
        code = INTERRUPTED
    except MemoryError as error:
        code = _complain(
            f"not enough memory ({error}); "
            "choose smaller --hidden-dim, --latent-dim or --batch-size"
        )
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        code = _complain(
            f"the system refuses: {error.strerror or error}{where}; see to that and try again"
        )
    except ModuleNotFoundError as error:
        code = _complain(f"this command needs {error.name}: pip install {error.name}")
    except ImportError as error:
        code = _complain(
            f"a library cannot be imported ({error}); install it anew, or give this more memory"
        )
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        code = INTERRUPTED
    sys.exit(code)


def _complain(message: str) -> int:
    click.echo(f"error: {clipped(printable(message))}", err=True)
    return BAD_INPUT


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.pass_context
def cli(context: click.Context) -> None:
    """An autoencoder by hand in NumPy, the same in PyTorch, and the proof that they agree.

    Exit codes: 0 all held, 1 a check failed, 2 bad input, 130 interrupted.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command(short_help="Do the whole job: data, check, training, quality, pictures, page.")
@hyperparameters
@data_options
@machine_options
@out_option
@resume_option
@checkpoint_option
@click.option(
    "--no-faults",
    is_flag=True,
    help="Leave the injected faults out of the page: half a minute less.",
)
def run(**options: Any) -> int:
    """Do the whole job: data, parity check, both trainings, quality, pictures, summary, page."""
    from compare.commands.run import run

    return _code(run(**options))


@cli.command(short_help="Train one side or both.")
@hyperparameters
@data_options
@machine_options
@side_option
@out_option
@resume_option
@checkpoint_option
def train(**options: Any) -> int:
    """Train one side or both, with a checkpoint after every epoch."""
    from compare.commands.train import train

    train(**options)
    return OK


@cli.command(short_help="Check the parity of the two sides.")
@partial(hyperparameters, but=["dtype"])  # it judges both
@data_options
@machine_options
@click.option(
    "--side",
    metavar="MODULE:FACTORY",
    help="Judge what this function makes of a Config, a compare.sides.interface.Side, in place of "
    "numpy_ae.",
)
@click.option(
    "--step",
    type=click.IntRange(1, MOST),
    help="Replay this step of the training, counted from 1: its own batch, made without the steps "
    "before it, on the state of --resume or else on the initial one.  "
    "[default: 1, or the first after --resume]",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Judge from the state and with the config of a checkpoint, RUN/numpy.safetensors for one.",
)
@click.option(
    "--thorough",
    is_flag=True,
    help="If everything passes, also train all --epochs with five seeds, and judge the test "
    "errors: minutes.",
)
@click.option(
    "--deadline",
    type=Seconds(least=1),
    help="Seconds that one call into the code of --side may take, so that one that never ends is "
    "told.  [default: 300]",
)
@click.option("--no-torch", is_flag=True, help="Judge by what needs no torch.")
@click.option("--json", "json_file", type=Place(), help="Also write the findings to this file.")
def check(
    overrides: dict[str, Any],
    side: str | None,
    step: int | None,
    resume: Path | None,
    thorough: bool,
    deadline: float | None,
    no_torch: bool,
    json_file: Path | None,
    device: str,
    threads: int | None,
    **data: Any,
) -> int:
    """Check the parity of NumPy and PyTorch, operation by operation, in float32 and float64."""
    from compare.commands.check import Request, check

    machine.set_up(threads)
    request = Request(overrides, side, step, resume, thorough, not no_torch, device, deadline)
    return _code(check(request, json_file, **data).held)


@cli.command(short_help="Inject known faults and see that the check catches them.")
@machine_options
@click.option("--markdown", type=Place(), help="Also write the tables to this file.")
@click.option(
    "--healthy",
    type=click.IntRange(1, MOST),
    help="Instead, check so many random networks without any.",
)
def faults(healthy: int | None, **options: Any) -> int:
    """Inject each known fault into the NumPy side; show which stages catch it, and who is named."""
    from compare.commands.faults import faults

    if healthy:
        refuse_beside(
            "--healthy checks on the CPU, with 1 and 2 threads by turns",
            but=("healthy", "markdown"),
        )
    return _code(faults(healthy=healthy, **options))


@cli.command(short_help="Time NumPy against torch.")
@data_options
@machine_options
@click.option("--quick", is_flag=True, help="The core table alone, in under a minute.")
@click.option(
    "--data",
    "dataset",
    type=click.Choice(DATASETS),
    default="digits",
    show_default=True,
    help="What whole trainings train on.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1, MOST),
    default=15,
    show_default=True,
    help="Of whole trainings.",
)
@click.option(
    "--json",
    "json_file",
    type=Place(),
    help="Write the results to this file; until all are there, as they come, to FILE.unfinished.",
)
@click.option(
    "--from",
    "earlier",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Measure nothing; show the results in this file. May be given for several machines.",
)
@click.option(
    "--markdown",
    type=Place(),
    help="Write the tables to this file, and plots into a folder of its name.",
)
def bench(earlier: tuple[Path, ...], **options: Any) -> int:
    """Time a training step and whole trainings of NumPy and of torch's ways, interleaved.

    A variant's first step is judged before it is timed. --threads measures with that many threads
    alone; the default is one, and then as many as there are cores.
    """
    from compare.commands.bench import bench

    if earlier:
        refuse_beside("--from measures nothing", but=("earlier", "markdown"))
    return _code(bench(earlier=earlier, **options))


@cli.command(short_help="Draw the pictures of a run again.")
@run_argument
@data_options
@machine_options
@click.option(
    "--method",
    type=click.Choice(["umap", "pca"]),
    default="umap",
    show_default=True,
    help="How latents are brought into the plane.",
)
def figures(**options: Any) -> int:
    """Draw the article's pictures from the checkpoints of RUN, a run's folder."""
    from compare.commands.figures import figures

    figures(**options)
    return OK


@cli.command(short_help="Write the page of a run.")
@run_argument
@click.option("--out", "page", type=Place(), help="The file to write.  [default: RUN/report.html]")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def report(**options: Any) -> int:
    """Write the HTML page of RUN, a run's folder: one file that needs no network and no server."""
    from compare.commands.report import report

    report(**options)
    return OK


@cli.command(short_help="Train over lists of hyperparameters.")
@hyperparameter_lists
@data_options
@machine_options
@checkpoint_option
@click.option(
    "--side", type=click.Choice(["numpy", "torch"]), help="Whom to train.  [default: numpy]"
)
@click.option(
    "--out",
    type=Place(folder=True),
    help="Folder of the results.  [default: a new one under runs/]",
)
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Go on in the folder of an earlier one."
)
def explore(**options: Any) -> int:
    """Train over lists of hyperparameters (--latent-dim 2,4,10): a grid of pictures and a table."""
    from compare.commands.explore import explore

    explore(**options)
    return OK


def _code(held: bool) -> int:
    """Return the exit code of what held, or did not."""
    return OK if held else FAILED
