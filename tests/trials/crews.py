"""A run of several workers of which one is killed: it ends soon, says whom, and goes on."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from compare.training.checkpoint import Checkpoint
from tests.operands import assert_same
from tests.running import environ

SHARDS = 4
TRAIN = ("train", "--epochs", "3", "--hidden-dim", "8", "--batch-size", "256")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
OFTEN = ("--checkpoint-every", "0.2")
SOON = 5.0  # seconds in which a run ends whose worker was killed: what is promised
PATIENCE = 1800.0  # seconds for a run, on a machine however busy


class Ended(NamedTuple):
    """How a run ended: what was printed, and how long after the kill nothing of it was left."""

    code: int
    out: str
    err: str
    seconds: float


def start(
    *arguments: object, program: tuple[str, ...] = (), module: str = "compare"
) -> subprocess.Popen[str]:
    """Start a command, under another program where one is named; its threads are one."""
    command = [sys.executable, *program, "-m", module, *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environ(), "OMP_NUM_THREADS": "1"},
    )


def workers(first: int) -> list[int]:
    """Return the processes of a run, by rank."""
    try:
        return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
    except FileNotFoundError:
        return [first]


def alive(process: int) -> bool:
    """Whether a process is at work, not waiting to be buried."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a run has written a file; it may end before."""
    while not file.exists() and process.poll() is None:
        time.sleep(0.02)


def gone(processes: list[int]) -> bool:
    """Wait for the end of processes; return whether it came.

    One that has closed what it prints to is at work for another moment.
    """
    latest = time.monotonic() + PATIENCE
    while any(map(alive, processes)) and time.monotonic() < latest:
        time.sleep(0.02)
    return not any(map(alive, processes))


def struck(
    first: subprocess.Popen[str], rng: Generator, ready: Path, latest: float, how: signal.Signals
) -> tuple[int, Ended] | None:
    """Send a signal to a random worker at a random moment; return its rank, and the run's end.

    None where the run ended before.
    """
    wait_for(ready, first)
    time.sleep(rng.uniform(0, latest))
    processes = workers(first.pid)
    rank = int(rng.integers(len(processes)))
    if first.poll() is not None or len(processes) == 1 or not alive(processes[rank]):
        end(first, processes)
        return None
    os.kill(processes[rank], how)
    begun = time.monotonic()
    gone(processes)
    seconds = time.monotonic() - begun
    return rank, Ended(*end(first, processes), seconds)


def end(first: subprocess.Popen[str], processes: list[int]) -> tuple[int, str, str]:
    """Wait for the end of a run."""
    try:
        out, err = first.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        raise
    assert gone(processes), "a worker is left"
    return first.returncode, out, err


def result(folder: Path) -> dict[str, Any]:
    """Return the final states of both sides, and what their losses were."""
    found = {}
    for name in ("numpy", "torch"):
        end = Checkpoint.load(folder / f"{name}.safetensors")
        losses = [[epoch.loss, epoch.kl or 0.0, epoch.test_mse] for epoch in end.history]
        found[name] = {**end.state, "history": np.array(losses)}
    return found


@cache
def unbroken() -> tuple[dict[str, Any], float]:
    """Return what one process with the same shards ends in, and how long a crew takes for it."""
    with tempfile.TemporaryDirectory() as place:
        alone, crew = Path(place, "alone"), Path(place, "crew")
        run(*TRAIN, "--threads", 1, "--shards", SHARDS, "--out", alone)
        begun = time.monotonic()
        run(*TRAIN, *OFTEN, "--workers", 2, "--out", crew)
        seconds = time.monotonic() - begun
        same(crew, result(alone))
        return result(alone), seconds


def run(*arguments: object, program: tuple[str, ...] = (), module: str = "compare") -> str:
    """Run a command to success; return what it prints."""
    process = start(*arguments, program=program, module=module)
    code, out, err = end(process, [process.pid])
    assert code == 0, err
    return out


def same(folder: Path, expected: dict[str, Any]) -> None:
    """Assert that a run has ended in the same bits."""
    for name, state in result(folder).items():
        assert_same(state, expected[name])


def trial(rng: Generator, folder: Path) -> str:
    """Kill one worker of a run; assert that it ends soon, and goes on to the same bits."""
    expected, seconds = unbroken()
    first = int(rng.integers(2, 5))
    then = int(rng.choice([count for count in range(1, 5) if count != first]))
    found = None
    while not found:  # it may have ended before
        shutil.rmtree(folder, ignore_errors=True)
        crew = start(*TRAIN, *OFTEN, "--workers", first, "--out", folder)
        found = struck(crew, rng, folder / "config.json", seconds, signal.SIGKILL)
        seconds /= 2
    rank, ended = found
    assert ended.seconds < SOON, f"{rank}: {ended}"
    lines = ended.err.splitlines()
    assert len(lines) == 1, (rank, ended)
    assert re.findall(r"worker (\d) of", lines[0]) == [f"{rank}"], ended.err
    assert f"go on with --resume {folder}" in lines[0], ended.err
    assert ended.code == (-signal.SIGKILL if rank == 0 else 2)
    run("train", "--resume", folder, "--workers", then)
    same(folder, expected)
    return f"one of {first} killed, resumed with {then}, bit for bit"


def main(trials: int) -> None:
    """Do so many trials; print each."""
    for seed in range(trials):
        with tempfile.TemporaryDirectory() as place:
            print(f"{seed}:", trial(np.random.default_rng(seed), Path(place, "run")), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
