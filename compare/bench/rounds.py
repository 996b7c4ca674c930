"""The lanes of one setting, each in its own process, taking turns: A B C, C B A, then in another order B A C, C A B.

What disturbs the machine for long then disturbs all lanes, and ratios are taken within a turn.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from types import TracebackType
from typing import Any

import numpy as np

from compare import machine
from compare.bench import worker
from compare.bench.results import Row
from compare.bench.variants import FLOORS, LANES, Spec
from compare.data.batches import Batch, training_batches
from compare.data.config import Config
from compare.errors import UserError
from compare.machine import held_back

BATCHES = 8  # that a lane goes round and round, where they are small
IMAGES = 1024  # that they have in all, or one batch


@dataclass(frozen=True)
class Plan:
    """How long to measure: turns of so many seconds for every lane; and whether its processes end with it."""

    turns: int
    seconds: float
    fresh: bool = False  # so that *ready* means the same in every setting: a second compilation is a faster one


@dataclass
class Processes:
    """One process for every lane that was asked for, kept from setting to setting; a context manager.

    Floors have one for each library: they do not train, and importing torch takes longer than
    timing them.
    """

    specs: Mapping[str, Spec] = field(default_factory=lambda: LANES)
    pools: dict[str, ProcessPoolExecutor] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name, pool in self.pools.items():
            if (
                kind is not None
            ):  # do not wait for what it is at; an interrupt may have ended it already
                with suppress(ProcessLookupError, KeyError):
                    os.kill(self.pids[name], signal.SIGKILL)
            pool.shutdown()

    def begin(self, lanes: Iterable[str]) -> None:
        """Start the processes that these lanes have not yet, all at once: importing torch takes each some seconds."""
        begun = {}
        for lane in lanes:
            name, spec = self._name(lane), self.specs[lane]
            if name in self.pools or name in begun:
                continue
            prepared = partial(worker.start, bare=spec.bare)
            pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=prepared)
            # An interrupt has to wait until `worker.start` lets it through; the environment is
            # copied at the start.
            with (
                held_back(),
                machine.unset("OPENBLAS_THREAD_TIMEOUT") if spec.bare else nullcontext(),
            ):
                begun[name] = pool, pool.submit(worker.arrive, spec.maker)
        for name, (pool, pid) in begun.items():
            with suppress(BrokenProcessPool):  # `ask` meets it again, and tells
                self.pids[name] = pid.result()
            self.pools[name] = pool

    def ask(self, lane: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Have a lane's process call a function of `worker`; return what it returns, raise what it raises."""
        name = self._name(lane)
        try:
            self.begin([lane])
            return self.pools[name].submit(function, *arguments).result()
        except BrokenProcessPool as error:
            self.pools.pop(name, None)
            raise UserError("its process died; there may be too little memory") from error

    def _name(self, lane: str) -> str:
        return self.specs[lane].library if lane in FLOORS else lane

    def end(self, lane: str) -> None:
        """End a lane's process, if it has one."""
        if pool := self.pools.pop(lane, None):
            pool.shutdown()


def measure(
    processes: Processes,
    lanes: Iterable[str],
    config: Config,
    images: np.ndarray,
    plan: Plan,
    *,
    threads: int,
    device: str,
    on_turn: Callable[[str], None],
) -> Iterator[list[Row]]:
    """Yield a row for every lane after each turn; those that cannot run here say why."""
    rows: dict[str, Row] = {}
    lanes = tuple(lanes)
    processes.begin(lanes)
    for lane in lanes:
        on_turn(lane)
        rows[lane] = _prepared(processes, lane, config, images, threads=threads, device=device)
    running = [lane for lane, row in rows.items() if not row.cannot]
    samples: dict[str, list[list[float]]] = {lane: [] for lane in running}
    updates: dict[str, list[float]] = {lane: [] for lane in running}
    spent = dict.fromkeys(running, 0.0)  # seconds
    rng = np.random.default_rng(0)
    order: list[str] = []
    for turn in range(plan.turns):
        order = list(reversed(order)) if turn % 2 else rng.permutation(running).tolist()
        for lane in order:
            # A large product may take longer than a turn; a floor is in no ratio of turns, and two
            # are enough then.
            enough = (
                lane in FLOORS
                and len(samples[lane]) > 1
                and spent[lane] > plan.turns * plan.seconds
            )
            if rows[lane].cannot or enough:
                continue
            on_turn(lane)
            spent[lane] -= time.perf_counter()
            try:
                samples[lane].append(processes.ask(lane, worker.time_steps, lane, plan.seconds))
                if update := processes.ask(lane, worker.time_updates, lane, plan.seconds / 4):
                    updates[lane].append(float(np.median(update)))
            except UserError as error:  # the others go on
                rows[lane] = replace(
                    rows[lane], cannot=str(error), held=not LANES[lane].ours, turns=[]
                )
            spent[lane] += time.perf_counter()
        for lane in running:
            if not rows[lane].cannot:
                rows[lane] = _timed(rows[lane], samples[lane], updates[lane])
        yield list(rows.values())
    if plan.fresh:
        for lane in lanes:
            processes.end(lane)


def _timed(row: Row, samples: list[list[float]], updates: list[float]) -> Row:
    """Return the row with its times: medians of turns, which count alike however many steps were taken in them."""
    turns = [float(np.median(times)) for times in samples]
    p10, p90 = map(float, np.percentile(np.concatenate(samples), [10, 90]))
    update = float(np.median(updates)) if updates else None
    return replace(
        row, p10=p10, median=float(np.median(turns)), p90=p90, turns=turns, update=update
    )


def _prepared(
    processes: Processes,
    lane: str,
    config: Config,
    images: np.ndarray,
    *,
    threads: int,
    device: str,
) -> Row:
    """Have a lane made and judged; return its row, without its times."""
    spec = LANES[lane]
    where = spec.place(device)
    sizes = (config.batch_size, config.hidden_dim, config.latent_dim)
    row = Row(lane, spec.named(device), threads, *sizes, device=where)
    typed = replace(config, dtype=spec.dtype)
    try:
        ready = processes.ask(
            lane, worker.prepare, lane, typed, some_batches(typed, images), threads, where
        )
    except UserError as error:
        processes.end(lane)  # on a GPU, what failed may have left all that follows it unable to run
        return replace(row, cannot=str(error), held=not spec.ours)
    if ready.threads != threads:
        return replace(row, cannot=f"it works with {ready.threads} threads", held=not spec.ours)
    judgement = ready.judgement
    row = replace(row, prepare_seconds=ready.seconds)
    if not judgement:
        return row
    if not judgement.held:
        how_far = f"{judgement.tensor}, {judgement.ratio:.1e} times what rounding allows"
        return replace(row, cannot=f"its first step is off: {how_far}", held=False)
    return replace(row, agreement=judgement.ratio)


def some_batches(config: Config, images: np.ndarray) -> Sequence[Batch]:
    """Return the first batches of a training, of full size however few the images are."""
    enough = np.resize(images, (max(IMAGES, config.batch_size), *images.shape[1:]))
    return list(training_batches(config, enough, max(1, min(BATCHES, IMAGES // config.batch_size))))
