"""Positive controls: random networks with no fault, at every size and scale; none may fail."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice, product

import numpy as np

from compare import machine
from compare.check.bounds import Finding
from compare.check.formula import check_formula
from compare.check.stages import check_side
from compare.data.batches import Purpose, stream, training_batches
from compare.data.config import DTYPES, Config
from compare.sides.interface import Side, State
from compare.sides.subject import LABELS, make_side
from compare.tables import Table

EVERY = 10  # of each peculiar kind there is one configuration in ten, at least
WEIGHTS = (1e-3, 0.1, 1.0, 3.0, 10.0)  # times the weights that PyTorch would start with
# Times images in [0, 1]; with the largest weights, activations stay below 1e8.
INPUTS = (1e-6, 1e-3, 1.0, 10.0)
# A bias of this size on the output; its sigmoid is 1 in float32 and float64, or 4e-18.
SATURATING = 40.0


@dataclass(frozen=True)
class Healthy:
    """One configuration: a side, its config, what is done to its first weights and batches."""

    side: str
    config: Config
    threads: int
    weights: float
    inputs: float
    dead: bool  # half of the hidden units never wake
    saturated: bool  # the outputs are near 0 or 1

    def kinds(self) -> list[str]:
        """Return all that this configuration is one of."""
        ones = ("hidden_dim", "latent_dim", "batch_size")
        return [
            self.side,
            self.config.dtype,
            f"threads {self.threads}",
            f"weights × {self.weights:g}",
            f"inputs × {self.inputs:g}",
            *(["square layers"] if self.config.hidden_dim == self.config.latent_dim else []),
            *(f"{name} 1" for name in ones if getattr(self.config, name) == 1),
            *(f"{name} units" for name in ("dead", "saturated") if getattr(self, name)),
        ]


def healthy(seed: int = 0) -> Iterator[Healthy]:
    """Yield random configurations without end, kinds, sides, dtypes and threads one by one."""
    combinations = list(product(LABELS, DTYPES, (1, 2)))
    for number in count():
        rng = stream(Purpose.CHECK, seed, epoch=1, step=number)
        kind = number % EVERY
        # Each of them meets every kind.
        side, dtype, threads = combinations[(number + number // EVERY) % len(combinations)]
        hidden, latent = int(rng.integers(1, 65)), int(rng.integers(1, 17))
        yield Healthy(
            side=side,
            config=Config(
                hidden_dim=1 if kind == 0 else hidden,
                latent_dim={1: 1, 5: hidden}.get(kind, latent),
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


def judge(case: Healthy, images: np.ndarray) -> list[Finding]:
    """Run on one configuration every stage but the trajectory and the defaults."""
    machine.set_threads(case.threads)
    side = make_side(case.side, case.config)
    side.load(_state(case, side))
    batches = [
        batch.but(input=batch.noisy * batch.noisy.dtype.type(case.inputs))
        for batch in training_batches(case.config, images, 2)
    ]
    last = len(images) % case.config.batch_size or case.config.batch_size
    findings = list(check_side(side, case.config, batches, last))
    if (case.side, case.config.dtype) == ("numpy", "float64"):  # torch's loss is never complex
        rng = stream(Purpose.CHECK, case.config.seed, epoch=2)
        findings += check_formula(side, batches[0], rng)
    return findings


def false_alarms(
    number: int, images: np.ndarray, seed: int = 0
) -> Iterator[tuple[Healthy, list[Finding]]]:
    """Yield so many configurations, each with its findings that fail, of which none should."""
    for case in islice(healthy(seed), number):
        yield case, [finding for finding in judge(case, images) if not finding.verdict.held]


def census(cases: Sequence[Healthy], alarms: int) -> Table:
    """Return how many configurations there were of each kind."""
    counts = Counter(kind for case in cases for kind in case.kinds())
    title = f"{len(cases)} healthy configurations: {alarms} false alarms"
    columns = ("of the kind", "configurations")
    return Table(title, columns, [(kind, str(counts[kind])) for kind in sorted(counts)])


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
