"""The variants of one setting, each in its own process, in interleaved rounds.

The order is A B C, then C B A, then another, B A C, then C A B. What disturbs the machine for long
then disturbs all variants, and ratios are taken within a round.
"""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from compare import machine
from compare.bench import worker
from compare.bench.results import Row, TrainingRow
from compare.bench.variants import LOWER_BOUNDS, SPECS
from compare.data.batches import Batch, Images, training_batches
from compare.data.config import Config
from compare.errors import UserError

BATCHES = 8  # that a variant goes round and round, where they are small
IMAGES = 1024  # that they have in all, or one batch


@dataclass(frozen=True)
class Plan:
    """How long to measure: rounds of so many seconds for every variant."""

    rounds: int
    seconds: float
    fresh: bool = False  # its processes end with it: a second compilation is a faster one


class Part(NamedTuple):
    """Some variants in one setting."""

    variants: tuple[str, ...]
    config: Config
    threads: int
    device: str
    plan: Plan


class Processes:
    """One process for every variant asked for, kept from setting to setting; a context manager.

    Lower bounds have one for each library: importing torch takes longer than timing them.
    """

    def __init__(self) -> None:
        self.pools: dict[str, ProcessPoolExecutor] = {}
        self.pids: dict[str, int] = {}

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for name, pool in self.pools.items():
            if kind is not None:  # do not wait for its work; an interrupt may have ended it
                with suppress(ProcessLookupError, KeyError):
                    os.kill(self.pids[name], signal.SIGKILL)
            pool.shutdown()

    def begin(self, variants: Iterable[str]) -> None:
        """Start the missing processes, all at once: importing torch takes each some seconds."""
        begun = {}
        for variant in variants:
            name, spec = self._name(variant), SPECS[variant]
            if name in self.pools or name in begun:
                continue
            pool = ProcessPoolExecutor(
                1, get_context("spawn"), initializer=partial(worker.start, bare=spec.bare)
            )
            # An interrupt has to wait until `worker.start` lets it through; the environment is
            # copied at the start.
            bare = machine.unset("OPENBLAS_THREAD_TIMEOUT") if spec.bare else nullcontext()
            with machine.held_back(), bare:
                begun[name] = pool, pool.submit(worker.arrive, spec.maker)
        for name, (pool, pid) in begun.items():
            with suppress(BrokenProcessPool):  # `ask` meets it again, and tells
                self.pids[name] = pid.result()
            self.pools[name] = pool

    def ask(self, variant: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Have a variant's process call a function of `worker`; return or raise what that does."""
        name = self._name(variant)
        try:
            self.begin([variant])
            return self.pools[name].submit(function, *arguments).result()
        except BrokenProcessPool as error:
            self.pools.pop(name, None)
            raise UserError("its process died; there may be too little memory") from error

    def describe(self) -> dict[str, Any]:
        """Return the environment as a process with torch sees it, where there is a torch."""
        try:
            found: dict[str, Any] = self.ask("torch", worker.describe)
        except UserError:  # no torch
            found = machine.describe()
        return found

    def _name(self, variant: str) -> str:
        return SPECS[variant].library if variant in LOWER_BOUNDS else variant

    def end(self, variant: str) -> None:
        """End a variant's process, if it has one."""
        if pool := self.pools.pop(variant, None):
            pool.shutdown()


def measure_part(
    processes: Processes, part: Part, images: Images, on_round: Callable[[str], object]
) -> Iterator[list[Row]]:
    """Yield a row for every variant of a part after each round; what cannot run here says why.

    `on_round` is called with a variant's name before it is made, and before each of its rounds.
    """
    plan = part.plan
    processes.begin(part.variants)
    rows: dict[str, Row] = {}
    for variant in part.variants:
        on_round(variant)
        rows[variant] = _prepared(processes, variant, part, images)
    running = [variant for variant, row in rows.items() if not row.cannot]
    samples: dict[str, list[list[float]]] = {variant: [] for variant in running}
    updates: dict[str, list[float]] = {variant: [] for variant in running}
    rng = np.random.default_rng(0)
    order: list[str] = []
    for number in range(plan.rounds):
        order = order[::-1] if number % 2 else rng.permutation(running).tolist()
        for variant in order:
            # A large product may take longer than a round; a lower bound is in no ratio of rounds,
            # and two are enough then.
            times = samples[variant]
            long = sum(map(sum, times)) > 1e3 * plan.rounds * plan.seconds
            enough = variant in LOWER_BOUNDS and len(times) > 1 and long
            if rows[variant].cannot or enough:
                continue
            on_round(variant)
            try:
                times.append(processes.ask(variant, worker.time_steps, variant, plan.seconds))
                alone = processes.ask(variant, worker.time_updates, variant, plan.seconds / 4)
            except UserError as error:  # the others go on
                rows[variant] = replace(_failed(rows[variant], error), rounds=[])
                continue
            if alone:
                updates[variant].append(float(np.median(alone)))
            rows[variant] = _timed(rows[variant], times, updates[variant])
        yield list(rows.values())
    if plan.fresh:
        for variant in part.variants:
            processes.end(variant)


def _timed(row: Row, samples: list[list[float]], updates: list[float]) -> Row:
    """Return the row with its times: medians of rounds, which count alike."""
    rounds = [float(np.median(times)) for times in samples]
    p10, p90 = map(float, np.percentile(np.concatenate(samples), [10, 90]))
    update = float(np.median(updates)) if updates else None
    median = float(np.median(rounds))
    return replace(row, p10=p10, median=median, p90=p90, rounds=rounds, update=update)


def _failed(row: Row, reason: object) -> Row:
    """Return the row of a variant that cannot run; our own have to."""
    return replace(row, cannot=str(reason), held=not SPECS[row.variant].ours)


def _prepared(processes: Processes, variant: str, part: Part, images: Images) -> Row:
    """Have a variant made and judged; return its row, without its times."""
    spec, config, threads = SPECS[variant], part.config, part.threads
    where = spec.place(part.device)
    sizes = (config.batch_size, config.hidden_dim, config.latent_dim)
    row = Row(variant, spec.named(part.device), threads, *sizes, device=where)
    config = replace(config, dtype=spec.dtype)
    batches = some_batches(config, images)
    try:
        ready = processes.ask(variant, worker.prepare, variant, config, batches, threads, where)
    except UserError as error:
        processes.end(variant)  # on a GPU, what failed may leave all that follows unable to run
        return _failed(row, error)
    row, found = replace(row, prepare_seconds=ready.seconds), ready.correctness
    if found and not found.held:
        how_far = f"{found.tensor}, {found.ratio:.1e} times what rounding allows"
        return replace(row, cannot=f"its first step fails: {how_far}", held=False)
    return replace(row, agreement=found.ratio) if found else row


def some_batches(config: Config, images: Images) -> list[Batch]:
    """Return the first batches of a training, of full size however few the images are."""
    enough = np.resize(images, (max(IMAGES, config.batch_size), *images.shape[1:]))
    count = max(1, min(BATCHES, IMAGES // config.batch_size))
    return list(training_batches(config, enough, count))


def whole_training(
    name: str, config: Config, root: Path, *, threads: int, device: str
) -> TrainingRow:
    """Train a variant to the end in a new process, which ends with it: peak memory is its own."""
    row = TrainingRow(name, SPECS[name].named(device), config.data, threads)
    try:
        with Processes() as processes:
            found: TrainingRow = processes.ask(name, worker.train, row, config, root, device)
            return found
    except UserError as error:
        return replace(row, cannot=str(error))
