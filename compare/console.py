"""What a person sees in the terminal: progress, tables, the summary."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from compare.experiment.config import DTYPES, Config
from compare.experiment.quality import Quality
from compare.experiment.quality import Table as PlainTable
from compare.experiment.quality.pixels import Error
from compare.experiment.training import Training
from compare.parity.report import Report
from compare.parity.sides import LABELS
from compare.parity.verdict import Finding, Verdict

WIDTH = 100  # columns, where there is no terminal to ask
console = Console(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else WIDTH)


class _Rate(ProgressColumn):
    """Images per second, of the side as a whole."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} images/s" if speed else "", style="dim", justify="right")


class TrainingProgress:
    """A bar of images for every training, by label; a context manager."""

    def __init__(self, totals: Mapping[str, int]) -> None:
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
            label: self._progress.add_task(label, total=total, loss="", start=False) for label, total in totals.items()
        }

    def __enter__(self) -> "TrainingProgress":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def skip(self, label: str, images: int) -> None:
        """Count images as done that an earlier process has trained on."""
        self._progress.update(self._tasks[label], completed=images)

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
            table.add_column(Text(column), justify="left" if i == 0 else "right", style="" if i else "bold")
        for row in plain.rows:
            table.add_row(*map(Text, row))  # a bracket in a name is no markup
        console.print(table)
        console.print()


def show_check(report: Report) -> None:
    """Print what each tier found of each operation, then the verdict."""
    columns = list(dict.fromkeys((f.side, f.dtype) for f in report.findings if f.dtype in DTYPES))
    title = "Errors in units of what rounding allows; beyond 1 is off"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in ("tier", "operation"):
        table.add_column(column, no_wrap=True)
    for side, dtype in columns:
        table.add_column(Text(f"{side}\n{dtype}"), justify="right")  # a bracket in a side's name is no markup
    table.add_column("tensors", justify="right", style="dim")
    rows: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        if finding.dtype in DTYPES:
            rows.setdefault((finding.tier, finding.operation), []).append(finding)
    previous = ""
    for (tier, operation), findings in rows.items():
        cells = [_cell([f for f in findings if (f.side, f.dtype) == column]) for column in columns]
        table.add_row("" if tier == previous else f"[bold]{tier}[/]", operation, *cells, str(len(findings)))
        previous = tier
    console.print(table)
    console.print()
    show_verdict(report)


def show_verdict(report: Report) -> None:
    """Print what to know of the check, who is the more exact, how far apart the free runs ended, and the sentence."""
    for line in report.lines():
        console.print(line, markup=False)
    console.print(report.sentence, style="green" if report.held else "red", markup=False)


def show_summary(config: Config, report: Report, quality: Quality, training: Training) -> None:
    """Print what a run came to, on one screen."""
    labels = [LABELS[name] for name in training.sides]
    table = Table(title=f"{config.data}, epochs: {config.epochs}", title_justify="left", title_style="bold", box=None)
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


def _cell(findings: Sequence[Finding]) -> str:
    """Return the worst of some findings: a word where that says more than the number."""
    if not findings:
        return ""
    worst = max(findings, key=lambda f: (not f.verdict.held, f.ratio))
    if not worst.verdict.held:
        size = f" {worst.ratio:.1e}" if 0 < worst.ratio < float("inf") else ""
        return f"[red]{worst.verdict}{size}[/]"
    if worst.verdict is Verdict.EXACT:
        return "[green]exact[/]"
    suspect = any(finding.verdict is Verdict.SUSPECT for finding in findings)
    return f"[yellow]suspect {worst.ratio:.2g}[/]" if suspect else f"[green]{worst.ratio:.2g}[/]"
