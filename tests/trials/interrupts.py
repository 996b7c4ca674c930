"""A command that is interrupted at any moment: it ends soon, in one line, without a mess."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from numpy.random import Generator

from compare.training.runs import LOCK
from tests.running import environ

PROMPT = 2.0  # seconds in which an interrupt has to end a command
SMALL = ("--hidden-dim", "8", "--epochs", "1")
COMMANDS = {  # and how many seconds of each are of interest
    ("run", "--out", "run", "--no-faults", *SMALL): 30.0,
    ("train", "--out", "run", "--checkpoint-every", "0", *SMALL): 6.0,
    ("check", "--hidden-dim", "8", "--json", "found.json"): 8.0,
    ("check", "--side", "examples.own_side:make", "--json", "found.json"): 10.0,
    ("bench", "--quick", "--json", "results.json"): 30.0,
    ("explore", "--out", "run", "--latent-dim", "1,2", *SMALL): 10.0,
    ("--help",): 0.3,
}


def trial(rng: Generator, folder: Path) -> str:
    """Interrupt one command; assert how it ends."""
    command = list(COMMANDS)[rng.integers(len(COMMANDS))]
    delay = float(rng.uniform(0, COMMANDS[command]) if rng.integers(2) else rng.uniform(0.05, 2))
    ended = interrupted(command, delay, folder, times=int(rng.integers(1, 4)))
    return f"{command[0]}: {ended}"


def interrupted(command: tuple[str, ...], after: float | Path, folder: Path, times: int = 1) -> str:
    """Interrupt a command after so many seconds, or as soon as a file is there; say how it ended.

    It is started in an empty folder, and asserted to end well.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "compare", *command],
        cwd=folder,
        env=environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A job in the background would ignore it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    while isinstance(after, Path) and not after.exists():
        time.sleep(0.02)
    try:
        process.wait(after if isinstance(after, float) else 0)
    except subprocess.TimeoutExpired:
        for _ in range(times):
            # As a terminal does: whom the command has started is meant, too.
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.03)
    start = time.monotonic()
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    seconds = time.monotonic() - start
    line = f"{' '.join(command)} after {after}"
    what = f"{line}: exit code {process.returncode} after {seconds:.1f} s, {err!r}"
    # Python's own start is not ours to guard: runpy has not come to our __main__ yet.
    ours = re.search(r"compare/(?!__init__)", err)
    if process.returncode == -signal.SIGINT and not ours and err.strip() != "interrupted":
        return "interrupted before Python had begun"
    # The last of a late one: a shell calls both 130.
    assert process.returncode in (0, 130, -signal.SIGINT), what
    left = [path for path in folder.rglob(".*") if path.name == LOCK or path.suffix == ".partial"]
    assert not left, f"{what}, left behind: {left}"
    if process.returncode == 0:
        return "had ended"
    assert err.strip().startswith("interrupted") and len(err.strip().splitlines()) == 1, what
    assert seconds < PROMPT, what
    return "interrupted"
