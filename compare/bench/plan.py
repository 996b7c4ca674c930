"""The whole benchmark: which lanes in which settings, in what order."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from compare import machine
from compare.bench import trainings, worker
from compare.bench.results import Row, TrainingRow
from compare.bench.rounds import Plan, Processes, measure
from compare.bench.variants import FLOORS, LANES
from compare.data.config import Config
from compare.errors import UserError

QUICK = Plan(turns=6, seconds=0.15)
FULL = Plan(turns=20, seconds=0.2, fresh=True)
SWEEP = Plan(turns=8, seconds=0.2)
CORE = ("numpy", "numpy-again", "torch", "torch-fused")
SWEPT = ("numpy", "torch", "torch-fused")
BATCHES = (1, 8, 32, 512, 2048, 8192)
HIDDEN = (50, 100, 200, 800, 1600, 3200)
LATENT = (2, 32, 128, 400)
REPEATS = 2  # of every whole training, in the order A B, B A


class Part(NamedTuple):
    """Some lanes in one setting."""

    lanes: tuple[str, ...]
    config: Config
    threads: int
    plan: Plan


def parts(config: Config, *, quick: bool, threads: tuple[int, ...], device: str) -> Iterator[Part]:
    """Yield what is measured: the core first, then the batch sizes, then the widths."""
    here = [lane for lane, spec in LANES.items() if device in spec.devices]
    cpu = device == "cpu"
    wanted = CORE if quick and cpu else dict.fromkeys((*CORE, *(here if quick else LANES)))
    lanes = tuple(lane for lane in wanted if lane not in FLOORS)
    floors = tuple(lane for lane in FLOORS if {device, "cpu"} & set(LANES[lane].devices))
    for count in threads:
        yield Part((*lanes, *floors), config, count, QUICK if quick else FULL)
    if quick:
        return
    graph = ("torch-graph", "torch-graph-compiled") if device == "cuda" else ()
    for count in threads:
        for size in BATCHES:
            yield Part((*SWEPT, *graph), replace(config, batch_size=size), count, SWEEP)
    wider = [replace(config, hidden_dim=width) for width in HIDDEN]
    for changed in (*wider, *(replace(config, latent_dim=width) for width in LATENT)):
        yield Part((*SWEPT, *graph), changed, threads[-1], SWEEP)


def run_steps(
    processes: Processes,
    todo: list[Part],
    images: np.ndarray,
    *,
    device: str,
    on_turn: Callable[[Part, str], None],
) -> Iterator[tuple[Part, list[Row]]]:
    """Measure part after part; yield a part and its rows after every turn, so that little is lost by stopping."""
    for part in todo:
        for rows in measure(
            processes, part.lanes, part.config, images, part.plan, threads=part.threads, device=device,
            on_turn=partial(on_turn, part),
        ):  # fmt: skip
            yield part, rows


def run_trainings(
    config: Config, root: Path, *, threads: int, device: str, on_lane: Callable[[str], None]
) -> Iterator[TrainingRow]:
    """Train every lane that can be trained here to the end, `REPEATS` times in turns; yield each training."""
    lanes = trainings.on(device)
    for turn in range(REPEATS):
        for name in lanes if turn % 2 == 0 else reversed(lanes):
            on_lane(name)
            yield trainings.in_a_process(name, config, root, threads=threads, device=device)


def described(processes: Processes) -> dict[str, Any]:
    """Return the environment as a process with torch sees it, where there is a torch."""
    try:
        found: dict[str, Any] = processes.ask("torch", worker.describe)
    except UserError:  # no torch
        found = machine.describe()
    return found


def load() -> float | None:
    """Return how many processes the machine was at in the last minute, where the system tells."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
