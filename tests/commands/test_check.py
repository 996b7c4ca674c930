"""What a check is run on: the state and the batch that were asked for, and no others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compare.check.check_report import Report
from compare.commands import check as command
from compare.commands.check import Request, check
from compare.controls.injection import rewritten
from compare.data import datasets
from compare.data.batches import epoch_batches, steps_per_epoch
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.interface import distance
from compare.sides.numpy_side import initial_state
from compare.sides.subject import Subject, make_side
from compare.training.checkpoint import Checkpoint, EpochRecord
from tests.operands import assert_same

PER_EPOCH = 3  # batches of the 130 images


@pytest.fixture
def subjects(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Subject, Config]]:
    """Return the list of subjects that checks are about to be run on, where they are only noted."""
    seen: list[tuple[Subject, Config]] = []

    def note(subject: Subject, config: Config, **_: Any) -> Report:
        seen.append((subject, config))
        return Report(subject.ours(config).describe(), [], {}, subject.notes)

    monkeypatch.setattr(command, "check_subject", note)
    monkeypatch.setattr(datasets, "load", lambda *_: dataset)
    return seen


@pytest.fixture
def checkpoint(config: Config, dataset: Dataset, tmp_path: Path) -> Path:
    """Return the file of NumPy's checkpoint after an epoch."""
    side = make_side("numpy", config)
    list(side.fit(epoch_batches(config, dataset.train_images, 0)))
    path = tmp_path / "numpy.safetensors"
    Checkpoint("numpy", config, side.state(), (EpochRecord(1.0, 1.0, 1.0),)).save(path)
    return path


def overrides(config: Config) -> dict[str, Any]:
    """Return what to say for this config."""
    return {
        "latent_dim": config.latent_dim,
        "hidden_dim": config.hidden_dim,
        "batch_size": config.batch_size,
    }


@pytest.mark.parametrize(
    ("step", "epoch", "batch"), [(None, 0, 0), (1, 0, 0), (3, 0, 2), (4, 1, 0), (8, 2, 1)]
)
def test_a_step_is_replayed_on_its_own_batch_from_the_initial_state(
    config: Config,
    dataset: Dataset,
    subjects: list[tuple[Subject, Config]],
    step: int | None,
    epoch: int,
    batch: int,
) -> None:
    assert steps_per_epoch(config, len(dataset.train_images)) == PER_EPOCH
    report = check(Request(overrides(config), step=step), None)
    ((subject, asked),) = subjects
    (replayed,) = subject.batches(asked, 1)
    expected = list(epoch_batches(asked, dataset.train_images, epoch))[batch]
    assert_same(replayed, expected)
    assert_same(subject.ours(asked).state(), initial_state(asked))
    told = f"Step {step} of the training, on the initial state."
    assert report.notes == ((told,) if step and step > 1 else ())


def test_the_batches_after_a_step_go_on_over_the_end_of_an_epoch(
    config: Config, dataset: Dataset, subjects: list[tuple[Subject, Config]]
) -> None:
    check(Request(overrides(config), step=3), None)
    ((subject, asked),) = subjects
    _, second, third = subject.batches(asked, 3)
    expected = epoch_batches(asked, dataset.train_images, 1)
    assert_same(second, next(expected))
    assert_same(third, next(expected))


def test_a_checkpoint_is_judged_in_its_state_at_the_step_that_comes_next(
    config: Config, dataset: Dataset, subjects: list[tuple[Subject, Config]], checkpoint: Path
) -> None:
    report = check(Request({}, resume=checkpoint), None)
    ((subject, asked),) = subjects
    assert asked == config
    for make in (subject.ours, subject.reference):
        assert distance(make(config).state(), dict(Checkpoint.load(checkpoint).state)) == 0
        assert make(replace(config, dtype="float64")).state()["adam.step"] == PER_EPOCH
    (batch,) = subject.batches(config, 1)
    assert_same(batch, next(epoch_batches(config, dataset.train_images, 1)))
    assert report.notes == ("Step 4 of the training, on the state after epoch 1.",)


def test_a_check_holds_on_a_checkpoint_and_a_later_step(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, checkpoint: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(datasets, "load", lambda *_: dataset)
    report = check(Request({}, resume=checkpoint, step=8), tmp_path / "found.json")
    assert report.held, report.sentence


def test_a_thorough_check_adds_its_outcome_to_the_findings(
    config: Config,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    subjects: list[tuple[Subject, Config]],
) -> None:
    monkeypatch.setattr(datasets, "load", lambda *_: dataset)
    report = check(Request({**overrides(config), "epochs": 1}, thorough=True), None)
    assert len(subjects) == 1
    assert [finding.stage for finding in report.findings] == ["outcome"]
    assert report.outcome is not None
    assert report.lines() == [str(report.outcome)]


def test_what_is_wrong_already_is_not_trained(
    config: Config, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load", lambda *_: dataset)
    with rewritten("Linear.forward", [("y += self.bias", "")]):
        report = check(Request(overrides(config), thorough=True), None)
    assert not report.held
    assert report.outcome is None
