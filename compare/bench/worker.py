"""What runs in a lane's own process: the lane, made, judged and timed on request.

A process of its own keeps thread pools apart: two that spin on the same cores slow each other down,
and a lane that is not being timed lies still.
"""

import gc
import logging
import os
import resource
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle, takewhile
from pathlib import Path
from typing import Any, NamedTuple

from compare import machine
from compare.bench.correctness import Judgement, judge
from compare.bench.variants import LANES, Spec
from compare.data.batches import Batch
from compare.data.config import Config
from compare.errors import UserError
from compare.machine import end_with_the_parent
from compare.sides.numpy_side import NumpySide

WARM_UP = 0.3  # seconds at most


class Made(NamedTuple):
    """A lane, and batches where it reads them."""

    lane: Any
    batches: list[Any]


_made: dict[str, Made] = {}  # this process's lane by name, or the floors of one library


class Ready(NamedTuple):
    """A lane that can be timed: what it took to get there, and what came of its first step."""

    seconds: (
        float  # from its making to the end of its first step: compilation, capture, but no import
    )
    judgement: Judgement | None
    threads: int


def start(*, bare: bool = False) -> None:
    """Prepare the process: an interrupt ends it without a word, for the parent says what there is to say.

    All keep freed memory, whatever the library, unless `bare`.
    """
    end_with_the_parent()
    logging.disable(logging.WARNING)  # torch's compiler tells of itself
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = (
        "1"  # what was compiled by an earlier benchmark would be ready
    )
    for advice in (
        "dynamo_pgo force disabled",
        "TensorFloat32 tensor cores",
    ):  # on what is meant to be so
        warnings.filterwarnings("ignore", message=advice)
    if not bare:
        machine.keep_freed_memory()


def arrive(maker: str) -> int:
    """Import what makes a lane, where it is installed; return this process's id."""
    with suppress(Exception):  # whoever makes the lane meets it again, and tells
        Spec("", maker).find_maker()
    return os.getpid()


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn whatever happens to a lane into a `UserError`: the other lanes go on."""
    try:
        yield
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise UserError(text if len(text) <= 160 else text[:159] + "…") from None


@told_in_one_line()
def prepare(
    name: str, config: Config, batches: Sequence[Batch], threads: int, device: str
) -> Ready:
    """Make a lane, take its first step, judge it, and warm up. Raises `UserError` where it cannot run here."""
    machine.set_threads(threads)
    spec = LANES[name]
    if name not in _made:
        spec.make(
            config, device
        )  # and drop it: what libraries import and set up for a first one is not its time
    _made.pop(name, None)
    gc.collect()  # before a capture: what it holds on the device would stay
    seconds = -time.perf_counter()
    lane = spec.make(config, device)
    ready = [lane.put(batch) for batch in batches]
    lane.step(ready[0])
    lane.wait()
    seconds += time.perf_counter()
    judgement = _judged(spec, lane, config, batches[0], device) if spec.judged else None
    end = time.perf_counter() + WARM_UP
    for batch in takewhile(lambda _: time.perf_counter() < end, ready * 2):
        lane.step(batch)
    lane.wait()
    _made[name] = Made(lane, ready)
    return Ready(seconds, judgement, threads_in_use())


@told_in_one_line()
def time_steps(name: str, seconds: float) -> list[float]:
    """Take steps for so long; return the milliseconds of each, or, where `at_once` are taken, their mean."""
    if name not in _made:
        raise UserError("its process died after it was made, and with it the lane")
    lane, batches = _made[name]
    return _clock(lane, lane.step, batches, seconds)


@told_in_one_line()
def time_updates(name: str, seconds: float) -> list[float] | None:
    """The same of the optimizer alone; None of a lane whose optimizer cannot be had alone."""
    lane = _made[name].lane
    update = getattr(lane, "update", None)
    return _clock(lane, lambda _: update(), [None], seconds) if update else None


def describe() -> dict[str, Any]:
    """Return the environment as torch's process sees it: with its GPU."""
    LANES["torch"].find_maker()
    return machine.describe()


def threads_in_use() -> int:
    """Return how many threads this process's library works with, read back from it."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch else machine.blas_threads()


def peak_megabytes() -> float:
    """Return the most memory that this process has had, in 10⁶ bytes."""
    try:  # Linux: of this program alone; getrusage counts what the parent had when it started this process
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))
    except OSError:
        kilo = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo / 1e6


def device_megabytes(device: str) -> float | None:
    """Return the most memory that torch has had on a GPU, in 10⁶ bytes; None on other devices."""
    return sys.modules["torch"].cuda.max_memory_allocated() / 1e6 if device == "cuda" else None


def _judged(spec: Spec, lane: Any, config: Config, batch: Batch, device: str) -> Judgement:
    """Judge the step just taken: Adam's first from rest tells the gradients. All sides start where NumPy's does."""
    reference = NumpySide(config)
    return judge(
        reference.describe(), config, batch, reference.state(), lane.state(),
        float32_correction=spec.float32_correction,
        float32_betas=device == "cuda",
    )  # fmt: skip


def _clock(lane: Any, step: Any, batches: list[Any], seconds: float) -> list[float]:
    if hasattr(lane, "reset"):
        lane.reset()
    times: list[float] = []
    endless = cycle(batches)
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        for _ in range(lane.at_once):
            step(next(endless))
        lane.wait()
        times.append((time.perf_counter() - begin) / (lane.at_once * lane.repeats) * 1e3)
    return times
