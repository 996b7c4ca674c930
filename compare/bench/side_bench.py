"""A user-supplied network's training step against the same network of torch's parts."""

from collections.abc import Sequence
from itertools import cycle, islice
from time import perf_counter

import numpy as np

from compare import machine
from compare.check.bounds import Finding
from compare.check.network import check_network
from compare.data.batches import Batch, Purpose, stream
from compare.data.config import Config
from compare.errors import UserError
from compare.sides.calls import Calls
from compare.sides.interface import Side
from compare.sides.process import Step
from compare.sides.user import user_supplied
from compare.tables import Table

ROUNDS = 9  # odd, so that a median is a round's
SLICE = 0.3  # seconds that a side trains for, at least, before the other does
BATCHES = 16


def time_side(
    name: str,
    config: Config,
    images: np.ndarray,
    device: str,
    threads: int,
    calls: Calls,
    on_step: Step,
) -> Table:
    """Return the time of a step of the side that "module:factory" makes, and of its reference's.

    Both train in turns, from the same start, on the same batches. Raises `UserError` where a
    tensor of the side's first step fails.
    """
    machine.set_threads(threads)
    subject = user_supplied(name, config, images, device=device, calls=calls)
    sides = [subject.ours(config), subject.reference(config)]
    batches = list(subject.batches(config, BATCHES))
    for wrong in _wrong(sides[0], batches[0], config):
        raise UserError(
            f"{name}: {wrong.tensor} of its first step fails, and a wrong step is not timed; "
            f"python -m compare check --side {name} says more"
        )
    steps = [_steps(side, batches) for side in sides]
    rounds = np.array(
        [
            [_seconds(side, batches, n) for side, n in zip(sides, steps, strict=True)]
            for _ in range(ROUNDS)
        ]
    )
    ratios = rounds[:, 0] / rounds[:, 1]
    rows = [
        (side.describe().name, *(f"{1e3 * t:.3g}" for t in _spread(times)), f"{n}")
        for side, times, n in zip(sides, rounds.T, steps, strict=True)
    ]
    middle, low, high = _spread(ratios)
    verdict = f"{middle:.2f} of its reference's time ({low:.2f}–{high:.2f})"
    title = f"A step of {name}: {verdict}; batch {config.batch_size}, {threads} thread(s)"
    return Table(title, ("side", "ms/step", "10 %", "90 %", "steps a round"), rows)


def _wrong(side: Side, batch: Batch, config: Config) -> list[Finding]:
    rng = stream(Purpose.CHECK, config.seed, 4)
    return [found for found in check_network(side, batch, rng) if not found.verdict.held]


def _steps(side: Side, batches: Sequence[Batch]) -> int:
    """Return how many steps fill a slice; what has been slow once, the first steps, is over."""
    _seconds(side, batches, 3)
    return max(3, int(SLICE / _seconds(side, batches, 3)))


def _seconds(side: Side, batches: Sequence[Batch], steps: int) -> float:
    """Return the time of a step: a side goes back to where it was after so many."""
    before, given = side.state(), list(islice(cycle(batches), steps))
    start = perf_counter()
    for _ in side.fit(given):
        pass
    taken = perf_counter() - start
    side.load(before)
    return taken / steps


def _spread(values: np.ndarray) -> tuple[float, float, float]:
    """Return the median, and the tenth and ninetieth percentile."""
    low, middle, high = map(float, np.percentile(values, [10, 50, 90]))
    return middle, low, high
