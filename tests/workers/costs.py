"""What sharing a batch costs: seconds a step, and of them those of the exchange, by workers."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from compare.data.batches import Batch, Images, training_batches
from compare.data.config import Config
from compare.sides.subject import make_side
from compare.training.shards import fit

STEPS, WARM = 40, 5
WIDTHS = (100, 400, 1600)
BATCHES = (128, 512)


class Cost(NamedTuple):
    """Seconds of the fastest step, and of the fastest exchange: other processes disturb both."""

    step: float
    exchange: float
    parameters: int


class Timed:
    """A team whose exchange is timed."""

    def __init__(self, team: Any) -> None:
        self.team, self.rank, self.count = team, team.rank, team.count
        self.seconds: list[float] = []

    def gather(self, mine: Any) -> Any:
        """Return everybody's rows."""
        begun = time.perf_counter()
        rows = self.team.gather(mine)
        self.seconds.append(time.perf_counter() - begun)
        return rows

    def leave(self, why: str) -> None:
        """Part."""
        self.team.leave(why)


def cost(name: str, width: int, batch: int, images: Images, team: Any) -> Cost:
    """Time the steps of one side, each worker with one shard."""
    config = Config(hidden_dim=width, batch_size=batch)
    side = make_side(name, config)
    timed = Timed(team)
    whole = images[: len(images) // batch * batch]  # no batch is short
    batches = list(training_batches(config, whole, STEPS + WARM))
    seconds = []

    def now(batches: list[Batch]) -> Iterator[Batch]:
        for one in batches:
            seconds.append(time.perf_counter())
            yield one

    for _ in fit(side, now(batches), team.count, timed if team.count > 1 else None):
        pass
    seconds.append(time.perf_counter())
    parameters = sum(v.size for k, v in side.state().items() if k.startswith("param/"))
    exchange = min(timed.seconds[WARM:]) if timed.seconds else 0.0
    return Cost(float(np.diff(seconds)[WARM:].min()), exchange, parameters)


def costs(team: Any, images: Images) -> dict[tuple[str, int, int], Cost]:
    """Return the cost of a step by side, width and batch."""
    cases = [(name, w, b) for name in ("numpy", "torch") for w in WIDTHS for b in BATCHES]
    return {case: cost(*case, images, team) for case in cases}
