"""A training that is killed at any moment, even amid a write, goes on: nothing may be lost."""

import signal
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from numpy.random import Generator

from compare.files import read_arrays, read_json
from tests.operands import assert_same
from tests.trials.processes import LONGEST, WRITES, Moment, run

WRITTEN = 230  # files, by each work: two checkpoints after each of 112 steps, and a few
OFTEN = ("--checkpoint-every", "0")
SMALL = ("--hidden-dim", "8", "--batch-size", "512", *OFTEN)


class Work(NamedTuple):
    """A command that trains, and the file that says it has begun, so that it can go on."""

    command: tuple[str, ...]
    first: str


TRAIN = Work(("train", "--epochs", "2", *SMALL), "config.json")
EXPLORE = Work(("explore", "--latent-dim", "1,2", "--epochs", "2", *SMALL), "explore.json")
FROM_A_FILE = Work(("train", "--resume", "FILE", "--epochs", "3", *OFTEN), "config.json")


def trial(rng: Generator, folder: Path) -> str:
    """Kill one training up to five times; assert that its end is the unbroken one's."""
    work, threads = (TRAIN, EXPLORE, FROM_A_FILE)[rng.integers(3)], int(rng.integers(1, 3))
    kills = broken(rng, folder / "run", work, threads=threads, most=int(rng.integers(1, 6)))
    what = "train, from a file" if work is FROM_A_FILE else work.command[0]
    return f"{what}, kills: {kills}, bit for bit"


def broken(rng: Generator, folder: Path, work: Work = TRAIN, *, threads: int, most: int) -> int:
    """Train into a folder, killed up to so many times, half of them amid a write.

    Returns how often it was killed: it may end before.
    """
    for kills in range(most):
        seconds, moment = float(rng.uniform(0.1, 3)), None
        if rng.integers(2):
            write, number = str(rng.choice(WRITES)), int(rng.integers(1, WRITTEN // most))
            seconds, moment = LONGEST, Moment(write, number, bool(rng.integers(2)))
        code, printed = run(
            command(folder, work, threads),
            folder.with_suffix(".log"),
            seconds=seconds,
            moment=moment,
        )
        assert code in (0, -signal.SIGKILL), printed
        if code == 0:
            go_on(folder, work, threads)
            return kills
    go_on(folder, work, threads)
    return most


def go_on(folder: Path, work: Work, threads: int) -> None:
    """Train to the end, from wherever it was left; assert that it is the unbroken one's."""
    code, printed = run(command(folder, work, threads), folder.with_suffix(".log"))
    assert code == 0, printed
    expected, found = unbroken(work, threads), result(folder)
    assert found.keys() == expected.keys(), printed
    for name, content in found.items():
        if name.endswith(".safetensors"):
            assert_same(content, expected[name])
        else:
            assert content == expected[name], f"{name}: {printed}"
    left = sorted(path.name for path in folder.rglob(".*"))
    assert not left, f"left behind: {left}"


def command(folder: Path, work: Work, threads: int) -> list[str]:
    """Return the command that begins the work, or goes on with what its folder says."""
    if (folder / work.first).exists():
        return [work.command[0], "--resume", str(folder), *OFTEN]
    begin = [str(_file(threads)) if word == "FILE" else word for word in work.command]
    return [*begin, "--threads", str(threads), "--out", str(folder)]


def result(folder: Path) -> dict[str, Any]:
    """Return, by file, all that must not depend on being killed: everything but seconds."""
    found: dict[str, Any] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.suffix == ".safetensors" and ".previous" not in path.name:
            found[name] = dict(sorted(read_arrays(path)[0].items()))
        elif path.suffix == ".png":
            found[name] = path.read_bytes()
        elif path.name == "history.json":
            found[name] = history = read_json(path)
            for record in (record for records in history.values() for record in records):
                record.pop("seconds", None)
    return found


@cache
def unbroken(work: Work, threads: int) -> dict[str, Any]:
    """Return the result of the same work that nobody kills."""
    with tempfile.TemporaryDirectory() as place:
        return result(_done(Path(place, "run"), work, threads))


@cache
def _file(threads: int) -> Path:
    """Return a checkpoint after two epochs; it lies there as long as this process is alive."""
    _places.append(place := tempfile.TemporaryDirectory())
    return _done(Path(place.name, "run"), TRAIN, threads) / "numpy.safetensors"


_places: list[Any] = []  # folders that go when the process ends


def _done(folder: Path, work: Work, threads: int) -> Path:
    code, printed = run(command(folder, work, threads), folder.with_suffix(".log"))
    assert code == 0, printed
    return folder
