"""Training one side or both, epoch by epoch in turn, with checkpoints after and within epochs."""

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from compare import machine
from compare.data.batches import (
    Batch,
    Images,
    ahead,
    epoch_batches,
    noisy_test_images,
    steps_per_epoch,
    to_float,
    training_batches,
)
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import Diverged
from compare.files import write_json
from compare.sides.interface import Side, State, distance, in_words, parts, under_prefix
from compare.training.checkpoint import Checkpoint, DriftRecord, EpochRecord, PartOfEpoch
from compare.training.shards import Team, fit

# Steps between two checks for numbers that are not finite. The loss does not always tell: the
# sigmoid of an infinite number is finite.
LOOK_EVERY = 50
FALLING = 0.99  # of the epoch before: an error above that is not on its way down

# side, images in the batch, loss per image of the epoch so far
StepCallback = Callable[[str, int, float], None]
EpochCallback = Callable[[str, int], None]  # side, epochs it has finished


def denoised_mse(side: Side, test: Batch) -> float:
    """Return the squared error per pixel of what a side makes of noisy images."""
    return float(np.square(side.reconstruct(test.noisy) - test.clean, dtype=np.float64).mean())


def fruitless(errors: Sequence[float], images: Images) -> str | None:
    """Say that nothing has been learnt, and what to do; None where something has.

    `errors` are those per pixel on the test `images` after each epoch. They are compared with the
    error of the mean image, which is the best answer that ignores the input.
    """
    least = float(to_float(images).var(axis=0, dtype=np.float64).mean())
    if errors[-1] <= least:
        return None
    if len(errors) == 1:
        advice = "give it more --epochs; where that does not help, another --lr"
    elif errors[-1] < FALLING * errors[-2]:
        advice = "it falls: give it more --epochs"
    else:
        advice = "it does not fall: the training diverges, try a smaller --lr"
    return (
        f"has learnt nothing yet: its test error, {errors[-1]:.3g} a pixel, is above that of the "
        f"mean image, {least:.3g}; {advice}"
    )


