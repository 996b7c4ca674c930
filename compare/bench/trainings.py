"""Whole trainings, each in a process of its own: seconds and test error by epoch, data and noise included."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from compare import environment
from compare.bench import worker
from compare.bench.lanes import LANES, Spec
from compare.bench.results import TrainingRow
from compare.bench.turns import Processes
from compare.errors import UserError
from compare.experiment import data
from compare.experiment.batches import Batch, ahead, epoch_batches, noisy_test_images
from compare.experiment.config import Config

ARTICLE = Spec("the article's loop", "article:ArticleLoop")
FLUSHED = Spec("torch eager, fused Adam, subnormals flushed", "torch_lanes:TorchLane", {"fused": True, "flush": True})
DEVICE = Spec("CUDA graph, data and noise on the GPU", "graphs:DeviceLane", devices=("cuda",))
TRAININGS = {
    "numpy": LANES["numpy"],
    "torch": LANES["torch"],
    "torch-fused": LANES["torch-fused"],
    "torch-flushed": FLUSHED,
    "article": ARTICLE,
    "device": DEVICE,
}


def in_a_process(name: str, config: Config, root: Path, *, threads: int, device: str) -> TrainingRow:
    """Train a lane to the end in a new process, which ends with it: peak memory is its own."""
    spec = TRAININGS[name]
    where = device if device in spec.devices else "cpu"
    try:
        with Processes() as processes:
            row: TrainingRow = processes.ask(name, train, name, config, root, threads, where)
            return row
    except UserError as error:
        return TrainingRow(name, spec.label, config.data, threads, [], [], 0.0, cannot=str(error))


def train(name: str, config: Config, root: Path, threads: int, device: str) -> TrainingRow:
    """Train a lane in this process; the test error after each epoch is measured while the clock stands."""
    environment.set_threads(threads)
    spec = TRAININGS[name]
    dataset = data.load(config.data, root)
    lane = spec.make(replace(config, dtype=spec.dtype), device)
    test: Batch | None = None
    seconds, errors = [], []
    for epoch in range(config.epochs):
        begin = time.perf_counter()
        for batch in _batches(lane, config, dataset.train_images, epoch):
            lane.step(batch)
        lane.wait()
        seconds.append(time.perf_counter() - begin)
        if test is None:
            peak = worker.peak_megabytes()  # the whole test set in one batch takes more than training does
            test = noisy_test_images(config, dataset.test_images)
        errors.append(float(np.square(lane.reconstruct(test.noisy) - test.clean, dtype=np.float64).mean()))
    return TrainingRow(name, spec.label, config.data, threads, seconds, errors, peak)


def _batches(lane: Any, config: Config, images: np.ndarray, epoch: int) -> Iterable[Any]:
    """Yield the batches of one epoch: those of a lane that makes its own, or ours."""
    own: Callable[[np.ndarray], Iterable[Any]] | None = getattr(lane, "batches", None)
    return own(images) if own else map(lane.put, ahead(epoch_batches(config, images, epoch)))
