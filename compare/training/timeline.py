"""How a training looks from inside, over time: reconstructions, dead units and gradients of every side.

A point is a step among the first, or the end of an epoch. Each side is asked for one observed step
on a fixed batch of noisy test images, which it then takes back: nothing here is part of the
training.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compare.data.batches import Batch, noisy_test_images, training_batches
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.files import as_we_wrote_it, read_arrays, write_arrays
from compare.quality.codec import spread_out
from compare.sides.interface import Array, Side, under_prefix

STEPS = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50)  # of the first; 0 is the start
PROBE = 256  # test images, for gradients and dead units
EXAMPLES = 6  # of them, shown


@dataclass(frozen=True)
class Point:
    """One side at one time, on the probe."""

    side: str
    unit: str  # "step" or "epoch"
    number: int
    loss: float  # per image
    dead: dict[str, int]  # by ReLU, how many of its units are 0 for every image of the probe
    gradients: dict[str, float]  # by parameter, the Euclidean norm of its gradient, per image


class Timeline:
    """The points of a training so far, in a file that is written whole after each epoch."""

    def __init__(self, path: Path, config: Config, dataset: Dataset) -> None:
        self.path = path
        test = noisy_test_images(config, dataset.test_images)
        rows = spread_out(len(test.clean), PROBE)
        self.probe = Batch(*(images[rows].astype(config.dtype) for images in test))
        self.points: list[Point] = []
        self.images: dict[str, Array] = {}
        if path.exists():
            self.images, header = read_arrays(path)
            with as_we_wrote_it(path):
                self.points = [Point(**point) for point in header["points"]]
        self.images |= {
            name: as_bytes(images[:EXAMPLES]) for name, images in self.probe._asdict().items()
        }

    def record(self, side: Side, unit: str, number: int) -> None:
        """Add where a side stands now, in place of what there was for the same time."""
        who, before = side.describe(), side.state()
        trace = side.observe(self.probe)
        side.load(before)
        count = len(self.probe.clean)
        grads = under_prefix("grad", trace)
        relus = [layer.name for layer in who.layers if layer.kind == "ReLU"]
        point = Point(
            who.name,
            unit,
            number,
            float(trace["loss"]) / count,
            {relu: int((trace[f"act/{relu}"] <= 0).all(axis=0).sum()) for relu in relus},
            {
                of: float(np.sqrt(np.square(grad, dtype=np.float64).sum())) / count
                for of, grad in grads.items()
            },
        )
        self.points = [
            p for p in self.points if (p.side, p.unit, p.number) != (who.name, unit, number)
        ] + [point]
        last = who.layers[-1].name
        self.images[f"{who.name}/{unit}/{number}"] = as_bytes(trace[f"act/{last}"][:EXAMPLES])

    def save(self) -> None:
        """Write the file."""
        header: dict[str, Any] = {
            "points": [asdict(point) for point in self.points],
            "probe": len(self.probe.clean),
        }
        write_arrays(self.path, self.images, header)


def record_first_steps(timeline: Timeline, side: Side, config: Config, images: Array) -> None:
    """Record a side, at its start, over the first steps of the training; `images` are the training images."""
    losses: Iterator[float] = side.fit(training_batches(config, images, STEPS[-1]))
    done = 0
    for step in STEPS:
        for _ in range(step - done):
            next(losses)
        done = step
        timeline.record(side, "step", step)


def as_bytes(images: Array) -> Array:
    """Return images in [0, 1] as whole numbers to 255."""
    rounded: Array = np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8)
    return rounded
