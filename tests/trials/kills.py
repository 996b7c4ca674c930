"""A training that is killed, at any moment or in the middle of a write, and goes on: nothing of it may be lost."""

import signal
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from numpy.random import Generator

from compare.files import read_arrays, read_json
from tests.operands import assert_same
from tests.trials.processes import LONGEST, WRITES, Moment, run

WRITTEN = 230  # files, by the training below: a checkpoint and the one before it after each of 112 steps, and a few
TRAIN = ("train", "--hidden-dim", "8", "--epochs", "2", "--batch-size", "512", "--checkpoint-every", "0")


def trial(rng: Generator, folder: Path) -> str:
    """Kill one training up to five times; assert that its end is the unbroken one's."""
    threads = int(rng.integers(1, 3))
    kills = broken(rng, folder / "run", threads=threads, most=int(rng.integers(1, 6)))
    return f"killed {kills} times, bit for bit"


def broken(rng: Generator, folder: Path, *, threads: int, most: int) -> int:
    """Train into a folder, killed up to so many times, half of them amid a write; assert that the end is as ever.

    Returns how often it was killed: it may end before.
    """
    for kills in range(most):
        seconds, moment = float(rng.uniform(0.1, 3)), None
        if rng.integers(2):
            write, number = str(rng.choice(WRITES)), int(rng.integers(1, WRITTEN // most))
            seconds, moment = LONGEST, Moment(write, number, bool(rng.integers(2)))
        code, printed = run(command(folder, threads), folder.with_suffix(".log"), seconds=seconds, moment=moment)
        assert code in (0, -signal.SIGKILL), printed
        if code == 0:
            go_on(folder, threads)
            return kills
    go_on(folder, threads)
    return most


def go_on(folder: Path, threads: int) -> None:
    """Train to the end, from wherever a training was left; assert that it is the unbroken one's, and left no mess."""
    code, printed = run(command(folder, threads), folder.with_suffix(".log"))
    assert code == 0, printed
    expected, found = unbroken(threads), result(folder)
    assert found["history"] == expected["history"], printed
    for name in ("numpy", "torch", "timeline"):
        assert_same(found[name], expected[name])
    left = sorted(path.name for path in folder.rglob(".*"))
    assert not left, f"left behind: {left}"


def command(folder: Path, threads: int) -> list[str]:
    """Return the command that begins the training, or goes on with it; the latter has to find the threads itself."""
    if (folder / "config.json").exists():
        return ["train", "--resume", str(folder), "--checkpoint-every", "0"]
    return [*TRAIN, "--threads", str(threads), "--out", str(folder)]


def result(folder: Path) -> dict[str, Any]:
    """Return all that must not depend on how often a training was killed: everything but seconds."""
    history = read_json(folder / "history.json")
    for side in ("numpy", "torch"):
        for record in history[side]:
            del record["seconds"]
    arrays = {name: folder / f"{name}.safetensors" for name in ("numpy", "torch")}
    arrays["timeline"] = folder / "page" / "timeline.safetensors"
    return {"history": history, **{name: dict(sorted(read_arrays(path)[0].items())) for name, path in arrays.items()}}


@cache
def unbroken(threads: int) -> dict[str, Any]:
    """Return the result of the same training that nobody kills."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "run")
        code, printed = run(command(folder, threads), folder.with_suffix(".log"))
        assert code == 0, printed
        return result(folder)
