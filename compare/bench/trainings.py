"""Whole trainings, each in a process of its own: seconds and test error by epoch, data and noise included."""

import math
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from compare import machine
from compare.bench import worker
from compare.bench.results import TrainingRow
from compare.bench.rounds import Processes
from compare.bench.variants import ANY, COMPILED, LANES, Spec
from compare.data import datasets
from compare.data.batches import Batch, ahead, epoch_batches, noisy_test_images
from compare.data.config import Config
from compare.errors import UserError

TRAININGS = {
    "numpy": LANES["numpy"],
    "torch": LANES["torch"],
    "torch-fused": LANES["torch-fused"],
    "torch-flushed": Spec(
        "torch eager, fused Adam, subnormals flushed",
        "torch_variants:TorchLane",
        {"fused": True, "flush": True},
    ),
    "article": Spec("the article's loop", "article:ArticleLoop", devices=ANY),
    "device": Spec(
        "CUDA graph, data and noise on the GPU",
        "graphs:DeviceLane",
        {"fused": True},
        devices=("cuda",),
    ),
    "device-compiled": Spec(
        "CUDA graph, compiled, data and noise on the GPU",
        "graphs:DeviceLane",
        COMPILED,
        devices=("cuda",),
    ),
}


def on(device: str) -> list[str]:
    """Return the trainings of a benchmark of this device: NumPy's, and those that run there."""
    return [name for name, spec in TRAININGS.items() if name == "numpy" or device in spec.devices]


def in_a_process(
    name: str, config: Config, root: Path, *, threads: int, device: str
) -> TrainingRow:
    """Train a lane to the end in a new process, which ends with it: peak memory is its own."""
    spec = TRAININGS[name]
    try:
        with Processes(TRAININGS) as processes:
            row: TrainingRow = processes.ask(name, train, name, config, root, threads, device)
            return row
    except UserError as error:
        return TrainingRow(
            name, spec.named(device), config.data, threads, [], [], 0.0, cannot=str(error)
        )


@worker.told_in_one_line()
def train(name: str, config: Config, root: Path, threads: int, device: str) -> TrainingRow:
    """Train a lane in this process; the test error after each epoch is measured while the clock stands."""
    machine.set_threads(threads)
    spec = TRAININGS[name]
    where = spec.place(device)
    dataset = datasets.load(config.data, root)
    typed = replace(config, dtype=spec.dtype)
    spec.make(typed, where)  # and drop it, as `worker.prepare` does
    begin = time.perf_counter()
    lane = spec.make(typed, where)
    if _has_its_own_batches(lane):
        lane.load(dataset.train_images)
    lane.wait()
    ready = time.perf_counter() - begin
    test: Batch | None = None
    seconds, errors = [], []
    for epoch in range(config.epochs):
        begin = time.perf_counter()
        for batch in _batches(lane, config, dataset.train_images, epoch):
            lane.step(batch)
        lane.wait()
        seconds.append(time.perf_counter() - begin)
        if test is None:  # the whole test set in one batch takes more than training does
            peaks = worker.peak_megabytes(), worker.device_megabytes(where)
            test = noisy_test_images(config, dataset.test_images)
        errors.append(
            float(np.square(lane.reconstruct(test.noisy) - test.clean, dtype=np.float64).mean())
        )
        if not math.isfinite(errors[-1]):
            raise UserError(f"it diverged in epoch {epoch + 1}")
    peak, on_the_device = peaks
    return TrainingRow(
        name, spec.named(device), config.data, threads, seconds, errors, peak,
        prepare_seconds=ready, device_megabytes=on_the_device,
    )  # fmt: skip


def _has_its_own_batches(lane: Any) -> bool:
    return hasattr(lane, "load")


def _batches(lane: Any, config: Config, images: np.ndarray, epoch: int) -> Iterable[Any]:
    """Yield the batches of one epoch: those of a lane that makes its own, or ours."""
    if _has_its_own_batches(lane):
        own: Iterable[Any] = lane.batches()
        return own
    return map(lane.put, ahead(epoch_batches(config, images, epoch)))
