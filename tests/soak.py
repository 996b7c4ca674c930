"""Try at random, for a given time, what may break a promise; print how often, and what came of it.

    python -m tests.soak [--minutes 20] [--seed 0] [--report docs/reliability.md]

A trial that fails is told with the seed that makes it fail again.
"""

import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from compare import machine
from compare.files import write_whole
from compare.progress import console
from compare.tables import Table, markdown, show_tables
from tests.trials import (
    arguments,
    checkpoints,
    crews,
    data_files,
    disk,
    folders,
    interrupts,
    kills,
    mistakes,
    users,
)
from tests.trials.many import Trial


class Kind(NamedTuple):
    """A kind of trial, and how many shares of the time it gets."""

    trial: Trial
    shares: int


KINDS = {
    "trainings killed by SIGKILL, up to five times each": Kind(kills.trial, 4),
    "commands interrupted by SIGINT": Kind(interrupts.trial, 3),
    "trainings on a disk that fills up": Kind(disk.trial, 2),
    "networks to judge, healthy or with a mistake": Kind(mistakes.trial, 3),
    "sides and layers of users that exit, hang, raise or return anything": Kind(users.trial, 3),
    "data files that are not the original": Kind(data_files.trial, 1),
    "checkpoints that were changed, and programs for files": Kind(checkpoints.trial, 1),
    "command lines with senseless values": Kind(arguments.trial, 1),
    "user-supplied runs and results, and folders with files of others": Kind(folders.trial, 1),
    "shared trainings of which a worker is killed": Kind(crews.trial, 3),
}


@dataclass
class Tally:
    """What came of one kind of trial so far."""

    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)  # promises, with what is needed to see it again

    @property
    def trials(self) -> int:
        """Return how many there were."""
        return self.outcomes.total() + len(self.broken)


def attempt(kind: str, seed: int, tally: Tally) -> None:
    """Make the next trial of a kind, in an empty folder of its own."""
    address = [seed, list(KINDS).index(kind), tally.trials]
    start = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:
            tally.outcomes[KINDS[kind].trial(np.random.default_rng(address), Path(folder))] += 1
    except Exception:  # whatever it is, the other trials go on
        tally.broken.append(f"{kind}, default_rng({address}): {traceback.format_exc()}")
    tally.seconds += time.perf_counter() - start


def table(tallies: dict[str, Tally], seconds: float) -> Table:
    """Return a row for each kind: how many, what came of them, how many broke a promise."""
    total, broken = (
        sum(of) for of in zip(*((t.trials, len(t.broken)) for t in tallies.values()), strict=True)
    )
    return Table(
        f"{total:,} trials in {seconds / 60:.0f} minutes: {broken} broken promises",
        ("trial", "times", "what came of it", "broken promises"),
        [
            (
                kind,
                f"{tally.trials:,}",
                "; ".join(
                    f"{outcome}: {count:,}" for outcome, count in sorted(tally.outcomes.items())
                ),
                str(len(tally.broken)),
            )
            for kind, tally in tallies.items()
        ],
    )


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0), default=20.0, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--only", "kinds", type=click.Choice(list(KINDS)), multiple=True, default=list(KINDS))
@click.option(
    "--report", type=click.Path(path_type=Path), help="Write the table to this file, too."
)
def main(minutes: float, seed: int, kinds: Sequence[str], report: Path | None) -> None:
    """Try until the time is over, or an interrupt; exit with 1 where a promise was broken."""
    tallies = {kind: Tally() for kind in kinds}
    start = time.monotonic()
    try:
        with console.status("trying") as status:
            while (passed := time.monotonic() - start) < 60 * minutes:
                kind = min(tallies, key=lambda name: tallies[name].seconds / KINDS[name].shares)
                status.update(f"{passed / 60:.1f} of {minutes:g} minutes: {kind}")
                attempt(kind, seed, tallies[kind])
    except KeyboardInterrupt:
        console.print("interrupted; until then:")
    rows = table(tallies, time.monotonic() - start)
    show_tables([rows])
    for broken in (line for tally in tallies.values() for line in tally.broken):
        console.print(broken, markup=False)
    if report:
        command = f"--minutes {minutes:g} --seed {seed} --report {report}"
        head = f"Made by `python -m tests.soak {command}`.\n"
        here = machine.machine(machine.describe())
        write_whole(
            report, f"# What is tried at random\n\n{head}{here}.\n\n{markdown([rows])}".encode()
        )
    sys.exit(any(tally.broken for tally in tallies.values()))


if __name__ == "__main__":
    main()
