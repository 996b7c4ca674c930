"""Processes that we start, and interrupts: whichever comes first, neither is left over.

An interrupt is held back while a process is started: one that comes then finds a process that can be ended.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process


@contextmanager
def held_back() -> Iterator[None]:
    """Have an interrupt wait for the end of the block. A process that is started in it has them held back for good."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_the_parent() -> None:
    """Have an interrupt end this process, which was started with them held back, without a word; and its parent's end.

    The parent says what there is to say.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    threading.Thread(target=_wait_for_its_end, daemon=True).start()


def _wait_for_its_end() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)
