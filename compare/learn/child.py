"""Somebody's code in a process of its own: it may hang, end the process or crash it."""

import faulthandler
import json
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from compare.errors import UserError, told
from compare.learn.catalogue import Exercise
from compare.learn.grading import WRONG, Graded, grade
from compare.learn.work import line_of

DEADLINE = 5.0  # seconds that an exercise may take; a right one needs some milliseconds
TIMEOUT = b"Timeout ("  # how a traceback of `faulthandler` starts, which is ASCII


class Ended(NamedTuple):
    """What a copy of this process came to."""

    value: Any  # None where it ended otherwise
    code: int  # it exited with; that of a signal is negative
    traceback: str = ""  # where it was at the deadline, the innermost line first

    def line(self, file: str) -> int | None:
        """Return in which line of a file it was at the deadline."""
        found = re.search(rf'File "{re.escape(file)}", line (\d+)', self.traceback)
        return int(found[1]) if found else None


def judged(exercise: Exercise, source: bytes, deadline: float = DEADLINE) -> Graded:
    """Return the verdict on what an exercise's file has become."""
    ended = forked(lambda: grade(exercise, source)._asdict(), deadline)
    if ended.value is not None:
        return Graded(**{**ended.value, "lines": tuple(ended.value["lines"])})
    if ended.traceback:
        at = line_of(source, ended.line(exercise.file))
        how = f"does not come to an end: it is stopped after {deadline:g} seconds{at}"
        return Graded(WRONG, f"{exercise.file} {how}. Is there an endless loop?", kind="hangs")
    signalled = ended.code < 0
    by = f"signal {signal.Signals(-ended.code).name}" if signalled else f"exit code {ended.code}"
    how = f"ends the process in which it runs ({by}); it must return"
    return Graded(WRONG, f"{exercise.file} {how}", kind="ends")


def forked(do: Callable[[], Any], deadline: float) -> Ended:
    """Return what `do` comes to in a copy of this process; its value is as JSON has it.

    At the deadline it is ended, and tells where it was. A copy has all libraries loaded, and so it
    starts in a millisecond; of this process's threads it has none. Raises `UserError` where `do`
    raises, and where a system has no way to make a copy.
    """
    if not hasattr(os, "fork"):
        raise UserError("this system cannot copy a process; use Linux, macOS or WSL")
    read, write = os.pipe()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        child = os.fork()  # Python 3.12 warns of threads; no lock of theirs is one that `do` needs
    if child == 0:
        try:
            os.close(read)
            faulthandler.dump_traceback_later(deadline, exit=True, file=write)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears of it, and tells
            sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - nobody answers `input`
            try:
                answer = [do(), ""]
            except Exception as error:  # of ours: what is judged has been caught
                answer = [None, told(error)]
            faulthandler.cancel_dump_traceback_later()  # it would write into the answer
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
    if code != 0 or not data:
        return Ended(None, code, data.decode() if data.startswith(TIMEOUT) else "")
    value, failed = json.loads(data)
    if failed:
        raise UserError(f"it cannot be judged: the judge itself {failed}; please tell us how")
    return Ended(value, code)
