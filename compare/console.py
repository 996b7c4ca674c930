"""What a person sees in the terminal: progress, tables, the summary."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from compare.experiment.config import Config
from compare.experiment.quality import Quality
from compare.experiment.quality import Table as PlainTable
from compare.experiment.quality.pixels import Error
from compare.experiment.training import Training
from compare.parity.check import Report
from compare.parity.sides import LABELS
from compare.parity.traces import first_off
from compare.parity.verdict import Finding, Verdict

console = Console(highlight=False, soft_wrap=False)


class _Rate(ProgressColumn):
    """Images per second, of the side as a whole."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} images/s" if speed else "", style="dim", justify="right")


class TrainingProgress:
    """A bar of images for every training, by label; a context manager."""

    def __init__(self, totals: Mapping[str, int], done: Mapping[str, int] | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:>7}"),
            _Rate(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._tasks = {
            label: self._progress.add_task(
                label, total=total, completed=(done or {}).get(label, 0), loss="", start=False
            )
            for label, total in totals.items()
        }

    def __enter__(self) -> "TrainingProgress":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def step(self, label: str, images: int, loss: float) -> None:
        """Advance a training by one batch with this loss per image."""
        task = self._tasks[label]
        self._progress.start_task(task)
        self._progress.update(task, advance=images, loss=f"{loss:.2f}")


def show_tables(tables: Iterable[PlainTable]) -> None:
    """Print tables of ready text, the first column left and the others right aligned."""
    for plain in tables:
        table = Table(title=plain.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for i, column in enumerate(plain.columns):
            table.add_column(column, justify="left" if i == 0 else "right", style="" if i else "bold")
        for row in plain.rows:
            table.add_row(*row)
        console.print(table)
        console.print()


def show_check(report: Report) -> None:
    """Print one row for every tensor of the observed step, a pair of columns for every dtype, and the free runs."""
    title = "One training step, NumPy against PyTorch: how far apart, and how far they may be"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("tensor", no_wrap=True)
    table.add_column("shape", style="dim")
    for dtype in report.steps:
        table.add_column(dtype, justify="right")
        table.add_column("allowed", justify="right", style="dim")
    for findings in zip(*report.steps.values(), strict=True):
        cells = [cell for finding in findings for cell in _cells(finding)]
        table.add_row(findings[0].name, "×".join(map(str, findings[0].shape)), *cells)
    console.print(table)
    console.print()
    show_verdict(report)


def show_verdict(report: Report) -> None:
    """Print a row for every dtype: the step's first tensor that is off, if any, and the free run beside its twins."""
    table = Table(box=None, pad_edge=False)
    for column in ("parity", "one step", "100 free steps: apart", "twins, one ULP", "verdict"):
        table.add_column(column)
    for dtype, findings in report.steps.items():
        off, run = first_off(findings), report.free_runs[dtype]
        step = f"[red]off, first at {off.name}[/]" if off else f"[green]all {len(findings)} tensors agree[/]"
        verdict = "[green]within[/]" if run.held else "[red]off[/]"
        table.add_row(dtype, step, f"{run.parameters[-1]:.1e}", f"{run.twins[-1]:.1e}", verdict)
    console.print(table)


def show_summary(config: Config, report: Report, quality: Quality, training: Training) -> None:
    """Print what a run came to, on one screen."""
    labels = [LABELS[name] for name in training.sides]
    table = Table(title=f"{config.data}, {config.epochs} epochs", title_justify="left", title_style="bold", box=None)
    table.add_column("")
    for column in (*labels, "PCA", "noisy input"):
        table.add_column(column, justify="right")
    final = {LABELS[name]: training.histories[name] for name in training.sides}

    def row(title: str, cell: Callable[[str], str], columns: Sequence[str] = (*labels, "PCA")) -> None:
        table.add_row(title, *(cell(column) for column in columns))

    pixels, neighbours = quality["pixels"], quality["neighbours"]
    row("training loss per image", lambda side: f"{final[side][-1].loss:.3f}", labels)
    row("denoised test MSE per pixel", lambda of: _mse(pixels[of]["denoised"]), (*labels, "PCA", "noisy input"))
    row("the same, PSNR in dB", lambda of: _psnr(pixels[of]["denoised"]), (*labels, "PCA", "noisy input"))
    row("clean reconstructions, MSE", lambda of: _mse(pixels[of]["clean"]))
    row("5-NN accuracy in the latent", lambda of: f"{neighbours[of]['clean_accuracy']:.3f}")
    row("seconds of training", lambda side: f"{sum(record.seconds for record in final[side]):.1f}", labels)
    console.print()
    console.print(table)
    show_verdict(report)
    last = training.drift[config.epochs]
    console.print(
        f"{config.dtype}, {config.epochs} epochs apart: losses {last.loss:.1e}, parameters {last.parameters:.1e}"
    )


def _mse(error: Error | None) -> str:
    return f"{error['mse']:.4f}" if error else ""


def _psnr(error: Error | None) -> str:
    return f"{error['psnr']:.1f}" if error and error["psnr"] is not None else ""


def _cells(finding: Finding) -> tuple[str, str]:
    """Return how far apart a tensor is, in words where that says more, and how far it may be."""
    held = finding.verdict is Verdict.WITHIN and finding.distance is not None
    apart = f"{finding.distance:.1e}" if held else finding.verdict
    colour = "green" if finding.verdict.held else "red"
    return f"[{colour}]{apart}[/]", "" if finding.allowed is None else f"{finding.allowed:.1e}"
