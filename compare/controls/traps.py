"""What people get wrong when they split batches among workers, each as a worker would do it."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from compare.check.shared_steps import Trap
from compare.data.batches import Batch
from compare.sides.flat import Flat


class Through:
    """A flat side of which something is changed."""

    def __init__(self, network: Flat) -> None:
        self.network, self.losses = network, network.losses

    def rows(self, count: int) -> Any:
        """Return rows of zeros."""
        return self.network.rows(count)

    def gradient(self, batch: Batch, row: Any) -> None:
        """Compute a gradient."""
        self.network.gradient(batch, row)

    def step(self, row: Any) -> None:
        """Take a step."""
        self.network.step(row)


class Averaged(Trap):
    """What DistributedDataParallel does unless it is told otherwise; the loss is a sum."""

    name = "gradients averaged over workers"

    def flat(self, network: Flat) -> Flat:
        """Divide by the number of workers."""

        class Flattened(Through):
            def step(_, row: Any) -> None:
                row /= self.count
                network.step(row)

        return Flattened(network)


class MeanOfMeans(Trap):
    """Right where shards are even, and it weighs images unequally where they are not."""

    name = "mean of means over uneven shards"

    def batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Note how many images a batch has."""
        for batch in batches:
            self.images = len(batch.clean)
            yield batch

    def flat(self, network: Flat) -> Flat:
        """Weigh a shard's images by the shard's size."""

        class Flattened(Through):
            def gradient(_, batch: Batch, row: Any) -> None:
                network.gradient(batch, row)
                row *= self.images / (self.count * len(batch.clean))

        return Flattened(network)


class SameNoise(Trap):
    """Every worker seeds its generator alike."""

    name = "the same noise on every worker"

    def flat(self, network: Flat) -> Flat:
        """Draw noise from the same seed, whatever the rank."""
        rng = np.random.default_rng(0)

        class Flattened(Through):
            def gradient(_, batch: Batch, row: Any) -> None:
                noise = 0.3 * rng.standard_normal((100, batch.clean.shape[1]))[: len(batch.clean)]
                noisy = (batch.clean + noise).astype(batch.clean.dtype)
                network.gradient(batch.but(input=noisy), row)

        return Flattened(network)


class LastDropped(Trap):
    """What a loader does with drop_last."""

    name = "last batch dropped"

    def batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Leave out a batch that is shorter than the first."""
        whole = None
        for batch in batches:
            whole = whole or len(batch.clean)
            if len(batch.clean) == whole:
                yield batch


class Duplicates(Trap):
    """What DistributedSampler does unless it drops: it repeats images until shards are even."""

    name = "sampler's duplicates"

    def batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Repeat the first images of a batch that does not divide."""
        for batch in batches:
            more = -len(batch.clean) % self.count
            yield batch.but(**{n: np.concatenate([a, a[:more]]) for n, a in batch.items()})


class OtherStart(Trap):
    """Every worker but the first draws weights of its own, and nobody sends the first one's."""

    name = "a worker that starts from other weights"

    def start(self, side: Any) -> None:
        """Move the last worker's weights by a little."""
        if self.rank == self.count - 1:
            state = side.state()
            state["param/fc1.weight"] *= 1.01
            side.load(state)


class MissedUpdate(Trap):
    """A worker skips a step, for a number in its own shard that it does not like."""

    name = "a worker that misses an update"

    def flat(self, network: Flat) -> Flat:
        """Skip the last worker's third step."""
        steps = iter(range(10**9))

        class Flattened(Through):
            def step(_, row: Any) -> None:
                if next(steps) != 2 or self.rank != self.count - 1:
                    network.step(row)

        return Flattened(network)


TRAPS: tuple[type[Trap], ...] = (
    Averaged,
    MeanOfMeans,
    SameNoise,
    LastDropped,
    Duplicates,
    OtherStart,
    MissedUpdate,
)
