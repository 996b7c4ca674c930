"""A call into somebody's code in this process: it may warn, print, hang, and raise anything."""

import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from types import FrameType
from typing import Literal, TypeVar

import numpy as np

from compare.sides.calls import call

T = TypeVar("T")

DEADLINE = 20.0  # seconds of one call; what is judged is small


def watched(
    what: str, do: Callable[[], T], *, strict: bool = True, prints: StringIO | None = None
) -> T:
    """Return what somebody's code returns. Raises `Misbehaved` for what it raises.

    A call that takes longer than `DEADLINE` counts as raised, where it can be interrupted: on the
    main thread; and if `strict`, so does a warning. What it prints goes to `prints`.
    """
    action: Literal["error", "ignore"] = "error" if strict else "ignore"

    def watching() -> T:
        with (
            np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
            warnings.catch_warnings(action=action),
            redirect_stdout(prints or StringIO()),
            _deadline(),
        ):
            return do()

    return call(what, watching)


@contextmanager
def _deadline() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"it took longer than {DEADLINE:g} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
