"""Training one side or both, epoch by epoch in turn, with checkpoints of each side after its epochs and within them."""

import math
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from compare import machine
from compare.data.batches import (
    Batch,
    ahead,
    epoch_batches,
    noisy_test_images,
    steps_per_epoch,
    training_batches,
)
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import Diverged
from compare.files import write_json
from compare.sides.interface import Side, State, distance, in_words, under_prefix
from compare.training.checkpoint import Checkpoint, DriftRecord, EpochRecord, PartOfEpoch
from compare.training.divergence import first_not_finite

LOOK_EVERY = (
    50  # steps: a parameter that is infinite may leave the loss finite, for the sigmoid's output is
)

StepCallback = Callable[[str, int, float], None]  # side, images in the batch, loss per image
EpochCallback = Callable[[str, int], None]  # side, epochs it has finished


class Position(NamedTuple):
    """Where a side stood that is known to have been well."""

    state: State
    epochs: int = 0
    steps: int = 0  # of the next epoch


def denoised_mse(side: Side, test: Batch) -> float:
    """Return the squared error per pixel of what a side makes of noisy images."""
    return float(np.square(side.reconstruct(test.noisy) - test.clean, dtype=np.float64).mean())


@dataclass
class Training:
    """Sides in training into one folder. `run` goes on from wherever each side is."""

    config: Config
    dataset: Dataset
    sides: Mapping[str, Side]
    folder: Path
    checkpoint_every: float = math.inf  # seconds, within an epoch
    histories: dict[str, list[EpochRecord]] = field(default_factory=dict)
    parts: dict[str, PartOfEpoch] = field(default_factory=dict)  # of an epoch under way
    drift: dict[int, DriftRecord] = field(default_factory=dict)  # by epochs finished

    def __post_init__(self) -> None:
        """Give every side a history, and fix the noisy test images."""
        for name in self.sides:
            self.histories.setdefault(name, [])
        self.kept = {name: Position(side.state()) for name, side in self.sides.items()}
        self.test = noisy_test_images(self.config, self.dataset.test_images)

    def resume(self, name: str, checkpoint: Checkpoint) -> None:
        """Put a side, if it takes part, where a checkpoint, its own or the other side's, left off."""
        self.histories[name] = list(checkpoint.history)
        self.parts[name] = checkpoint.part
        if name in self.sides:
            self.kept[name] = Position(
                dict(checkpoint.state), len(checkpoint.history), checkpoint.part.steps
            )
            self.sides[name].load(dict(checkpoint.state))

    def run(self, on_step: StepCallback, on_epoch: EpochCallback | None = None) -> None:
        """Train every side to the config's last epoch.

        Raises `UserError` as soon as a number is no longer finite; the checkpoint before it is
        kept.
        """
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", RuntimeWarning
            )  # an overflow, in any thread, is found here, and named
            for epoch in range(self.config.epochs):
                for name in self.sides:
                    if len(self.histories[name]) == epoch:
                        self._train_epoch(name, epoch, on_step)
                        if on_epoch:
                            on_epoch(name, epoch + 1)
                        self._save(
                            name, PartOfEpoch()
                        )  # last: who is killed before it does the epoch's end again
                self._measure_drift(epoch)
                write_json(self.folder / "history.json", self.to_dict())

    def images_seen(self, name: str) -> int:
        """Return how many images a side has trained on, those of every epoch counted."""
        part, count = self.parts.get(name, PartOfEpoch()), len(self.dataset.train_images)
        return len(self.histories[name]) * count + min(part.steps * self.config.batch_size, count)

    def to_dict(self) -> dict[str, Any]:
        """Return the histories and the drift as plain values for JSON."""
        histories = {
            name: [asdict(record) for record in records] for name, records in self.histories.items()
        }
        return {**histories, "drift": [asdict(drift) for drift in self.drift.values()]}

    def _train_epoch(self, name: str, epoch: int, on_step: StepCallback) -> None:
        side, images, part = (
            self.sides[name],
            self.dataset.train_images,
            self.parts.pop(name, PartOfEpoch()),
        )
        total, now = part.loss, time.perf_counter()
        start, saved = now - part.seconds, now
        batches = ahead(epoch_batches(self.config, images, epoch, part.steps))
        for step, loss in enumerate(side.fit(batches), part.steps):
            n = min(self.config.batch_size, len(images) - step * self.config.batch_size)
            if not math.isfinite(loss):
                self._stop(name)
            total += loss
            on_step(name, n, loss / n)
            now = time.perf_counter()
            if now - saved >= self.checkpoint_every:
                self._save(name, PartOfEpoch(step + 1, total, now - start))
                saved = time.perf_counter()
                start += saved - now
            elif (step + 1) % LOOK_EVERY == 0:
                self._require_finite(name, self.sides[name].state())
        seconds = time.perf_counter() - start
        self.histories[name].append(
            EpochRecord(total / len(images), denoised_mse(side, self.test), seconds)
        )

    def _save(self, name: str, part: PartOfEpoch) -> None:
        side, history = self.sides[name], self.histories[name]
        state = side.state()
        self._require_finite(name, state)
        made_with = {**machine.describe(), "device": side.describe().device}
        checkpoint = Checkpoint(name, self.config, state, tuple(history), made_with, part)
        checkpoint.save(self.folder / f"{name}.safetensors")
        self.kept[name] = Position(state, len(history), part.steps)

    def _require_finite(self, name: str, state: State) -> None:
        if not all(np.isfinite(value).all() for value in state.values()):
            self._stop(name)

    def _stop(self, name: str) -> NoReturn:
        """Raise `UserError` with the first number that is not finite; the steps since `kept` are taken again for it."""
        images = self.dataset.train_images
        per_epoch = steps_per_epoch(self.config, len(images))
        state, epoch, steps = self.kept[name]
        done = epoch * per_epoch + steps
        batches = training_batches(
            self.config, images, self.config.epochs * per_epoch - done, done + 1
        )
        found = first_not_finite(self.sides[name], state, batches)
        where = "a number is no longer finite"
        if found:
            (epoch, step), what = divmod(done + found[0], per_epoch), in_words(found[1])
            where = (
                f"in epoch {epoch + 1}, step {step + 1}, {what} is the first to be no longer finite"
            )
        kept = self.folder / f"{name}.safetensors"
        before = (
            f"what was learnt until shortly before is in {kept}"
            if kept.exists()
            else "there is no checkpoint yet"
        )
        raise Diverged(f"{name} diverged: {where}; try a smaller --lr; {before}")

    def _measure_drift(self, epoch: int) -> None:
        together = all(len(records) == epoch + 1 for records in self.histories.values())
        if (
            len(self.sides) < 2 or not together or epoch + 1 in self.drift
        ):  # known: a side may be in the next epoch
            return
        a, b = (under_prefix("param", side.state()) for side in self.sides.values())
        loss_a, loss_b = (records[epoch].loss for records in self.histories.values())
        self.drift[epoch + 1] = DriftRecord(
            epoch + 1, distance(a, b), abs(loss_a - loss_b) / abs(loss_b)
        )