@dataclass
class Training:
    """Sides in training into one folder. `run` goes on from wherever each side is."""

    config: Config
    dataset: Dataset
    sides: Mapping[str, Side]
    folder: Path
    checkpoint_every: float = math.inf  # seconds, within an epoch
    shards: int = 1  # of every batch
    team: Team | None = None  # who share them
    histories: dict[str, list[EpochRecord]] = field(default_factory=dict)
    drift: dict[int, DriftRecord] = field(default_factory=dict)  # by epochs finished

    def __post_init__(self) -> None:
        """Give every side a history and its start, and fix the noisy test images."""
        self.kept: dict[str, Checkpoint] = {}  # of each side, the last that was finite
        for name, side in self.sides.items():
            self.histories.setdefault(name, [])
            self.kept[name] = Checkpoint(name, self.config, side.state())
        self.test = noisy_test_images(self.config, self.dataset.test_images)

    def resume(self, name: str, checkpoint: Checkpoint) -> None:
        """Put a side, if it takes part, where a checkpoint, its own or the other side's, is."""
        self.histories[name] = list(checkpoint.history)
        self.kept[name] = checkpoint
        if name in self.sides:
            self.sides[name].load(dict(checkpoint.state))

    def run(self, on_step: StepCallback, on_epoch: EpochCallback | None = None) -> None:
        """Train every side to the config's last epoch.

        Raises `UserError` as soon as a number is no longer finite; the checkpoint before it is
        kept.
        """
        with warnings.catch_warnings():
            # An overflow, in any thread, is found and named here.
            warnings.simplefilter("ignore", RuntimeWarning)
            for epoch in range(self.config.epochs):
                for name in self.sides:
                    if len(self.histories[name]) == epoch:
                        self._train_epoch(name, epoch, on_step)
                        if on_epoch:
                            on_epoch(name, epoch + 1)
                        # Last: a process killed before it does the end of the epoch again.
                        self._save(name, PartOfEpoch())
                self._measure_drift(epoch)
                write_json(self.folder / "history.json", self.to_dict())

    def images_seen(self, name: str) -> int:
        """Return how many images a side had trained on at its last checkpoint, over all epochs."""
        start, count = self.kept[name], len(self.dataset.train_images)
        return len(start.history) * count + min(start.part.steps * self.config.batch_size, count)

    def fruitless(self, name: str) -> str | None:
        """Say it where a side has learnt nothing so far, as `fruitless` does."""
        errors = [past.test_mse for past in self.histories[name]]
        return fruitless(errors, self.dataset.test_images)

    def to_dict(self) -> dict[str, Any]:
        """Return the histories and the drift as plain values for JSON."""
        records = {**self.histories, "drift": self.drift.values()}
        return {name: [record.to_dict() for record in of] for name, of in records.items()}

    def _train_epoch(self, name: str, epoch: int, on_step: StepCallback) -> None:
        side, images, part = self.sides[name], self.dataset.train_images, self.kept[name].part
        total, divergence, saved = part.loss, part.kl, time.perf_counter()
        start = saved - part.seconds
        # Closed here, however the epoch ends: its thread must not wait for the garbage collector.
        with closing(ahead(epoch_batches(self.config, images, epoch, part.steps))) as batches:
            taken = fit(side, batches, self.shards, self.team)
            for step, losses in enumerate(taken, part.steps):
                loss, *terms = parts(losses)
                n = min(self.config.batch_size, len(images) - step * self.config.batch_size)
                if not all(map(math.isfinite, (loss, *terms))):
                    self._stop(name)
                total += loss
                divergence = sum(terms, divergence or 0.0) if terms else None
                on_step(name, n, total / (step * self.config.batch_size + n))
                now = time.perf_counter()
                if now - saved >= self.checkpoint_every:
                    self._save(name, PartOfEpoch(step + 1, total, now - start, divergence))
                    saved = time.perf_counter()
                    start += saved - now
                elif (step + 1) % LOOK_EVERY == 0:
                    self._finite_state(name)
        seconds = time.perf_counter() - start
        per_image = total / len(images), divergence and divergence / len(images)
        self.histories[name].append(
            EpochRecord(per_image[0], denoised_mse(side, self.test), seconds, per_image[1])
        )

    def _save(self, name: str, part: PartOfEpoch) -> None:
        state, history = self._finite_state(name), tuple(self.histories[name])
        device = self.sides[name].describe().device
        made_with = {**machine.describe(), "device": device, "shards": self.shards}
        self.kept[name] = Checkpoint(name, self.config, state, history, made_with, part)
        self.kept[name].save(self._path(name))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    def _finite_state(self, name: str) -> State:
        """Return a side's state. Raises `UserError` where it is not finite."""
        state = self.sides[name].state()
        if not all(np.isfinite(value).all() for value in state.values()):
            self._stop(name)
        return state

    def _stop(self, name: str) -> NoReturn:
        """Raise `UserError`, naming the first number that is not finite.

        It takes the steps since `kept` again and looks at every tensor. Observed steps compute the
        same as unobserved ones, bit for bit, so a training need not look at each as it goes.
        """
        if self.team:
            self.team.leave("")  # the others need not wait while this one looks
        side, kept, images = self.sides[name], self.kept[name], self.dataset.train_images
        per_epoch, done = steps_per_epoch(self.config, len(images)), kept.steps(len(images))
        side.load(dict(kept.state))
        rest = self.config.epochs * per_epoch - done
        not_finite = (
            (divmod(step, per_epoch), in_words(tensor))
            for step, batch in enumerate(
                training_batches(self.config, images, rest, done + 1), done
            )
            for tensor, value in side.observe(batch).items()
            if not np.isfinite(value).all()
        )
        where = "a number is no longer finite"
        if found := next(not_finite, None):
            (epoch, step), what = found
            where = (
                f"in epoch {epoch + 1}, step {step + 1}, {what} is the first to be no longer finite"
            )
        before = "there is no checkpoint yet"
        if (path := self._path(name)).exists():
            before = f"what was learnt until shortly before is in {path}"
        raise Diverged(f"{name} diverged: {where}; try a smaller --lr; {before}")

    def _measure_drift(self, epoch: int) -> None:
        done = epoch + 1
        together = all(len(records) == done for records in self.histories.values())
        # What is known already stays: a side may have begun the next epoch.
        if len(self.sides) < 2 or not together or done in self.drift:
            return
        a, b = (under_prefix("param", side.state()) for side in self.sides.values())
        loss_a, loss_b = (records[epoch].loss for records in self.histories.values())
        relative = abs(loss_a - loss_b) / abs(loss_b)
        self.drift[done] = DriftRecord(done, distance(a, b), relative)
