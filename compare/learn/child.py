"""Somebody's code in a process of its own: it may hang, end the process or crash it."""

import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

from compare.errors import UserError, told
from compare.learn.catalogue import Exercise
from compare.learn.grading import WRONG, Graded, grade

DEADLINE = 5.0  # seconds that an exercise may take; a right one needs some milliseconds


def judged(exercise: Exercise, source: bytes, deadline: float = DEADLINE) -> Graded:
    """Return the verdict on what an exercise's file has become."""
    answer, status = forked(lambda: grade(exercise, source)._asdict(), deadline)
    if answer is not None:
        return Graded(**{**answer, "lines": tuple(answer["lines"])})
    if status == -signal.SIGALRM:
        how = (
            f"does not come to an end: {deadline:g} seconds have passed. Is there an endless loop?"
        )
        return Graded(WRONG, f"{exercise.file} {how}", kind="hangs")
    ended = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
    how = f"ends the process in which it runs ({ended}); it must return"
    return Graded(WRONG, f"{exercise.file} {how}", kind="ends")


def forked(do: Callable[[], Any], deadline: float) -> tuple[Any, int]:
    """Return what `do` returns in a copy of this process, as JSON has it, and its exit code.

    None where that ended otherwise: after the deadline, an alarm of the system ends it. A copy has
    all libraries loaded, and so it starts in a millisecond; of this process's threads it has none.
    Raises `UserError` where `do` raises, and where a system has no way to make one.
    """
    if not hasattr(os, "fork"):
        raise UserError("this system cannot copy a process; use Linux, macOS or WSL")
    read, write = os.pipe()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        child = os.fork()  # Python 3.12 warns of threads; no lock of theirs is one that `do` needs
    if child == 0:
        try:
            os.close(read)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, deadline)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears of it, and tells
            sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - nobody answers `input`
            try:
                answer = [do(), ""]
            except Exception as error:  # of ours: what is judged has been caught
                answer = [None, told(error)]
            with open(write, "wb") as file:  # noqa: PTH123 - it is no path
                file.write(json.dumps(answer).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    try:
        with open(read, "rb") as file:  # noqa: PTH123
            data = file.read()
    except BaseException:  # an interrupt: nobody waits for it any more
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    value, failed = json.loads(data) if code == 0 and data else (None, "")
    if failed:
        raise UserError(f"it cannot be judged: the judge itself {failed}; please tell us how")
    return value, code
