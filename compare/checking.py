"""What `check` does: find out whom to judge, from where and on what; judge; print it and write it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compare.console import TrainingProgress, show_check
from compare.errors import UserError
from compare.experiment.batches import steps_per_epoch
from compare.experiment.checkpoint import Checkpoint
from compare.experiment.config import Config
from compare.experiment.data import Dataset
from compare.experiment.memory import require_memory
from compare.files import write_json
from compare.job import load_data
from compare.parity.check import check_subject
from compare.parity.foreign import foreign
from compare.parity.outcome import TRAININGS, check_outcome, require_images
from compare.parity.report import Report
from compare.parity.subject import Subject, our_own


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

    def __post_init__(self) -> None:
        """Refuse, with `UserError`, what does not go together."""
        if "epochs" in self.overrides and not self.thorough:
            raise UserError("--epochs is for --thorough; any other check takes a few steps, whatever it is")
        if self.thorough and (self.step or self.resume or not self.torch):
            raise UserError("--thorough trains both sides from their start; leave out --step, --resume and --no-torch")
        if self.resume and self.side:
            raise UserError("--resume has the state of our own network; leave it out with --side")
        if self.resume and self.resume.is_dir():
            raise UserError(f"{self.resume} is a folder; --resume takes a checkpoint, {self.resume}/numpy.safetensors")
        if self.resume and self.overrides:
            name = next(iter(self.overrides)).replace("_", "-")
            raise UserError(f"a check with --resume has the checkpoint's config; leave out --{name}")


def check(request: Request, json_file: Path | None, **source: Any) -> Report:
    """Run the parity check of our own two sides, or of anybody's; print it, and write it where asked."""
    start = Checkpoint.load(request.resume) if request.resume else None
    config = start.config if start else Config(**request.overrides)
    require_memory(config)
    dataset = load_data(config, **source)
    subject = _subject(request, config, dataset, start)
    if request.thorough:
        require_images(subject, config, dataset)
    report = check_subject(subject, config, torch=request.torch, own=request.side is None)
    if request.thorough and report.held:  # to train what is wrong shows nothing new
        total = TRAININGS * config.epochs * len(dataset.train_images)
        with TrainingProgress({"outcome": total}) as progress:
            finding, outcome = check_outcome(
                subject, config, dataset, lambda images, loss: progress.step("outcome", images, loss)
            )
        report = replace(report, findings=[*report.findings, finding], outcome=outcome)
    show_check(report)
    if json_file:
        write_json(json_file, report.to_dict())
    return report


def _subject(request: Request, config: Config, dataset: Dataset, start: Checkpoint | None) -> Subject:
    images, device = dataset.train_images, request.device
    if start:
        start.require_position(len(images))
    epochs, steps = (len(start.history), start.part.steps) if start else (0, 0)
    step = request.step or epochs * steps_per_epoch(config, len(images)) + steps + 1
    if request.side is not None:
        subject = foreign(request.side, config, images, device=device, step=step)
    else:
        subject = our_own(images, device=device, start=dict(start.state) if start else None, step=step)
    if step == 1 and not start:
        return subject
    more = f" and {steps} more steps" if steps else ""
    state = f"the state after epoch {epochs}{more}" if start else "the initial state"
    return replace(subject, notes=(f"Step {step} of the training, on {state}.", *subject.notes))
