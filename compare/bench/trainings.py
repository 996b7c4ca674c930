"""Whole trainings, each in a process of its own: seconds and test error by epoch, data included."""

import math
import time
from dataclasses import replace
from pathlib import Path

from compare import machine
from compare.bench import worker
from compare.bench.results import TrainingRow
from compare.bench.rounds import Processes
from compare.bench.variants import ANY, COMPILED, CUDA, FUSED, TORCH, VARIANTS, Spec
from compare.data import datasets
from compare.data.batches import Batch, ahead, epoch_batches, noisy_test_images
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
    try:
        with Processes(TRAININGS) as processes:
            row: TrainingRow = processes.ask(name, train, name, config, root, threads, device)
            return row
    except UserError as error:
        label = TRAININGS[name].named(device)
        return TrainingRow(name, label, config.data, threads, [], [], 0.0, cannot=str(error))


@worker.told_in_one_line()
def train(name: str, config: Config, root: Path, threads: int, device: str) -> TrainingRow:
    """Train a variant in this process; the clock stands while the test error is measured."""
    machine.set_threads(threads)
    spec = TRAININGS[name]
    where = spec.place(device)
    dataset = datasets.load(config.data, root)
    images = dataset.train_images
    typed = replace(config, dtype=spec.dtype)
    spec.make(typed, where)  # and drop it, as `worker.prepare` does
    begin = time.perf_counter()
    variant = spec.make(typed, where)
    own = hasattr(variant, "load")  # it makes its own batches
    if own:
        variant.load(images)
    variant.wait()
    ready = time.perf_counter() - begin
    test: Batch | None = None
    seconds, errors = [], []
    for epoch in range(config.epochs):
        begin = time.perf_counter()
        ours = map(variant.put, ahead(epoch_batches(config, images, epoch)))
        for batch in variant.batches() if own else ours:
            variant.step(batch)
        variant.wait()
        seconds.append(time.perf_counter() - begin)
        if test is None:  # the whole test set in one batch takes more than training does
            peak, on_the_device = worker.peak_megabytes(), worker.device_megabytes(where)
            test = noisy_test_images(config, dataset.test_images)
        errors.append(denoised_mse(variant, test))
        if not math.isfinite(errors[-1]):
            raise UserError(f"it diverged in epoch {epoch + 1}")
    return TrainingRow(
        name,
        spec.named(device),
        config.data,
        threads,
        seconds,
        errors,
        peak,
        prepare_seconds=ready,
        device_megabytes=on_the_device,
    )
