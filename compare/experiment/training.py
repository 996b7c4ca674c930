"""Training one side or both, epoch by epoch in turn, with a checkpoint of each side after each of its epochs."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from compare import environment
from compare.errors import UserError
from compare.experiment.batches import Batch, epoch_batches, noisy_test_images
from compare.experiment.checkpoint import Checkpoint, EpochRecord
from compare.experiment.config import Config
from compare.experiment.data import Dataset
from compare.files import write_json
from compare.parity.side import Side, distance, under_prefix

StepCallback = Callable[[str, int, float], None]  # side, images in the batch, loss per image
EpochCallback = Callable[[str, int], None]  # side, epochs it has finished


@dataclass(frozen=True)
class Drift:
    """How far apart two sides stand after an epoch."""

    parameters: float  # largest difference of any parameter
    loss: float  # difference of the training losses, relative


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
    histories: dict[str, list[EpochRecord]] = field(default_factory=dict)
    drift: dict[int, Drift] = field(default_factory=dict)  # by epochs finished

    def __post_init__(self) -> None:
        """Give every side a history, and fix the noisy test images."""
        for name in self.sides:
            self.histories.setdefault(name, [])
        self.test = noisy_test_images(self.config, self.dataset.test_images)

    def resume(self, name: str, checkpoint: Checkpoint) -> None:
        """Put a side, if it takes part, where a checkpoint, its own or the other side's, left off."""
        if name in self.sides:
            self.sides[name].load(dict(checkpoint.state))
        self.histories[name] = list(checkpoint.history)

    def run(self, on_step: StepCallback, on_epoch: EpochCallback | None = None) -> None:
        """Train every side to the config's last epoch."""
        for epoch in range(self.config.epochs):
            for name in self.sides:
                if len(self.histories[name]) == epoch:
                    self._train_epoch(name, epoch, on_step)
                    if on_epoch:
                        on_epoch(name, epoch + 1)
            self._measure_drift(epoch)
            write_json(self.folder / "history.json", self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the histories and the drift as plain values for JSON."""
        histories = {name: [asdict(record) for record in records] for name, records in self.histories.items()}
        return {**histories, "drift": [{"epoch": epoch, **asdict(drift)} for epoch, drift in self.drift.items()]}

    def _train_epoch(self, name: str, epoch: int, on_step: StepCallback) -> None:
        side, images = self.sides[name], self.dataset.train_images
        total, seconds = 0.0, -time.perf_counter()
        for step, loss in enumerate(side.fit(epoch_batches(self.config, images, epoch))):
            n = min(self.config.batch_size, len(images) - step * self.config.batch_size)
            if not math.isfinite(loss):
                raise UserError(
                    f"{name} diverged: the loss of epoch {epoch + 1}, step {step + 1} is {loss}; try a smaller --lr. "
                    f"What the epochs before it have learnt is in {self.folder}"
                )
            total += loss
            on_step(name, n, loss / n)
        seconds += time.perf_counter()
        self.histories[name].append(EpochRecord(total / len(images), denoised_mse(side, self.test), seconds))
        checkpoint = Checkpoint(name, self.config, side.state(), tuple(self.histories[name]), environment.describe())
        checkpoint.save(self.folder / f"{name}.safetensors")

    def _measure_drift(self, epoch: int) -> None:
        if len(self.sides) < 2 or any(len(records) != epoch + 1 for records in self.histories.values()):
            return
        a, b = (under_prefix("param", side.state()) for side in self.sides.values())
        loss_a, loss_b = (records[epoch].loss for records in self.histories.values())
        self.drift[epoch + 1] = Drift(distance(a, b), abs(loss_a - loss_b) / abs(loss_b))
