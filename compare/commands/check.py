"""What `check` does: find out whom to judge and on what; judge; print the report and write it."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from compare.check.bounds import Finding, Verdict
from compare.check.check_report import Report
from compare.check.outcome import TRAININGS, check_outcome, require_images
from compare.check.shared_check import check_shared_steps, healthy_cases
from compare.check.stages import check_subject, raised
from compare.data import datasets
from compare.data.batches import steps_per_epoch
from compare.data.config import DTYPES, Config
from compare.data.datasets import Dataset
from compare.errors import UserError, class_name
from compare.files import write_json
from compare.progress import TrainingProgress, console
from compare.sides.calls import HERE, Calls, Misbehaved, Returned, attempt
from compare.sides.process import DEADLINE, Step, supervised
from compare.sides.subject import LABELS, Subject, our_own
from compare.sides.user import find, require_name, user_supplied
from compare.training.checkpoint import Checkpoint
from compare.training.memory import require_memory


@dataclass(frozen=True)
class Request:
    """What a person asks of a check, as the command line's options have it."""

    overrides: Mapping[str, Any]
    side: str | None = None
    step: int | None = None
    resume: Path | None = None
    thorough: bool = False
    torch: bool = True
    device: str = "cpu"
    deadline: float | None = None  # of each call into the code of `side`

    def __post_init__(self) -> None:
        """Refuse, with `UserError`, what does not go together."""
        if "epochs" in self.overrides and not self.thorough:
            raise UserError(
                "--epochs is for --thorough; any other check takes a few steps, whatever it is"
            )
        if self.thorough and (self.step or self.resume or not self.torch):
            raise UserError(
                "--thorough trains both sides from their start; "
                "leave out --step, --resume and --no-torch"
            )
        if self.resume and self.side:
            raise UserError("--resume has the state of our own network; leave it out with --side")
        if self.resume and self.resume.is_dir():
            raise UserError(
                f"{self.resume} is a folder; "
                f"--resume takes a checkpoint, {self.resume}/numpy.safetensors"
            )
        if self.side is not None:
            require_name(self.side)
        elif self.deadline is not None:
            raise UserError("--deadline is for calls into the code of --side; leave it out")
        if self.resume and self.overrides:
            name = next(iter(self.overrides)).replace("_", "-")
            raise UserError(
                f"a check with --resume has the checkpoint's config; leave out --{name}"
            )


def check(request: Request, json_file: Path | None, **source: Any) -> Report:
    """Check our own two sides, or a user-supplied one; print the report, write it where asked.

    What is user-supplied is judged in a process of its own. Raises `UserError` for what cannot be
    judged.
    """
    start = Checkpoint.load(request.resume) if request.resume else None
    config = start.config if start else Config(**request.overrides)
    require_memory(config)
    dataset = datasets.load(config.data, **source)
    total = TRAININGS * config.epochs * len(dataset.train_images)
    with ExitStack() as shown:
        progress = cache(lambda: shown.enter_context(TrainingProgress({"outcome": total})))

        def on_step(images: int, loss: float) -> None:
            progress().step("outcome", images, loss)

        if request.side is None:
            report = judge(request, config, dataset, start, HERE, on_step)
        else:
            judging = partial(judge, request, config, dataset, None)
            report = supervised(
                request.side, judging, on_step, deadline=request.deadline or DEADLINE
            )
    show_check(report)
    if json_file:
        write_json(json_file, report.to_dict())
    return report


def check_functions(name: str, deadline: float | None) -> bool:
    """Print what the reports say that a function called "module:name" returns.

    It runs in a process of its own. Returns whether all hold.
    """
    require_name(name, "--function")
    told = supervised(name, partial(_reports, name), lambda *_: None, deadline=deadline or DEADLINE)
    for held, sentence in told:
        console.print(sentence, style="green" if held else "red", markup=False)
    return all(held for held, _ in told)


def check_workers(count: int) -> bool:
    """Print whether so many workers take the steps of one process; return it."""
    cases = healthy_cases()
    with console.status(f"starting {count} workers"):
        found = check_shared_steps(count, datasets.load("digits").train_images, cases)
    for (_, name, config), wrong in zip(cases, found, strict=True):
        if wrong:
            which = f"{LABELS[name]}, {config.model}, {config.dtype}"
            console.print(f"{which}: {wrong}", style="red", markup=False)
    if held := not any(found):
        sentence = f"What {count} workers compute together is what one process does, bit for bit."
        console.print(sentence, style="green", markup=False)
    return held


