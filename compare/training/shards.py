"""A step of training in parts: each batch is cut into fixed shards, whose gradients are added up.

The loss is a sum over images, so the gradient of a batch is the sum of its shards' gradients. Who
computes which shard, one process after another or several at once, changes nothing, and the order
of the sum is always that of the shards. So it changes not a bit either: floating-point addition
rounds, and depends on its order alone.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from compare.data.batches import Batch
from compare.sides.flat import Flat, make_flat
from compare.sides.interface import Losses


class Team(Protocol):
    """Workers that share the shards of every batch; each has a rank, from 0 on."""

    rank: int
    count: int

    def gather(self, mine: Any) -> Any:
        """Return the rows of all workers, (count · rows, length), given one's own, by rank."""

    def leave(self, why: str) -> None:
        """Part from the others."""


def cut(batch: Batch, shards: int) -> list[Batch]:
    """Return the shards of a batch, in order, as even as can be; where images are few, some empty.

    They are a function of the batch's size and of the number of shards alone.
    """
    count = len(batch.clean)
    bounds = [count * number // shards for number in range(shards + 1)]

    def part(begin: int, end: int) -> Batch:
        return batch.each(lambda array: array[begin:end])

    return [part(*span) for span in pairwise(bounds)]


def own(rank: int, workers: int, shards: int) -> range:
    """Return the numbers of the shards that a worker computes: neighbours, as even as can be."""
    return range(shards * rank // workers, shards * (rank + 1) // workers)


def fit(
    side: Any,
    batches: Iterable[Batch],
    shards: int = 1,
    team: Team | None = None,
    flat: Callable[[Any], Flat] | None = None,
) -> Iterator[Losses]:
    """Take a step on each batch, cut into so many shards, alone or in a team; yield its loss.

    `flat` makes the side flat, where something is to watch what goes through it.
    """
    if shards == 1 and flat is None:
        yield from side.fit(batches)
        return
    network = (flat or make_flat)(side)
    gradients = _gathered(network, shards, team) if team else _one_by_one(network)
    (total,) = network.rows(1)
    for batch in batches:
        losses = np.zeros(network.losses)
        for number, row in enumerate(gradients(cut(batch, shards))):
            if number == 0:
                total[:] = row
            else:
                total += row
            losses += [float(loss) for loss in row[-network.losses :]]
        network.step(total)
        yield float(losses[0]) if len(losses) == 1 else tuple(map(float, losses))


def _one_by_one(network: Flat) -> Callable[[list[Batch]], Iterator[Any]]:
    """Return how one process computes the shards' gradients: in the memory of a single row."""
    (row,) = network.rows(1)

    def gradients(shards: list[Batch]) -> Iterator[Any]:
        for shard in shards:
            _gradient(network, shard, row)
            yield row

    return gradients


def _gathered(network: Flat, shards: int, team: Team) -> Callable[[list[Batch]], Iterator[Any]]:
    """Return how a worker computes its own shards' gradients, and gets everybody's."""
    spans = [own(rank, team.count, shards) for rank in range(team.count)]
    most = max(map(len, spans))
    # Who has fewer shards than others sends rows that nobody reads.
    places = [rank * most + i for rank, span in enumerate(spans) for i in range(len(span))]
    mine = network.rows(most)

    def gradients(batch: list[Batch]) -> Iterator[Any]:
        for number, row in zip(spans[team.rank], mine, strict=False):
            _gradient(network, batch[number], row)
        rows = team.gather(mine)
        return (rows[place] for place in places)

    return gradients


def _gradient(network: Flat, shard: Batch, row: Any) -> None:
    if len(shard.clean):
        network.gradient(shard, row)
    else:
        row[:] = 0
