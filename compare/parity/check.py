"""The parity check: one step observed on both sides, then a stretch of free-running steps."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from compare.experiment.batches import Batch, epoch_batches, steps_per_epoch
from compare.experiment.config import DTYPES, Config
from compare.experiment.streams import Purpose, stream
from compare.parity.side import Array, Side, State, distance, under_prefix
from compare.parity.sides import make_side
from compare.parity.traces import compare_traces, first_off
from compare.parity.verdict import Finding

MEASURED = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)  # steps after which the sides are held against each other
TWINS = ("numpy",) * 3
HEAVY_TAIL = 10.0  # distances of twins are heavy-tailed: a healthy run may stand at a few times the largest of three


@dataclass(frozen=True)
class FreeRun:
    """NumPy and torch training apart from one start: their distance after each step, and what one bit may do."""

    steps: list[int]
    parameters: list[float]  # largest difference of any parameter
    loss: list[float]  # difference of the losses, relative
    twins: list[float]  # largest difference of any parameter between a side and its twins, one ULP apart at the start

    @property
    def held(self) -> bool:
        """Whether the sides drift apart no further than one side drifts from itself."""
        return max(self.parameters) <= HEAVY_TAIL * max(self.twins)


@dataclass(frozen=True)
class Report:
    """All that a check found. `held` decides the exit code."""

    steps: dict[str, list[Finding]]  # by dtype
    free_runs: dict[str, FreeRun]

    @property
    def held(self) -> bool:
        """Whether everything agreed."""
        steps_held = all(first_off(findings) is None for findings in self.steps.values())
        return steps_held and all(run.held for run in self.free_runs.values())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "held": self.held,
            "steps": {dtype: [asdict(finding) for finding in findings] for dtype, findings in self.steps.items()},
            "free_runs": {dtype: {"held": run.held, **asdict(run)} for dtype, run in self.free_runs.items()},
        }


def check(config: Config, images: np.ndarray, *, device: str = "cpu", dtypes: Sequence[str] = DTYPES) -> Report:
    """Compare NumPy with torch on the config's network and first batches, in each dtype.

    `images` are the training images, (n, height, width) uint8.
    """
    steps, free_runs = {}, {}
    for dtype in dtypes:
        typed = replace(config, dtype=dtype)
        batch = next(epoch_batches(typed, images, epoch=0))
        numpy_side, torch_side = (make_side(name, typed, device=device) for name in ("numpy", "torch"))
        trace, reference = numpy_side.observe(batch), torch_side.observe(batch)
        steps[dtype] = compare_traces(reference, trace, numpy_side.describe(), config.lr)
        free_runs[dtype] = free_run(typed, images, device=device)
    return Report(steps, free_runs)


def free_run(config: Config, images: np.ndarray, *, device: str = "cpu") -> FreeRun:
    """Train NumPy, torch and NumPy's twins one after the other; measure how far apart they were on the way."""
    numpy_side, torch_side, *twins = (make_side(name, config, device=device) for name in ("numpy", "torch", *TWINS))
    for i, twin in enumerate(twins):
        twin.load(moved_by_one_ulp(twin.state(), stream(Purpose.TWINS, config.seed, i)))
    batches = list(first_batches(config, images, MEASURED[-1]))
    here, there, *others = (_trajectory(side, batches) for side in (numpy_side, torch_side, *twins))
    return FreeRun(
        steps=list(MEASURED),
        parameters=[distance(a.params, b.params) for a, b in zip(here, there, strict=True)],
        loss=[abs(a.loss - b.loss) / abs(b.loss) for a, b in zip(here, there, strict=True)],
        twins=[max(distance(a.params, b.params) for b in twin) for a, *twin in zip(here, *others, strict=True)],
    )


class _Point(NamedTuple):
    loss: float
    params: dict[str, Array]


def _trajectory(side: Side, batches: Sequence[Batch]) -> list[_Point]:
    """Return where a side stands after each of the measured steps."""
    return [
        _Point(loss, under_prefix("param", side.state()))
        for step, loss in enumerate(side.fit(batches), start=1)
        if step in MEASURED
    ]


def first_batches(config: Config, images: np.ndarray, steps: int) -> Iterator[Batch]:
    """Yield the first batches of a training, over as many epochs as it takes."""
    per_epoch = steps_per_epoch(config, len(images))
    for epoch in range(-(-steps // per_epoch)):
        for _, batch in zip(range(steps - epoch * per_epoch), epoch_batches(config, images, epoch), strict=False):
            yield batch


def moved_by_one_ulp(state: State, rng: np.random.Generator) -> State:
    """Return the state with every parameter moved to one of its two neighbours among the floats, at random."""
    return {
        name: np.nextafter(value, np.where(rng.random(value.shape) < 0.5, -np.inf, np.inf).astype(value.dtype))
        if name.startswith("param/")
        else value
        for name, value in state.items()
    }
