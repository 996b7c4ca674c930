"""What a benchmark measures: which variants in which settings, in what order."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compare import machine
from compare.bench import trainings, worker
from compare.bench.results import Row, TrainingRow
from compare.bench.rounds import Part, Plan, Processes, measure
from compare.bench.variants import LOWER_BOUNDS, VARIANTS
from compare.data.config import Config
from compare.errors import UserError

QUICK = Plan(rounds=6, seconds=0.15)
FULL = Plan(rounds=20, seconds=0.2, fresh=True)
SWEEP = Plan(rounds=8, seconds=0.2)
CORE = ("numpy", "numpy-again", "torch", "torch-fused")
SWEPT = ("numpy", "torch", "torch-fused")
SIZES = {
    "batch_size": (1, 8, 32, 512, 2048, 8192),
    "hidden_dim": (50, 100, 200, 800, 1600, 3200),
    "latent_dim": (2, 32, 128, 400),
}
REPEATS = 2  # of every whole training, in the order A B, B A


def parts(config: Config, *, quick: bool, threads: tuple[int, ...], device: str) -> Iterator[Part]:
    """Yield what is measured: the core first, then the batch sizes, then the widths."""
    wanted: tuple[str, ...] = CORE
    if not quick:
        wanted = (*CORE, *VARIANTS)
    elif device != "cpu":
        wanted = (*CORE, *(name for name, spec in VARIANTS.items() if device in spec.devices))
    here = {device, "cpu"}
    core = (
        *(name for name in dict.fromkeys(wanted) if name not in LOWER_BOUNDS),
        *(name for name in LOWER_BOUNDS if here & set(VARIANTS[name].devices)),
    )
    for count in threads:
        yield Part(core, config, count, QUICK if quick else FULL)
    if quick:
        return
    graphs = ("torch-graph", "torch-graph-compiled") if device == "cuda" else ()
    for name, sizes in SIZES.items():
        for count in threads if name == "batch_size" else threads[-1:]:
            for size in sizes:
                changed = replace(config, **{name: size})  # type: ignore[arg-type]
                yield Part((*SWEPT, *graphs), changed, count, SWEEP)


def run_steps(
    processes: Processes,
    todo: list[Part],
    images: np.ndarray,
    *,
    device: str,
    on_round: Callable[[Part, str], None],
) -> Iterator[tuple[Part, list[Row]]]:
    """Measure part after part; yield a part and its rows after every round."""
    for part in todo:
        for rows in measure(
            processes, part, images, device=device, on_round=partial(on_round, part)
        ):
            yield part, rows


def run_trainings(
    config: Config, root: Path, *, threads: int, device: str, on_variant: Callable[[str], None]
) -> Iterator[TrainingRow]:
    """Train every variant that can be trained here to the end, `REPEATS` times, interleaved."""
    variants = trainings.on(device)
    for repeat in range(REPEATS):
        for name in reversed(variants) if repeat % 2 else variants:
            on_variant(name)
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
