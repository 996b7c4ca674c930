"""A disk that fills up under a training: what was written stays. Needs root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from numpy.random import Generator

from tests.trials import kills
from tests.trials.processes import run

KILOBYTES = 1000  # that a training writes in all; some disks have less
THREADS = 1


def trial(rng: Generator, folder: Path) -> str:
    """Train on a small disk; assert that it ends in one line, and goes on when there is space."""
    with small_disk(folder / "disk", int(rng.integers(4, KILOBYTES))) as disk:
        code, printed = run(kills.command(disk / "run", kills.TRAIN, THREADS), folder / "log")
        if code != 0:
            assert code == 2 and "Traceback" not in printed, f"exit code {code}: {printed}"
            errors = [line for line in printed.splitlines() if line.startswith("error: ")]
            assert len(errors) == 1 and "free some space" in errors[0], printed
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        kills.go_on(disk / "run", kills.TRAIN, THREADS)
    return (
        "had space enough"
        if code == 0
        else "ended in one line, and went on, bit for bit, when there was space"
    )


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """Mount a disk of this size. Raises `OSError` or `CalledProcessError` where one may not."""
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", place],
        check=True,
        capture_output=True,
    )
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
