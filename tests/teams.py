"""Workers that are threads of this process, so that a test starts no other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """A team whose workers are threads."""

    def __init__(self, rank: int, rows: list[Any], barrier: threading.Barrier) -> None:
        self.rank, self.count, self.rows, self.barrier = rank, len(rows), rows, barrier

    def gather(self, mine: Any) -> Any:
        """Return everybody's rows."""
        self.rows[self.rank] = mine
        self.barrier.wait()
        rows = [row for one in self.rows for row in one]
        copies = [row.clone() if hasattr(row, "clone") else row.copy() for row in rows]
        self.barrier.wait()
        return copies

    def leave(self, why: str) -> None:
        """Let nobody wait for this one."""
        self.barrier.abort()


def in_threads(count: int, do: Callable[[Threads], T]) -> list[T]:
    """Return what a function comes to in each of so many workers, by rank."""
    rows: list[Any] = [None] * count
    barrier = threading.Barrier(count)

    def work(rank: int) -> T:
        team = Threads(rank, rows, barrier)
        try:
            return do(team)
        except BaseException:
            team.leave("it failed")
            raise

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(work, range(count)))
