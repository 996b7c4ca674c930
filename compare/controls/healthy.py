"""Positive controls: random networks with nothing wrong, at every size and scale, none of which may be called off."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

import numpy as np

from compare import machine
from compare.check.bounds import Finding
from compare.check.formula import check_formula
from compare.check.stages import check_side
from compare.data.batches import Batch, training_batches
from compare.data.config import DTYPES, Config
from compare.data.streams import Purpose, stream
from compare.sides.interface import Side, State
from compare.sides.subject import LABELS, make_side
from compare.tables import Table

EVERY = 10  # of each peculiar kind there is one configuration in ten, at least
WEIGHTS = (1e-3, 0.1, 1.0, 3.0, 10.0)  # times the weights that PyTorch would start with
INPUTS = (
    1e-6,
    1e-3,
    1.0,
    10.0,
)  # times images in [0, 1]; with the largest weights, activations stay below 1e8
SATURATING = (
    40.0  # a bias of this size on the output; its sigmoid is 1 in float32 and float64, or 4e-18
)


@dataclass(frozen=True)
class Healthy:
    """One configuration: a side's name, its config, and what is done to its first weights and its batches."""

    side: str
    config: Config
    threads: int
    weights: float
    inputs: float
    dead: bool  # half of the hidden units never wake
    saturated: bool  # the outputs are near 0 or 1

    def kinds(self) -> Iterator[str]:
        """Yield all that this configuration is one of."""
        yield from (self.side, self.config.dtype, f"{self.threads} threads")
        yield from (f"weights × {self.weights:g}", f"inputs × {self.inputs:g}")
        for name in ("hidden_dim", "latent_dim", "batch_size"):
            if getattr(self.config, name) == 1:
                yield f"{name} 1"
        for name in ("dead", "saturated"):
            if getattr(self, name):
                yield f"{name} units"


def healthy(seed: int = 0) -> Iterator[Healthy]:
    """Yield random configurations without end: kinds, sides, dtypes and threads by turns, all else by chance."""
    turns = list(product(LABELS, DTYPES, (1, 2)))
    number = 0
    while True:
        rng = stream(Purpose.CHECK, seed, epoch=1, step=number)
        kind = number % EVERY
        side, dtype, threads = turns[
            (number + number // EVERY) % len(turns)
        ]  # of which each meets every kind
        yield Healthy(
            side=side,
            config=Config(
                hidden_dim=1 if kind == 0 else int(rng.integers(1, 65)),
                latent_dim=1 if kind == 1 else int(rng.integers(1, 17)),
                batch_size=1 if kind == 2 else int(rng.integers(1, 65)),
                lr=float(10 ** rng.uniform(-5, -1)),
                beta1=float(rng.uniform(0, 0.99)),
                beta2=float(rng.uniform(0.9, 0.9999)),
                noise=float(rng.uniform(0, 1)),
                seed=number,
                dtype=dtype,
            ),
            threads=threads,
            weights=float(rng.choice(WEIGHTS)),
            inputs=float(rng.choice(INPUTS)),
            dead=kind == 3 or rng.random() < 1 / EVERY,
            saturated=kind == 4 or rng.random() < 1 / EVERY,
        )
        number += 1


def judge(case: Healthy, images: np.ndarray) -> list[Finding]:
    """Run on one configuration every stage but the trajectory and the defaults."""
    machine.set_threads(case.threads)
    side = make_side(case.side, case.config)
    side.load(_state(case, side))
    batches = [
        Batch(batch.noisy * batch.noisy.dtype.type(case.inputs), batch.clean)
        for batch in training_batches(case.config, images, 2)
    ]
    findings = list(check_side(side, case.config, batches))
    if (case.side, case.config.dtype) == (
        "numpy",
        "float64",
    ):  # torch's loss takes no complex numbers
        findings += check_formula(
            side, batches[0], stream(Purpose.CHECK, case.config.seed, epoch=2)
        )
    return findings


def false_alarms(
    count: int, images: np.ndarray, seed: int = 0
) -> Iterator[tuple[Healthy, list[Finding]]]:
    """Yield each of so many configurations, with its findings that are off, of which there should be none."""
    for case in islice(healthy(seed), count):
        yield case, [finding for finding in judge(case, images) if not finding.verdict.held]


def census(cases: Sequence[Healthy], alarms: int) -> Table:
    """Return how many configurations there were of each kind."""
    counts = Counter(kind for case in cases for kind in case.kinds())
    title = f"{len(cases)} healthy configurations: {alarms} false alarms"
    return Table(
        title,
        ("of the kind", "configurations"),
        [(kind, str(counts[kind])) for kind in sorted(counts)],
    )


def _state(case: Healthy, side: Side) -> State:
    rng = stream(Purpose.CHECK, case.config.seed, epoch=3)
    state = side.state()
    for name, value in state.items():
        if name.endswith(".weight") and name.startswith("param/"):
            value *= value.dtype.type(case.weights)
    if case.dead:
        for layer in ("fc1", "fc3"):
            bias = state[f"param/{layer}.bias"]
            bias[rng.random(bias.shape) < 0.5] = -1e6
    if case.saturated:
        bias = state["param/fc4.bias"]
        bias[...] = SATURATING * rng.choice([-1, 1], bias.shape)
    return state
