"""Tier 5, trajectory: a side and its reference run free from one start, against how far a framework drifts from itself.

The reference's twins are the reference with every parameter moved by one ULP at the start. One statistic, declared
here: the distance of all parameters from the reference's float64 run, its logarithm averaged over the measured steps
and over both dtypes. One test: the run fails when it lies beyond all TWINS twins, and beyond as many fresh ones again.
Were the side one twin among the others, that would happen by chance in one run of (TWINS + 1)², which is 1,024. Adam
hides any constant factor of a gradient, so this tier certifies no formula; it is about drift.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from compare.experiment.batches import Batch
from compare.experiment.config import DTYPES, Config
from compare.experiment.streams import Purpose, stream
from compare.parity.side import Array, Side, State, distance, under_prefix
from compare.parity.subject import Make, Subject
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

    def __str__(self) -> str:
        """Say how far apart they ended."""
        steps, ours, twin = self.steps[-1], self.parameters[-1], self.twin[-1]
        return f"{ours:.1e} apart after {steps} free steps; a twin moved by one ULP {twin:.1e}"


class _Point(NamedTuple):
    loss: float
    params: dict[str, Array]


Run = list[_Point]


def check_trajectory(
    subject: Subject, config: Config, dtypes: Sequence[str] = DTYPES
) -> tuple[Finding, dict[str, FreeRun]]:
    """Judge a subject's drift from its reference; return the finding, and the distances by dtype."""
    batches = {dtype: list(subject.batches(replace(config, dtype=dtype), MEASURED[-1])) for dtype in DTYPES}

    def run(make: Make, dtype: str, rng: np.random.Generator | None = None) -> Run:
        side = make(replace(config, dtype=dtype))
        if rng is not None:
            side.load(moved_by_one_ulp(side.state(), rng))
        return list(_trajectory(side, batches[dtype]))

    exact = run(subject.reference, "float64")
    reference = {dtype: exact if dtype == "float64" else run(subject.reference, dtype) for dtype in dtypes}
    ours = {dtype: run(subject.ours, dtype) for dtype in dtypes}
    statistic = _statistic(ours, exact)
    first_twin: dict[str, Run] = {}
    verdict = Verdict.OFF
    for number in range(2 * TWINS):
        rng = stream(Purpose.TWINS, config.seed, number)
        twin = {dtype: run(subject.reference, dtype, rng) for dtype in dtypes}
        first_twin = first_twin or twin
        if _statistic(twin, exact) >= statistic:  # not beyond all of them any more, whatever the others say
            verdict = Verdict.WITHIN
            break
    ratio = float(np.exp(statistic - _statistic(first_twin, exact)))
    free_runs = {dtype: _compare(ours[dtype], reference[dtype], first_twin[dtype]) for dtype in dtypes}
    who = subject.ours(config).describe().name
    return Finding("trajectory", who, "+".join(dtypes), "training", "param", verdict, ratio), free_runs


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
