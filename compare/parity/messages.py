"""Messages from a process whose code is anybody's: what else is written into its line is seen, and not waited for."""

import os
import pickle
from multiprocessing.connection import Connection
from struct import Struct
from typing import Any

HEADER = Struct("!8sQ")  # before each message: this mark, and the length of what follows
MARK = b"compare:"
LARGEST = 64 * 2**20  # bytes of a message
CHUNK = 2**16


class Garbled(Exception):
    """Something that is no message of ours."""


class Sender:
    """Where a process sends from. A copy of the process, which it may make of itself, ends at its first word."""

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
