"""Standard output and error for a person, a pipe and a log."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

from compare.errors import UserError


def printable(text: str) -> str:
    r"""Return text on one line: what is not printable becomes `\n` or `\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextmanager
def steady_streams() -> Iterator[None]:
    """Have all that is printed meanwhile go through `Steady`."""
    # A service may have neither stream.
    out, err = (Steady(stream) if stream else None for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(err):
        yield


class Steady:
    """A stream that survives the loss of its reader, and keeps control characters to terminals.

    When the reader has left, as `| head` does, the rest is dropped, and the exit code holds.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        forced = {"FORCE_COLOR", "TTY_COMPATIBLE"} & os.environ.keys()
        self._plain = not stream.isatty() and not forced
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # another encoding's name, a σ in ASCII

    def write(self, text: str) -> int:
        """Write text; where no terminal will show it, without control characters."""
        plain = "\n".join(map(printable, text.split("\n")))
        if text:  # click writes nothing, to see what a stream can do
            self._try(self._stream.write, plain if self._plain else text)
        return len(text)

    def flush(self) -> None:
        """Write what waits to be written."""
        self._try(self._stream.flush)

    def __getattr__(self, name: str) -> Any:
        """Be like the stream in all else."""
        return getattr(self._stream, name)

    def _try(self, action: Callable[..., object], *arguments: str) -> None:
        try:
            action(*arguments)
        except OSError as error:
            with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - it is no path
                os.dup2(nowhere.fileno(), self._stream.fileno())  # for what is left in buffers
            if not isinstance(error, BrokenPipeError) and self._stream is sys.__stdout__:
                advice = "give the output another place"
                raise UserError(f"cannot print: {error.strerror}; {advice}") from error
