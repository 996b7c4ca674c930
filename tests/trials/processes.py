"""Commands in processes forked from one that has imported everything, killed at a moment."""

import os
import signal
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

WRITES = ("fsync", "replace")  # the two calls of every file that is written: its bytes, its name
LONGEST = 60.0  # seconds that a small command may take on a busy machine

forked = get_context("forkserver")
forked.set_forkserver_preload(
    [
        "compare.commands.run",
        "compare.sides.torch_side",
        "torch._dynamo",
        "sklearn.datasets",
        __name__,
    ]
)


class Moment(NamedTuple):
    """Where a process kills itself: before or after its n-th call of one of WRITES."""

    write: str
    number: int
    after: bool


def run(
    arguments: list[str], log: Path, *, seconds: float = LONGEST, moment: Moment | None = None
) -> tuple[int | None, str]:
    """Run a command, killed at the moment or after so many seconds; return code and output."""
    child = forked.Process(target=_command, args=(arguments, log, moment))
    child.start()
    child.join(seconds)
    assert not (moment and child.is_alive()), f"{arguments} hangs: {log.read_text()}"
    child.kill()
    child.join()
    return child.exitcode, log.read_text() if log.exists() else ""


def _command(arguments: list[str], log: Path, moment: Moment | None) -> None:
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
