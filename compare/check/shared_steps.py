"""Steps that several workers share against the same steps of one process, bit for bit.

They are held together in the order in which one causes the next: the start, the images and their
noise, the gradient that is applied, the state after the step. The first that differs is told.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.data.batches import Batch, Images, epoch_batches
from compare.data.config import Config
from compare.sides.flat import Flat, make_flat
from compare.sides.interface import Array, State
from compare.sides.subject import make_side
from compare.training.shards import Team, fit

# Small. Unclipped noise is what is left when the image is subtracted.
SMALL = Config(hidden_dim=24, latent_dim=5, batch_size=32, clip=False, epochs=2)
# The last batch of an epoch is short, and for 2 to 12 workers its shards are uneven.
LAST = 13
NOISES = {"input": "noise", "noise": "latent noise"}  # by entry of a batch
IMAGES = 2 * SMALL.batch_size + LAST


class Trap:
    """What a worker may do otherwise; this one does nothing."""

    name = "none"

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count

    def start(self, side: Any) -> None:
        """Change where the side starts."""

    def batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches that are trained on."""
        yield from batches

    def flat(self, network: Flat) -> Flat:
        """Return the network as gradients and steps go through it."""
        return network


@dataclass
class Step:
    """One step, as one worker took it."""

    parts: list[Batch] = field(default_factory=list)  # its shards, in order
    gradients: list[Array] = field(default_factory=list)  # of each
    applied: Array | None = None  # what the optimizer was given
    state: State = field(default_factory=dict)  # after it


@dataclass
class Record:
    """The steps of one worker, by epoch."""

    start: State
    epochs: list[list[Step]] = field(default_factory=list)


class Recorder:
    """A flat side that writes down what goes through it."""

    def __init__(self, network: Flat, step: Callable[[], Step]) -> None:
        self.network, self.losses, self.now = network, network.losses, step

    def rows(self, count: int) -> Any:
        """Return rows of zeros."""
        return self.network.rows(count)

    def gradient(self, batch: Batch, row: Any) -> None:
        """Compute a gradient."""
        self.network.gradient(batch, row)
        self.now().parts.append(batch)
        self.now().gradients.append(self._gradient(row))

    def step(self, row: Any) -> None:
        """Take a step."""
        self.now().applied = self._gradient(row)
        self.network.step(row)

    def _gradient(self, row: Any) -> Array:
        gradient: Array = np.asarray(row[: -self.losses]).copy()
        return gradient


def record(name: str, config: Config, images: Images, trap: Trap, team: Team | None) -> Record:
    """Train a side in a team, or alone in as many shards; return what happened here."""
    side = make_side(name, config)
    trap.start(side)
    found = Record(side.state())

    def flat(side: Any) -> Flat:
        return trap.flat(Recorder(make_flat(side), lambda: found.epochs[-1][-1]))

    for epoch in range(config.epochs):
        found.epochs.append([Step()])
        batches = trap.batches(epoch_batches(config, images, epoch))
        for _ in fit(side, batches, trap.count, team, flat):
            found.epochs[-1][-1].state = side.state()
            found.epochs[-1].append(Step())
        found.epochs[-1].pop()
    return found


def judge(workers: Sequence[Record], alone: Record) -> str | None:
    """Say what workers do otherwise than one process; None where every bit is the same."""
    for rank, worker in enumerate(workers):
        if not _same(worker.start, alone.start):
            return f"worker {rank} starts from other weights than one process does"
    for epoch, expected in enumerate(alone.epochs):
        for number, one in enumerate(expected):
            where = f"in epoch {epoch + 1}, step {number + 1}"
            if number >= len(workers[0].epochs[epoch]):
                missing = sum(len(part.clean) for part in one.parts)
                return f"{where}, nobody trains on the last {missing} images: a batch is dropped"
            many = [worker.epochs[epoch][number] for worker in workers]
            if wrong := _images(many, one) or _gradient(many, one) or _update(many, one):
                return f"{where}, {wrong}"
    return None


def _images(many: Sequence[Step], one: Step) -> str | None:
    """Say what is wrong with what the workers see."""
    whole, parts = _together(one), [_together(step) for step in many]
    clean = _joined(parts, "target")
    if len(clean) > len(whole.clean):
        counts = f"the workers see {len(clean)} images of a batch of {len(whole.clean)}"
        return f"{counts}: some are repeated"
    if not np.array_equal(clean, whole.clean):
        return "the workers see other images than one process does"
    for name, what in NOISES.items():
        if name in whole and not np.array_equal(_joined(parts, name), whole[name]):
            noise = [p[name] - p.clean if name == "input" else p[name] for p in parts]
            if len(noise) > 1 and _alike(noise):
                return f"every worker draws the same {what}"
            return f"the workers see other {what} than one process does"
    return None


def _alike(noise: Sequence[Array]) -> bool:
    """Whether workers' first rows are equal but for rounding."""
    rows = min(map(len, noise))
    # Subtracting the image again rounds: noisy is below 4, in units of the last place.
    near = 4 * np.finfo(noise[0].dtype).eps
    return all(np.abs(n[:rows] - noise[0][:rows]).max() <= near for n in noise)


def _gradient(many: Sequence[Step], one: Step) -> str | None:
    """Say what is wrong with the gradient that most workers apply."""
    applied = next((step.applied for step in many if step.applied is not None), None)
    if applied is None or one.applied is None:
        return "no worker applies a gradient"
    if np.array_equal(applied, one.applied):
        return None
    count, rows = len(many), [len(part.clean) for part in one.parts]
    weights = {
        f"the gradient is averaged over workers: it is 1/{count} of the sum": [1 / count] * count,
        f"the gradient is the mean of the workers' means, whose shards have {_list(rows)} images": [
            sum(rows) / (count * n) for n in rows
        ],
    }
    # Each term and each sum of a candidate is rounded once, and once where it was applied.
    roundings = 2 * (count + 1) * np.finfo(applied.dtype).eps
    for sentence, by in weights.items():
        terms = [weight * g.astype(np.float64) for weight, g in zip(by, one.gradients, strict=True)]
        allowed = roundings * sum(np.abs(term) for term in terms)
        if (np.abs(applied - sum(terms)) <= allowed).all():
            return sentence
    return "the gradient is not the sum of the shards' gradients"


def _update(many: Sequence[Step], one: Step) -> str | None:
    """Say which worker's step is another one than the others'."""
    for rank, step in enumerate(many):
        if step.applied is None:
            return f"worker {rank} misses the update"
        if not _same(step.state, one.state):
            return f"worker {rank} ends at other weights than one process does"
    return None


def _together(step: Step) -> Batch:
    parts = step.parts
    return parts[0].but(**{name: _joined(parts, name) for name in parts[0]})


def _joined(parts: Sequence[Batch], name: str) -> Array:
    return np.concatenate([part[name] for part in parts])


def _same(a: State, b: State) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in b)


def _list(numbers: Sequence[int]) -> str:
    return " and ".join([", ".join(map(str, numbers[:-1])), str(numbers[-1])])