def _reports(name: str, calls: Calls, on_step: Step) -> list[tuple[bool, str]]:
    """Return verdict and sentence of each report that a function returns."""
    function = find(name, calls)

    def run() -> list[tuple[bool, str]]:
        found = function()
        reports = found if isinstance(found, list | tuple) else [found]
        if not reports or not all(hasattr(report, "raise_if_wrong") for report in reports):
            raise Returned(f"{class_name(found)}, not a report of compare's, or a list of them")
        return [(bool(report.held), str(report.sentence)) for report in reports]

    return attempt(lambda: calls(f"{name}()", run))


def judge(
    request: Request,
    config: Config,
    dataset: Dataset,
    start: Checkpoint | None,
    calls: Calls,
    on_step: Step,
) -> Report:
    """Judge; the code of `request.side`, if there is one, runs in `calls`."""
    subject = _subject(request, config, dataset, start, calls)
    if request.thorough:
        require_images(subject, config, dataset)
    report = check_subject(subject, config, torch=request.torch, own=request.side is None)
    if not request.thorough or not report.held:  # to train what is wrong shows nothing new
        return report
    outcome = None
    try:
        finding, outcome = check_outcome(subject, config, dataset, on_step)
    except Misbehaved as error:
        finding = raised("outcome", report.description, error)
    return replace(report, findings=[*report.findings, finding], outcome=outcome)


def _subject(
    request: Request, config: Config, dataset: Dataset, start: Checkpoint | None, calls: Calls
) -> Subject:
    images, device = dataset.train_images, request.device
    if start:
        start.require_position(len(images))
    epochs, steps = (len(start.history), start.part.steps) if start else (0, 0)
    step = request.step or epochs * steps_per_epoch(config, len(images)) + steps + 1
    if request.side is not None:
        subject = user_supplied(request.side, config, images, device=device, step=step, calls=calls)
    else:
        subject = our_own(
            images, device=device, start=dict(start.state) if start else None, step=step
        )
    if step == 1 and not start:
        return subject
    more = f" and {steps} more steps" if steps else ""
    state = f"the state after epoch {epochs}{more}" if start else "the initial state"
    return replace(subject, notes=(f"Step {step} of the training, on {state}.", *subject.notes))


def show_check(report: Report) -> None:
    """Print what each stage found of each operation, then the verdict."""
    columns = list(dict.fromkeys((f.side, f.dtype) for f in report.findings if f.dtype in DTYPES))
    title = "Errors in units of what rounding allows; beyond 1 it fails"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in ("stage", "operation"):
        table.add_column(column, no_wrap=True)
    for side, dtype in columns:
        # A bracket in a side's name is no markup.
        table.add_column(Text(f"{side}\n{dtype}"), justify="right")
    table.add_column("tensors", justify="right", style="dim")
    rows: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        if finding.dtype in DTYPES:
            rows.setdefault((finding.stage, finding.operation), []).append(finding)
    previous = ""
    for (stage, operation), findings in rows.items():
        cells = [_cell([f for f in findings if (f.side, f.dtype) == column]) for column in columns]
        table.add_row(
            "" if stage == previous else f"[bold]{stage}[/]", operation, *cells, str(len(findings))
        )
        previous = stage
    console.print(table)
    console.print()
    show_verdict(report)


def show_verdict(report: Report) -> None:
    """Print the lines of a report, then its sentence."""
    for line in report.lines():
        console.print(line, markup=False)
    console.print(report.sentence, style="green" if report.held else "red", markup=False)


def _cell(findings: Sequence[Finding]) -> str:
    """Return the worst of some findings: a word where that says more than the number."""
    if not findings:
        return ""
    worst = max(findings, key=lambda f: (not f.verdict.held, f.ratio))
    if not worst.verdict.held:
        size = f" {worst.ratio:.1e}" if 0 < worst.ratio < float("inf") else ""
        return f"[red]{worst.verdict}{size}[/]"
    if worst.verdict in (Verdict.NOT_OFFERED, Verdict.NOTED):
        return f"[dim]{worst.verdict}[/]"
    if worst.verdict is Verdict.EXACT:
        return "[green]exact[/]"
    if any(finding.verdict is Verdict.BORDERLINE for finding in findings):
        return f"[yellow]borderline {worst.ratio:.2g}[/]"
    return f"[green]{worst.ratio:.2g}[/]"
