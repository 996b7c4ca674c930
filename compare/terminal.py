"""Standard output and error for a person, a pipe and a log; the progress of trainings."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

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


WIDTH = 100  # columns, where there is no terminal to ask
console = Console(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else WIDTH)


class _Rate(ProgressColumn):
    """Images per second, of the side as a whole."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} images/s" if speed else "", style="dim", justify="right")


class TrainingProgress(Progress):
    """A bar of images for every training, by label; a context manager."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        super().__init__(
            TextColumn("{task.description:<8}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:>7}"),
            _Rate(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._bars = {
            label: self.add_task(label, total=total, loss="", start=False)
            for label, total in totals.items()
        }

    def skip(self, label: str, images: int) -> None:
        """Count images as done that an earlier process has trained on."""
        self.update(self._bars[label], completed=images)

    def step(self, label: str, images: int, loss: float) -> None:
        """Advance a training by one batch with this loss per image."""
        self.start_task(self._bars[label])
        self.update(self._bars[label], advance=images, loss=f"{loss:.2f}")
