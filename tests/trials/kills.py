"""A training that is killed, at any moment or in the middle of a write, and goes on: nothing of it may be lost."""

import os
import signal
import sys
import tempfile
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from numpy.random import Generator

from compare.files import read_arrays, read_json
from tests.operands import assert_same

TRAIN = ("train", "--hidden-dim", "8", "--epochs", "2", "--batch-size", "512", "--checkpoint-every", "0")
WRITES = ("fsync", "replace")  # the two calls of every file that is written: its bytes, its name
LONGEST = 60.0  # seconds that a training of this size may take on a busy machine

# The processes are forked from one that has imported everything, and done nothing yet.
processes = get_context("forkserver")
processes.set_forkserver_preload(["compare.cli", "compare.job", "compare.parity.torch_side", __name__])


class Moment(NamedTuple):
    """Where a process kills itself: before or after its n-th call of one of WRITES."""

    write: str
    number: int
    after: bool


def trial(rng: Generator, folder: Path) -> str:
    """Kill one training one to five times; assert that its end is the unbroken one's."""
    threads, kills = int(rng.integers(1, 3)), int(rng.integers(1, 6))
    broken(rng, folder / "run", threads=threads, kills=kills)
    return f"{threads} threads, kills: {kills}, bit for bit"


def broken(rng: Generator, run: Path, *, threads: int, kills: int) -> None:
    """Train into a folder, killed so many times, half of them amid a write; assert that the end is as ever."""
    for _ in range(kills):
        log = start(run, threads, rng)
        assert "Traceback" not in log, log
    log = go_on(run, threads)
    expected, found = unbroken(threads), result(run)
    assert found["history"] == expected["history"], log
    for name in ("numpy", "torch", "timeline"):
        assert_same(found[name], expected[name])
    left = sorted(path.name for path in run.rglob(".*"))
    assert not left, f"left behind: {left}"


def start(run: Path, threads: int, rng: Generator) -> str:
    """Train, or go on where there is something to go on from, until killed at random; return what was printed."""
    moment = Moment(str(rng.choice(WRITES)), int(rng.integers(1, 30)), bool(rng.integers(2)))
    if rng.integers(2):
        return process(_command(run, threads), run.with_suffix(".log"), moment=moment)
    return process(_command(run, threads), run.with_suffix(".log"), seconds=float(rng.uniform(0.1, 3)))


def go_on(run: Path, threads: int) -> str:
    """Train to the end; return what was printed."""
    printed = process(_command(run, threads), run.with_suffix(".log"))
    assert "checkpoints and history" in printed, printed
    return printed


def result(run: Path) -> dict[str, Any]:
    """Return all that must not depend on how often a training was killed: everything but seconds."""
    history = read_json(run / "history.json")
    for side in ("numpy", "torch"):
        for record in history[side]:
            del record["seconds"]
    arrays = {name: run / f"{name}.safetensors" for name in ("numpy", "torch")}
    arrays["timeline"] = run / "page" / "timeline.safetensors"
    return {"history": history, **{name: dict(sorted(read_arrays(path)[0].items())) for name, path in arrays.items()}}


@cache
def unbroken(threads: int) -> dict[str, Any]:
    """Return the result of the same training that nobody kills."""
    with tempfile.TemporaryDirectory() as folder:
        go_on(Path(folder, "run"), threads)
        return result(Path(folder, "run"))


def process(arguments: list[str], log: Path, *, seconds: float = LONGEST, moment: Moment | None = None) -> str:
    """Run a command in a process of its own, killed at the moment or after so many seconds; return what it printed."""
    child = processes.Process(target=_run, args=(arguments, log, moment))
    child.start()
    child.join(seconds)
    child.kill()
    child.join()
    printed = log.read_text() if log.exists() else ""
    assert child.exitcode in (0, -signal.SIGKILL), printed
    return printed


def _command(run: Path, threads: int) -> list[str]:
    if (run / "config.json").exists():
        return ["train", "--resume", str(run), "--checkpoint-every", "0"]
    return [*TRAIN, "--threads", str(threads), "--out", str(run)]


def _run(arguments: list[str], log: Path, moment: Moment | None) -> None:
    from compare.cli import main

    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    if moment:
        _die_at(moment)
    sys.argv = ["compare", *arguments]
    main()


def _die_at(moment: Moment) -> None:
    owner: Any = {"fsync": os, "replace": Path}[moment.write]
    call, left = getattr(owner, moment.write), moment.number

    def deadly(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and not moment.after:
            os.kill(os.getpid(), signal.SIGKILL)
        returned = call(*arguments)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return returned

    setattr(owner, moment.write, deadly)
