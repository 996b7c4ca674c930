"""What runs in a variant's own process: it is made, judged, timed, or trained to the end.

A process of its own keeps thread pools apart: two that spin on the same cores slow each other down,
and a variant that is not being timed lies still.
"""

import gc
import logging
import math
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import cycle, takewhile
from pathlib import Path
from typing import Any, NamedTuple

from compare import machine
from compare.bench.correctness import Correctness, judge
from compare.bench.results import TrainingRow
from compare.bench.variants import SPECS, Spec, Variant
from compare.data import datasets
from compare.data.batches import Batch, noisy_test_images
from compare.data.config import Config
from compare.errors import UserError, one_line
from compare.training.training import denoised_mse

WARM_UP = 0.3  # seconds at most
LONGEST = 160  # characters of a reason

# This process's variant by name, or one library's lower bounds, with batches where it reads them.
_made: dict[str, tuple[Variant, list[Any]]] = {}


class Ready(NamedTuple):
    """A variant that can be timed: what it took to get there, and what came of its first step."""

    seconds: float  # from its making to the end of its first step, but no import
    correctness: Correctness | None


def start(*, bare: bool = False) -> None:
    """Prepare the process: an interrupt ends it without a word, for the parent says it.

    All keep freed memory, whatever the library, unless `bare`.
    """
    machine.end_with_the_parent()
    logging.disable(logging.WARNING)  # torch's compiler tells of itself
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # else it would be compiled already
    for advice in ("dynamo_pgo force disabled", "TensorFloat32 tensor cores"):  # as it is meant
        warnings.filterwarnings("ignore", message=advice)
    if not bare:
        machine.keep_freed_memory()


def arrive(maker: str) -> int:
    """Import what makes a variant, where it is installed; return this process's id."""
    with suppress(Exception):  # whoever makes the variant meets it again, and tells
        Spec("", maker).find_maker()
    return os.getpid()


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn whatever happens to a variant into a `UserError`: the others go on."""
    try:
        yield
    except (Exception, SystemExit) as error:
        text = one_line(str(error)) or type(error).__name__
        clipped = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        raise UserError(clipped) from None


@told_in_one_line()
def prepare(
    name: str, config: Config, batches: Sequence[Batch], threads: int, device: str
) -> Ready:
    """Make a variant, take a step, judge it, warm up. Raises `UserError` where it cannot run."""
    machine.set_threads(threads)
    spec = SPECS[name]
    if name not in _made:
        spec.make(config, device)  # and drop it: what libraries set up for a first is not its time
    _made.pop(name, None)
    gc.collect()  # before a capture: what it holds on the device would stay
    begin = time.perf_counter()
    variant = spec.make(config, device)
    ready = [variant.put(batch) for batch in batches]
    variant.step(ready[0])
    variant.wait()
    seconds = time.perf_counter() - begin
    found = None
    if spec.judged:  # Adam's first step from rest tells the gradients; all start as NumPy does
        found = judge(
            config,
            batches[0],
            variant.side.state(),
            float32_correction=spec.float32_correction,
            float32_betas=device == "cuda",
        )
    end = time.perf_counter() + WARM_UP
    for batch in takewhile(lambda _: time.perf_counter() < end, ready * 2):
        variant.step(batch)
    variant.wait()
    torch = sys.modules.get("torch")
    in_use = torch.get_num_threads() if torch else machine.blas_threads()
    if in_use != threads:
        raise UserError(f"it works with {in_use} threads")
    _made[name] = variant, ready
    return Ready(seconds, found)


@told_in_one_line()
def time_steps(name: str, seconds: float) -> list[float]:
    """Take steps for so long; return each one's milliseconds, or the mean of `at_once`."""
    if name not in _made:
        raise UserError("its process died after it was made, and with it the variant")
    variant, batches = _made[name]
    return _clock(variant, variant.step, batches, seconds)


@told_in_one_line()
def time_updates(name: str, seconds: float) -> list[float]:
    """Return the same of the optimizer alone; nothing where that cannot be had alone."""
    variant, _ = _made[name]
    update = variant.update
    return _clock(variant, lambda _: update(), [None], seconds) if update else []


@told_in_one_line()
def train(row: TrainingRow, config: Config, root: Path, device: str) -> TrainingRow:
    """Train a variant in this process; the clock stands while the test error is measured."""
    machine.set_threads(row.threads)
    spec = SPECS[row.variant]
    where = spec.place(device)
    dataset = datasets.load(config.data, root)
    spec.make(config, where)  # and drop it, as `prepare` does
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
            row = replace(row, peak_megabytes=peak_megabytes())
            if where == "cuda":
                peak = sys.modules["torch"].cuda.max_memory_allocated()
                row = replace(row, device_megabytes=peak / 1e6)
            test = noisy_test_images(config, dataset.test_images)
        row.test_mse.append(denoised_mse(variant.side, test))
        if not math.isfinite(row.test_mse[-1]):
            raise UserError(f"it diverged in epoch {epoch + 1}")
    return row


def describe() -> dict[str, Any]:
    """Return the environment as torch's process sees it: with its GPU."""
    SPECS["torch"].find_maker()
    return machine.describe()


def peak_megabytes() -> float:
    """Return the most memory that this process has had, in 10⁶ bytes."""
    try:  # Linux: of this program alone; getrusage counts what the parent had at the start
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))
    except OSError:
        kilo = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo / 1e6


def _clock(
    variant: Variant, step: Callable[[Any], object], batches: list[Any], seconds: float
) -> list[float]:
    variant.reset()
    times: list[float] = []
    endless = cycle(batches)
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        for _ in range(variant.at_once):
            step(next(endless))
        variant.wait()
        taken = time.perf_counter() - begin
        times.append(taken / (variant.at_once * variant.repeats) * 1e3)
    return times
