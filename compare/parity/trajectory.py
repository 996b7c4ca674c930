"""Tier 5, trajectory: NumPy and torch run free from one start, against how far a framework drifts from itself.

The reference's twins are the reference with every parameter moved by one ULP at the start. One statistic, declared
here: the distance of all parameters from the reference's float64 run, its logarithm averaged over the measured steps
and over both dtypes. One test: the run fails when it lies beyond all TWINS twins, and beyond as many fresh ones again.
Were NumPy one twin among the others, that would happen by chance in one run of (TWINS + 1)², which is 1,024. Adam hides
any constant factor of a gradient, so this tier certifies no formula; it is about drift.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from compare.experiment.batches import Batch, epoch_batches, steps_per_epoch
from compare.experiment.config import DTYPES, Config
from compare.experiment.streams import Purpose, stream
from compare.parity.side import Array, Side, State, distance, under_prefix
from compare.parity.verdict import Finding, Verdict

MEASURED = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)  # steps after which the sides are held against each other
TWINS = 31


@dataclass(frozen=True)
class FreeRun:
    """How far apart two sides are in one dtype, after each of some steps."""

    steps: list[int]
    parameters: list[float]  # largest difference of any parameter
    loss: list[float]  # difference of the losses, relative
    twin: list[float]  # largest difference of any parameter between the reference and one of its twins


class _Point(NamedTuple):
    loss: float
    params: dict[str, Array]


Run = list[_Point]


def check_trajectory(
    make: Callable[[str, Config], Side], config: Config, images: Array, dtypes: Sequence[str] = DTYPES
) -> tuple[Finding, dict[str, FreeRun]]:
    """Judge the drift of "numpy" from "torch", as `make` makes them; return the finding, and the distances by dtype."""
    batches = {dtype: list(first_batches(replace(config, dtype=dtype), images, MEASURED[-1])) for dtype in DTYPES}

    def run(side: str, dtype: str, rng: np.random.Generator | None = None) -> Run:
        made = make(side, replace(config, dtype=dtype))
        if rng is not None:
            made.load(moved_by_one_ulp(made.state(), rng))
        return list(_trajectory(made, batches[dtype]))

    exact = run("torch", "float64")
    reference = {dtype: exact if dtype == "float64" else run("torch", dtype) for dtype in dtypes}
    ours = {dtype: run("numpy", dtype) for dtype in dtypes}
    statistic = _statistic(ours, exact)
    first_twin: dict[str, Run] = {}
    verdict = Verdict.OFF
    for number in range(2 * TWINS):
        rng = stream(Purpose.TWINS, config.seed, number)
        twin = {dtype: run("torch", dtype, rng) for dtype in dtypes}
        first_twin = first_twin or twin
        if _statistic(twin, exact) >= statistic:  # not beyond all of them any more, whatever the others say
            verdict = Verdict.WITHIN
            break
    ratio = float(np.exp(statistic - _statistic(first_twin, exact)))
    free_runs = {dtype: _compare(ours[dtype], reference[dtype], first_twin[dtype]) for dtype in dtypes}
    return Finding("trajectory", "NumPy", "+".join(dtypes), "training", "param", verdict, ratio), free_runs


def first_batches(config: Config, images: Array, steps: int) -> Iterator[Batch]:
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


def _trajectory(side: Side, batches: Sequence[Batch]) -> Iterator[_Point]:
    """Yield where a side stands after each of the measured steps."""
    for step, loss in enumerate(side.fit(batches), start=1):
        if step in MEASURED:
            yield _Point(loss, under_prefix("param", side.state()))


def _statistic(runs: dict[str, Run], exact: Run) -> float:
    logs = [
        np.log(max(distance(here.params, there.params), np.finfo(float).tiny))
        for run in runs.values()
        for here, there in zip(run, exact, strict=True)
    ]
    return float(np.mean(logs))


def _compare(ours: Run, reference: Run, twin: Run) -> FreeRun:
    return FreeRun(
        steps=list(MEASURED),
        parameters=[distance(a.params, b.params) for a, b in zip(ours, reference, strict=True)],
        loss=[abs(a.loss - b.loss) / abs(b.loss) for a, b in zip(ours, reference, strict=True)],
        twin=[distance(a.params, b.params) for a, b in zip(twin, reference, strict=True)],
    )
