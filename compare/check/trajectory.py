"""The step that training takes, held against the observed one: bit for bit, twice in a row, losses and state.

What was judged tensor by tensor is the observed step. This is what makes that a judgement of
training.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from compare.check.bounds import Finding, Verdict
from compare.data.batches import Batch
from compare.data.config import DTYPES, Config
from compare.data.streams import Purpose, stream
from compare.sides.interface import Array, Side, State, distance, under_prefix
from compare.sides.subject import Make, Subject

# ---- compare.parity.step: '"""The step that training takes, held against the observed one: bit fo'
Taken = list[tuple[float, State]]  # the loss of each step and the state after it


def check_step(side: Side, batches: Sequence[Batch]) -> Iterator[Finding]:
    """Judge some steps of training; the side's state stays as it is."""
    who, before = side.describe(), side.state()
    traces = [side.observe(batch) for batch in batches]
    observed = [(float(trace["loss"]), {name: trace[name] for name in before}) for trace in traces]
    side.load(before)
    given = [Batch(batch.noisy.copy(), batch.clean.copy()) for batch in batches]
    taken = [(loss, side.state()) for loss in side.fit(given)]
    side.load(before)
    same = {
        name: np.array_equal(taken[-1][1][name], value) for name, value in observed[-1][1].items()
    }
    same["loss"] = [loss for loss, _ in taken] == [loss for loss, _ in observed]
    same["batch"] = all(
        np.array_equal(a, b)
        for pair in zip(given, batches, strict=True)
        for a, b in zip(*pair, strict=True)
    )
    last = who.layers[-1].name
    same["reconstruct"] = np.array_equal(
        side.reconstruct(batches[0].noisy), traces[0][f"act/{last}"]
    )
    detail = "" if all(same.values()) else _detail(side, batches[0], taken, observed)
    for name, held in same.items():
        verdict, ratio = (Verdict.EXACT, 0.0) if held else (Verdict.FAIL, np.inf)
        yield Finding(
            "step",
            who.name,
            who.dtype,
            "train_step",
            name,
            verdict,
            ratio,
            detail="" if held else detail,
        )


def _detail(side: Side, batch: Batch, taken: Taken, observed: Taken) -> str:
    """Say in what way the steps differ, or nothing."""
    if _equal(taken[0][1], observed[0][1]):
        if taken[0][0] != observed[0][0]:
            return "the update is right and the loss is not"
        return "the first step is right and a later one is not: something is left over, or large gradients are changed"
    swapped = {
        "its target is the noisy image": Batch(batch.noisy, batch.noisy),
        "its input is the clean image": Batch(batch.clean, batch.clean),
        "its input and its target are swapped": Batch(batch.clean, batch.noisy),
    }
    before = side.state()
    for say, other in swapped.items():
        side.observe(other)
        after = side.state()
        side.load(before)
        if _equal(after, taken[0][1]):
            return say
    return "the loss is right and the update is not" if taken[0][0] == observed[0][0] else ""


def _equal(a: State, b: State) -> bool:
    return all(np.array_equal(a[name], value) for name, value in b.items())


# ---- compare.parity.trajectory: '"""Stage 5, trajectory: a side and its reference run free from one
# star'
MEASURED = (
    1,
    2,
    3,
    5,
    7,
    10,
    15,
    20,
    30,
    50,
)  # steps after which the sides are held against each other
TWINS = 31


@dataclass(frozen=True)
class FreeRun:
    """How far apart two sides are in one dtype, after each of some steps."""

    steps: list[int]
    parameters: list[float]  # largest difference of any parameter
    loss: list[float]  # difference of the losses, relative
    twin: list[
        float
    ]  # largest difference of any parameter between the reference and one of its twins

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
    batches = {
        dtype: list(subject.batches(replace(config, dtype=dtype), MEASURED[-1])) for dtype in DTYPES
    }

    def run(make: Make, dtype: str, rng: np.random.Generator | None = None) -> Run:
        side = make(replace(config, dtype=dtype))
        if rng is not None:
            side.load(moved_by_one_ulp(side.state(), rng))
        return list(_trajectory(side, batches[dtype]))

    exact = run(subject.reference, "float64")
    reference = {
        dtype: exact if dtype == "float64" else run(subject.reference, dtype) for dtype in dtypes
    }
    ours = {dtype: run(subject.ours, dtype) for dtype in dtypes}
    statistic = _statistic(ours, exact)
    first_twin: dict[str, Run] = {}
    verdict = Verdict.FAIL
    for number in range(2 * TWINS):
        rng = stream(Purpose.TWINS, config.seed, number)
        twin = {dtype: run(subject.reference, dtype, rng) for dtype in dtypes}
        first_twin = first_twin or twin
        if (
            _statistic(twin, exact) >= statistic
        ):  # not beyond all of them any more, whatever the others say
            verdict = Verdict.WITHIN
            break
    ratio = float(np.exp(statistic - _statistic(first_twin, exact)))
    free_runs = {
        dtype: _compare(ours[dtype], reference[dtype], first_twin[dtype]) for dtype in dtypes
    }
    who = subject.ours(config).describe().name
    return Finding(
        "trajectory", who, "+".join(dtypes), "training", "param", verdict, ratio
    ), free_runs


def moved_by_one_ulp(state: State, rng: np.random.Generator) -> State:
    """Return the state with every parameter moved to one of its two neighbours among the floats, at random."""
    return {
        name: np.nextafter(
            value, np.where(rng.random(value.shape) < 0.5, -np.inf, np.inf).astype(value.dtype)
        )
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
