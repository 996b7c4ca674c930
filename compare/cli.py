"""The command line: each command's options. What a command does stands in `compare.commands`.

A command returns False where a check failed.
"""

from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from compare import machine, options
from compare.data.config import DATASETS, MODELS, MOST
from compare.errors import Interrupted, UserError, clipped
from compare.options import PATH, Place, Seconds, hyperparameters, refuse_beside
from compare.terminal import printable, steady_streams

OK, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


@steady_streams()
def main() -> NoReturn:
    """Run the command line; end in its exit code, after bad input with one line that says what."""
    try:
        held = cli.main(prog_name="python -m compare", standalone_mode=False)
        code = FAILED if held is False else OK
    except (Interrupted, KeyboardInterrupt, click.Abort) as error:
        click.echo(printable(str(error)) or "interrupted", err=True)
        code = INTERRUPTED
    except (click.ClickException, UserError, MemoryError, OSError, ImportError) as error:
        click.echo(f"error: {clipped(printable(_told(error)))}", err=True)
        code = BAD_INPUT
    machine.end(code)


def _told(error: Exception) -> str:
    """Say what happened and what to do."""
    match error:
        case click.ClickException():
            return " ".join(error.format_message().split())
        case MemoryError():
            advice = "choose smaller --hidden-dim, --latent-dim or --batch-size"
            return f"not enough memory ({error}); {advice}"
        case OSError():
            where = f" ({error.filename})" if error.filename else ""
            reason = error.strerror or error
            return f"the system refuses: {reason}{where}; see to that and try again"
        case ModuleNotFoundError():
            return f"this command needs {error.name}: pip install {error.name}"
        case ImportError():
            advice = "install it anew, or give this more memory"
            return f"a library cannot be imported ({error}); {advice}"
    return str(error)


