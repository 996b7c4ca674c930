"""How a training looks from inside, over time: reconstructions, dead units and gradients.

A point is a step among the first, or the end of an epoch. Each side takes one observed step on a
fixed batch of noisy test images, and takes it back: nothing here changes the training.
"""

from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from compare.data.batches import noisy_test_images, training_batches
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.files import as_we_wrote_it, read_arrays, write_arrays
from compare.quality.codecs import spread_out
from compare.sides.interface import Array, Side, observed, under_prefix

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
        self.probe = test.each(lambda images: images[rows].astype(config.dtype))
        self.points: list[Point] = []
        self.images: dict[str, Array] = {}
        if path.exists():
            self.images, header = read_arrays(path)
            with as_we_wrote_it(path):
                self.points = [Point(**point) for point in header["points"]]
        self.images |= {name: _examples(getattr(self.probe, name)) for name in ("noisy", "clean")}

    def record(self, side: Side, unit: str, number: int) -> None:
        """Add a point where a side is now, in place of one for the same time."""
        who, trace, count = side.describe(), observed(side, self.probe), len(self.probe.clean)
        time = (who.name, unit, number)
        relus = [layer.name for layer in who.layers if layer.kind == "ReLU"]
        squares = {
            name: np.square(grad, dtype=np.float64).sum()
            for name, grad in under_prefix("grad", trace).items()
        }
        point = Point(
            *time,
            float(trace["loss"]) / count,
            {relu: int((trace[f"act/{relu}"] <= 0).all(axis=0).sum()) for relu in relus},
            {name: float(np.sqrt(square)) / count for name, square in squares.items()},
        )
        others = (p for p in self.points if (p.side, p.unit, p.number) != time)
        self.points = [*others, point]
        output = trace[f"act/{who.layers[-1].name}"]
        self.images[f"{who.name}/{unit}/{number}"] = _examples(output)

    def save(self) -> None:
        """Write the file."""
        points = [asdict(point) for point in self.points]
        write_arrays(self.path, self.images, {"points": points, "probe": len(self.probe.clean)})


def record_first_steps(timeline: Timeline, side: Side, config: Config, images: Array) -> None:
    """Record a side, at its start, over the first steps; `images` are the training images."""
    losses = side.fit(training_batches(config, images, STEPS[-1]))
    timeline.record(side, "step", STEPS[0])
    for before, step in pairwise(STEPS):
        for _ in range(step - before):
            next(losses)
        timeline.record(side, "step", step)


def _examples(images: Array) -> Array:
    """Return the first images, in [0, 1], as bytes."""
    rounded: Array = np.rint(255 * np.clip(images[:EXAMPLES], 0, 1)).astype(np.uint8)
    return rounded
