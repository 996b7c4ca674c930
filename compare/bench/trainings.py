"""Whole trainings, each in a process of its own: seconds and test error by epoch, data included."""

import math
import sys
import time
from dataclasses import replace
from pathlib import Path

from compare import machine
from compare.bench import worker
from compare.bench.results import TrainingRow
from compare.bench.rounds import Processes
from compare.bench.variants import ANY, COMPILED, CUDA, FUSED, TORCH, VARIANTS, Spec
from compare.data import datasets
from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.errors import UserError
from compare.training.training import denoised_mse

DEVICE = "graphs:DeviceVariant"
TRAININGS = {
    **{name: VARIANTS[name] for name in ("numpy", "torch", "torch-fused")},
    "torch-flushed": Spec(
        "torch eager, fused Adam, subnormals flushed", TORCH, {**FUSED, "flush": True}
    ),
    "article": Spec("the article's loop", "article:ArticleLoop", devices=ANY),
    "device": Spec("CUDA graph, data and noise on the GPU", DEVICE, FUSED, devices=CUDA),
    "device-compiled": Spec(
        "CUDA graph, compiled, data and noise on the GPU", DEVICE, COMPILED, devices=CUDA
    ),
}


def on(device: str) -> list[str]:
    """Return the trainings of a benchmark of this device: NumPy's, and those that run there."""
    return [name for name, spec in TRAININGS.items() if name == "numpy" or device in spec.devices]


def in_a_process(
    name: str, config: Config, root: Path, *, threads: int, device: str
) -> TrainingRow:
    """Train a variant to the end in a new process, which ends with it: peak memory is its own."""
    row = TrainingRow(name, TRAININGS[name].named(device), config.data, threads)
    try:
        with Processes(TRAININGS) as processes:
            found: TrainingRow = processes.ask(name, train, row, config, root, device)
            return found
    except UserError as error:
        return replace(row, cannot=str(error))


@worker.told_in_one_line()
def train(row: TrainingRow, config: Config, root: Path, device: str) -> TrainingRow:
    """Train a variant in this process; the clock stands while the test error is measured."""
    machine.set_threads(row.threads)
    spec = TRAININGS[row.variant]
    where = spec.place(device)
    dataset = datasets.load(config.data, root)
    spec.make(config, where)  # and drop it, as `worker.prepare` does
    begin = time.perf_counter()
    variant = spec.make(config, where)
    variant.load(dataset.train_images)
    variant.wait()
    ready = time.perf_counter() - begin
    row = replace(row, prepare_seconds=ready, seconds=[], test_mse=[])
    for epoch in range(config.epochs):
        begin = time.perf_counter()
        for batch in variant.batches(epoch):
            variant.step(batch)
        variant.wait()
        row.seconds.append(time.perf_counter() - begin)
        if epoch == 0:  # the whole test set in one batch takes more memory than training does
            row = replace(row, peak_megabytes=worker.peak_megabytes())
            if where == "cuda":
                peak = sys.modules["torch"].cuda.max_memory_allocated()
                row = replace(row, device_megabytes=peak / 1e6)
            test = noisy_test_images(config, dataset.test_images)
        row.test_mse.append(denoised_mse(variant.side, test))
        if not math.isfinite(row.test_mse[-1]):
            raise UserError(f"it diverged in epoch {epoch + 1}")
    return row