@click.group(
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
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
@options.data_options
@options.machine_options
@options.run_options
@options.crew_options
@click.option(
    "--no-faults",
    is_flag=True,
    help="Leave the injected faults out of the page; saves half a minute.",
)
def run(**how: Any) -> bool:
    """Do the whole job: data, parity check, both trainings, quality, pictures, summary, page."""
    from compare.commands.run import run

    return run(**how)


@cli.command(short_help="Train one side or both.")
@hyperparameters
@options.data_options
@options.machine_options
@click.option(
    "--side",
    type=click.Choice(["numpy", "torch", "both"]),
    help="Which of our two sides to train; a network of yours cannot be trained here.  [default: "
    "both, or those of the run of --resume]",
)
@options.run_options
@options.crew_options
def train(**how: Any) -> None:
    """Train one side or both, with a checkpoint after every epoch."""
    from compare.commands.train import train

    train(**how)


@cli.command(short_help="Check that the two sides agree, or check a network of yours.")
@partial(hyperparameters, but=["dtype"])  # it judges both
@options.data_options
@options.machine_options
@click.option(
    "--side",
    metavar="MODULE:FACTORY",
    help="Judge a network of yours in place of numpy_ae. FACTORY is a function in MODULE; it takes "
    "a Config and returns your network, as in examples/own_network.py.",
)
@click.option(
    "--function",
    metavar="MODULE:NAME",
    help="Check no network: call this function, and fail if a report that it returns does. "
    "compare.check_function and its like make reports.",
)
@click.option(
    "--step",
    type=click.IntRange(1, MOST),
    help="Judge the step with this number, counted from 1, on the batch that training takes there. "
    "The weights are those of --resume, or the first ones: the steps before are not taken.  "
    "[default: 1, or the first after --resume]",
)
@click.option(
    "--resume",
    type=PATH,
    help="Take weights, Adam's state and config from this checkpoint, such as "
    "RUN/numpy.safetensors.",
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
    help="Seconds that one call into the code of --side may take, or --function as a whole. What "
    "takes longer is ended, and does not pass.  [default: 300]",
)
@click.option(
    "--workers",
    type=click.IntRange(2, options.MOST_WORKERS),
    help="Let this many processes share steps of training, and compare them with one, bit by bit.",
)
@click.option("--no-torch", is_flag=True, help="Leave out all that needs torch.")
@click.option("--json", "json_file", type=Place(), help="Also write the findings to this file.")
def check(
    threads: int | None,
    function: str | None,
    workers: int | None,
    no_torch: bool,
    json_file: Path | None,
    data_root: Path,
    download_deadline: float,
    **asked: Any,
) -> bool:
    """Check that NumPy and PyTorch agree, operation by operation, in float32 and float64."""
    from compare.commands.check import Request, check, check_functions, check_workers

    if workers is not None:
        refuse_beside("--workers checks steps of its own", but=("workers",))
        machine.set_up(1)
        return check_workers(workers)
    if function is not None:
        refuse_beside("--function judges no network", but=("function", "threads", "deadline"))
    machine.set_up(threads)
    if function is not None:
        return check_functions(function, asked["deadline"])
    request = Request(torch=not no_torch, **asked)
    source = {"data_root": data_root, "download_deadline": download_deadline}
    return check(request, json_file, **source).held


@cli.command(short_help="Inject known faults and see that the check catches them.")
@options.machine_options
@click.option("--markdown", type=Place(), help="Also write the tables to this file.")
@click.option(
    "--healthy",
    type=click.IntRange(1, MOST),
    help="Inject nothing: check this many random networks without a fault.",
)
@click.option(
    "--workers",
    type=click.IntRange(2, options.MOST_WORKERS),
    help="Make the mistakes of shared training instead, in this many processes.",
)
def faults(healthy: int | None, workers: int | None, **how: Any) -> bool:
    """Inject each known fault into the NumPy side, and show which stages of the check catch it.

    A fault is named if the check's sentence gives the function that it is in as the cause.
    """
    from compare.commands.faults import faults

    if healthy:
        refuse_beside(
            "--healthy checks on the CPU, with 1 and 2 threads by turns",
            but=("healthy", "markdown"),
        )
    if workers:
        refuse_beside("--workers has faults of its own", but=("workers", "markdown"))
        how["threads"] = 1
    return faults(healthy=healthy, workers=workers, **how)


@cli.command(short_help="Time NumPy against torch.")
@options.data_options
@options.device_option
@options.threads_option("one, and then one for each core; with --side, one")
@click.option("--quick", is_flag=True, help="The core table alone, in under a minute.")
@click.option(
    "--side",
    metavar="MODULE:FACTORY",
    help="Time a step of a network of yours, made as for check --side, against the same in torch.",
)
@click.option(
    "--data", type=click.Choice(DATASETS), default="digits", help="What whole trainings train on."
)
@click.option(
    "--epochs", type=click.IntRange(1, MOST), default=15, help="Epochs of whole trainings."
)
@click.option(
    "--model", type=click.Choice(MODELS), default="autoencoder", help="Whose step; a vae's --quick."
)
@click.option(
    "--beta", type=float, default=1.0, help="What the KL divergence counts in a vae's loss."
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
    type=PATH,
    multiple=True,
    help="Measure nothing: show the results in this file. Give it again for each further machine.",
)
@click.option(
    "--markdown",
    type=Place(),
    help="Write the tables to this file, and plots into a folder of its name.",
)
def bench(earlier: tuple[Path, ...], side: str | None, **how: Any) -> bool:
    """Time a training step and whole trainings, of NumPy and of the ways to do them in torch.

    Each variant's first step is judged before it is timed; all are timed in interleaved rounds.
    """
    from compare.commands.bench import bench, bench_side

    if side is not None:
        shared = ("data", "data_root", "download_deadline", "threads", "device")
        refuse_beside("--side times a step of that network alone", but=("side", *shared))
        return bench_side(side, **{name: how[name] for name in shared})
    if earlier:
        refuse_beside("--from measures nothing", but=("earlier", "markdown"))
    return bench(earlier=earlier, **how)


@cli.command(short_help="Draw the pictures of a run again.")
@options.run_argument
@options.data_options
@options.machine_options
@click.option(
    "--method",
    type=click.Choice(["umap", "pca"]),
    default="umap",
    help="How the map of the latents gets from many dimensions to two.",
)
def figures(**how: Any) -> None:
    """Draw the article's pictures from the checkpoints of RUN, a run's folder."""
    from compare.commands.figures import figures

    figures(**how)


@cli.command(short_help="Write the page of a run.")
@options.run_argument
@click.option("--out", "page", type=Place(), help="The file to write.  [default: RUN/report.html]")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
def report(**how: Any) -> None:
    """Write the HTML page of RUN, a run's folder: one file that needs no network and no server."""
    from compare.commands.report import report

    report(**how)


@cli.command(short_help="Train over lists of hyperparameters.")
@partial(hyperparameters, lists=True)
@options.data_options
@options.machine_options
@options.checkpoint_option
@click.option(
    "--side",
    type=click.Choice(["numpy", "torch"]),
    help="Which of our two sides to train; a network of yours cannot be trained here.  [default: "
    "numpy]",
)
@click.option(
    "--out",
    type=Place(folder=True),
    help="Folder of the results.  [default: a new one under runs/]",
)
@click.option("--resume", type=PATH, help="Go on in the folder of an earlier explore.")
def explore(**how: Any) -> None:
    """Train over lists of hyperparameters (--latent-dim 2,4,10): a grid of pictures and a table."""
    from compare.commands.explore import explore

    explore(**how)


@cli.command(short_help="Write every function yourself, and be told what is wrong.")
@click.argument("folder", type=PATH, default="exercises")
@click.option(
    "--once", is_flag=True, help="Judge once and end, with exit code 0 if all are finished."
)
@click.option(
    "--only", metavar="NAME", help="Judge this exercise alone, once: 8, or linear_backward."
)
@click.option(
    "--hint",
    metavar="[NAME]",
    is_flag=False,
    flag_value="",
    help="Show a hint for this exercise, or for the first unfinished one; 8.2 is the second hint "
    "for exercise 8.",
)
@click.option("--reset", metavar="NAME", help="Start this exercise anew; your file is kept aside.")
@click.option("--list", "show_list", is_flag=True, help="Show which exercises are finished.")
def learn(**how: Any) -> bool:
    """Write the network yourself, function by function: exercises are put into FOLDER.

    Each time that you save a file, the first exercise that is not finished is judged, and you are
    told in one sentence what is wrong. Ctrl-C ends; what you have written stays.
    """
    from compare.commands.learn import learn

    return learn(**how)
