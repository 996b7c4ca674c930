"""Judging in a process of its own: user-supplied code may hang, end the process or crash it.

The parent tells what happened. The child's messages to it each begin with a mark, so that what the
code writes into their line is seen, and not waited for.
"""

import os
import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import SIGINT, SIGKILL, Signals
from struct import Struct
from typing import Any, TypeVar

from compare.errors import UserError
from compare.machine import end_with_the_parent, held_back, keep_freed_memory
from compare.sides.calls import MUST_NOT_END, Calls, Ended, account
from compare.terminal import steady_streams

T = TypeVar("T")
Step = Callable[[int, float], None]  # images in a batch, loss per image
Judge = Callable[[Calls, Step], T]  # given to a new process, so a module's function or a `partial`

DEADLINE = 300.0  # seconds that one call into the code may take
QUIET = (
    10  # times the deadline, but at least a minute, that the process may be silent between calls
)
LEAST_QUIET = 60.0
GRACE = 2.0  # seconds in which a process that has answered, or gone silent, is to end by itself
GLANCE = 1.0  # seconds after which to see whether it is alive, where nothing else tells

HEADER = Struct("!8sQ")  # before each message: the mark, and the length of what follows
MARK = b"compare:"
LARGEST = 64 * 2**20  # bytes of a message
CHUNK = 2**16


def supervised(name: str, judge: Judge[T], on_step: Step, *, deadline: float = DEADLINE) -> T:
    """Return what `judge` comes to in a new process, which has ended when this returns.

    Raises what it raises, and `UserError`, in one line, where the code called `name` ends that
    process, where one call into it takes longer than the deadline, and where nothing is heard for
    much longer than that.
    """
    context = get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=_work, args=(there,))
    resource_tracker.ensure_running()  # `start` would do so, and let interrupts through on the way
    try:
        with held_back():  # until `_work` lets an interrupt through
            child.start()
        there.close()
        with suppress(OSError):  # where it has ended already, which `_listen` tells
            here.send((name, judge, Path.cwd()))
        answer = _listen(name, child, here, on_step, deadline)
        _let_end(child)
    finally:
        if child.pid:
            child.kill()
            child.join()
        here.close()
    if isinstance(answer, BaseException):
        raise answer
    result: T = answer
    return result


def _listen(
    name: str, child: BaseProcess, here: "Connection[Any, Any]", on_step: Step, deadline: float
) -> Any:
    """Return the child's answer."""
    receiver, inside, since = Receiver(here), "", time.monotonic()
    quiet = max(QUIET * deadline, LEAST_QUIET)
    while True:
        left = since + (deadline if inside else quiet) - time.monotonic()
        try:
            message = receiver.next(max(0, min(left, GLANCE)))
        except (EOFError, OSError):
            break
        except Garbled:
            advice = "code that is judged must not write into files that it has not opened"
            raise UserError(
                f"{name} wrote into what its process answers through; {advice}"
            ) from None
        if message:
            kind, value = message
            since = time.monotonic()
            if kind == "answer":
                return value
            if kind == "step":
                on_step(*value)
            else:
                inside = value
        elif left <= 0 and inside:
            raise UserError(
                f"{inside} took longer than {deadline:g} seconds; "
                "make it faster, or give --deadline more"
            )
        elif left <= 0:
            advice = "code that is judged must not run, or stop the process, between its calls"
            raise UserError(f"{name} has not answered for {quiet:g} seconds; {advice}")
        elif child.exitcode is not None and not here.poll():
            break  # what it has started may hold the line open
    _let_end(child)
    if child.exitcode == -SIGINT:
        raise KeyboardInterrupt
    advice = "code that is judged must return, and not end or crash the process"
    if child.exitcode == -SIGKILL:
        advice = "there may be too little memory"
    raise UserError(f"{name} {_how(child.exitcode)}{f' amid {inside}' if inside else ''}; {advice}")


def _let_end(child: BaseProcess) -> None:
    """Give a process some time to end; `join` may wait for ever where it has closed all it had."""
    end = time.monotonic() + GRACE
    while child.exitcode is None and time.monotonic() < end:
        time.sleep(0.01)


def _how(exitcode: int | None) -> str:
    """Say how a process ended that has given no answer."""
    if exitcode is None:
        return "closed what its process answers through"
    names = {-number: f"signal {number.name}" for number in Signals}
    return f"ended its process ({names.get(exitcode, f'exit code {exitcode}')})"


def _work(there: "Connection[Any, Any]") -> None:
    """Judge, in the new process; tell of each call into the code, and of the end."""
    end_with_the_parent()
    keep_freed_memory()
    name, judge, folder = there.recv()
    os.chdir(folder)
    _keep_from_the_tracker()
    send = Sender(there).send
    calls = Calls(lambda what: send(("call", what)), interrupts=False)
    with steady_streams():
        answer = _answer(name, judge, calls, lambda *done: send(("step", done)))
        send(("answer", answer))


def _keep_from_the_tracker() -> None:
    """Lead what would reach multiprocessing's tracker to nowhere: it answers with tracebacks."""
    if tracker := resource_tracker.getfd():
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, tracker)
        os.close(nowhere)


def _answer(name: str, judge: Judge[Any], calls: Calls, on_step: Step) -> Any:
    """Return what judging comes to, or its exception, of a class that the parent knows."""
    try:
        return judge(calls, on_step)
    except UserError as error:
        return error
    except MemoryError as error:
        return MemoryError(str(error))
    except Ended as error:
        return UserError(str(error))
    except KeyboardInterrupt:  # a person's would have ended the process
        return UserError(f"{name} raised KeyboardInterrupt; {MUST_NOT_END}")
    except BaseException as error:
        return UserError(f"{name} cannot be judged: {account(error)}")


class Garbled(Exception):
    """Something that is no message of ours."""


class Sender:
    """Where a process sends from. A copy that it makes of itself ends at its first word."""

    def __init__(self, line: "Connection[Any, Any]") -> None:
        self._line, self._process = line, os.getpid()
        self._out = open(line.fileno(), "wb", closefd=False)  # noqa: SIM115

    def send(self, message: Any) -> None:
        """Send a message. Where nobody hears it, the process ends."""
        if os.getpid() != self._process:
            os._exit(1)
        data = pickle.dumps(message)
        try:
            self._out.write(HEADER.pack(MARK, len(data)) + data)
            self._out.flush()
        except OSError:
            os._exit(1)


class Receiver:
    """Where they are received; half a message is kept until the rest is there."""

    def __init__(self, line: "Connection[Any, Any]") -> None:
        self._line, self._got = line, bytearray()

    def next(self, wait: float) -> Any:
        """Return the next message, or None where none is whole after some seconds.

        Raises `EOFError` or `OSError` at the end of the line, and `Garbled`.
        """
        message = self._whole()
        if message is None and self._line.poll(wait):
            if not (more := os.read(self._line.fileno(), CHUNK)):
                raise EOFError
            self._got += more
            message = self._whole()
        return message

    def _whole(self) -> Any:
        mark = self._got[: len(MARK)]
        if mark != MARK[: len(mark)]:
            raise Garbled
        if len(self._got) < HEADER.size:
            return None
        _, length = HEADER.unpack_from(self._got)
        if length > LARGEST:
            raise Garbled
        end = HEADER.size + length
        if len(self._got) < end:
            return None
        data = bytes(self._got[HEADER.size : end])
        del self._got[:end]
        try:
            return pickle.loads(data)
        except Exception:  # something has been written into the midst of it
            raise Garbled from None
