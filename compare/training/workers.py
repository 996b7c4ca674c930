"""Workers on torch's distributed engine, as one of them sees the others.

They meet at a store of short texts, torchrun's or a file, and exchange gradients by gloo, or by
NCCL between GPUs. The store outlives the exchange: where that breaks, whoever is still there
answers a roll call in it, and so it is known who is not.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed import FileStore, PrefixStore, TCPStore  # type: ignore[attr-defined]

from compare import machine
from compare.errors import UserError, told
from compare.sides.interface import Side
from compare.training.crew import Crew

START = timedelta(seconds=300)  # importing torch takes a minute from a cold disk
ROLL_CALL = 2.0  # seconds: the end of a connection is seen within 0.2, and answered at once
POLL = 0.05
LOOPBACK = {"linux": "lo", "darwin": "lo0"}


class Absent(UserError):
    """Who is missing among the workers, and how to go on."""


class Released(Exception):
    """The work has ended, and another worker says why."""


class Connecting(threading.Thread):
    """A connection being made, which torch itself would wait for without looking up."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(daemon=True)
        self._arguments, self._options = arguments, options
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Connect."""
        try:
            dist.init_process_group(*self._arguments, **self._options)
        except Exception as error:
            self._error = error

    def result(self) -> None:
        """Raise what connecting has raised."""
        if self._error:
            raise self._error


class Group:
    """All workers of a crew. A context manager: they part at its end.

    At any call, a missing worker is told by the first of the others: it raises `Absent`. All others
    raise `Released`, but for the first worker: it raises `UserError` where a worker has failed for
    a reason of its own, and `KeyboardInterrupt` where all were asked to end.
    """

    def __init__(
        self, crew: Crew, device: str, children: Sequence[subprocess.Popen[bytes]] = ()
    ) -> None:
        machine.end_at_once()
        self.rank, self.count, self.deadline = crew.rank, crew.count, crew.deadline
        self.device, self.children = device, children
        self.advice = "start again"
        self._rows: Any = None
        self._asked_to_end = False
        self._parted = False
        if crew.by_torchrun:
            address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
            store = TCPStore(address, port, is_master=False, timeout=START)
            self.store: Any = PrefixStore("ae-mirror", store)
        else:
            self.store = FileStore(crew.meeting, crew.count)
            if interface := LOOPBACK.get(sys.platform):
                os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
        if device == "cuda":
            number, there = int(os.environ.get("LOCAL_RANK", self.rank)), torch.cuda.device_count()
            if number >= there:
                raise UserError(f"there are {there} GPUs, and each worker needs one")
            torch.cuda.set_device(number)

    def hand_out(self, work: str) -> None:
        """Tell the other workers what to do."""
        self.store.set("work", work)

    def work(self) -> str:
        """Wait for what the first worker hands out, however long it takes; return it."""
        while not self.store.check(["work"]):
            time.sleep(POLL)
        return self._text("work")

    def meet(self, advice: str, deadline: float | None = None) -> None:
        """Wait for all workers, and connect to them; `advice` says how to go on without one."""
        self.advice, self.deadline = advice, deadline or self.deadline
        self.store.set(f"who/{self.rank}", f"process {os.getpid()} on {socket.gethostname()}")
        self._wait(lambda: not self._without("who"))
        signal.signal(signal.SIGTERM, self._end)
        connecting = Connecting(
            "cpu:gloo,cuda:nccl" if self.device == "cuda" else "gloo",
            store=PrefixStore("engine", self.store),
            rank=self.rank,
            world_size=self.count,
            timeout=timedelta(seconds=self.deadline),
        )
        self._wait(lambda: not connecting.is_alive())
        self._try(connecting.result)

    def share(self, side: Side) -> None:
        """Put a side of every worker where the first one's is."""
        state = side.state()
        for array in state.values():
            self._try(dist.broadcast, torch.from_numpy(array), src=0)
        side.load(state)

    def gather(self, mine: Any) -> Any:
        """Return the rows of all workers, by rank; they are valid until the next call."""
        rows = torch.as_tensor(mine)
        if (
            self._rows is None
            or self._rows[0].shape != rows.shape
            or self._rows.dtype != rows.dtype
        ):
            self._rows = rows.new_empty((self.count, *rows.shape))
        self._try(dist.all_gather, list(self._rows), rows)
        everybodys = self._rows.flatten(0, 1)
        return everybodys if rows is mine else everybodys.numpy()

    def leave(self, why: str = "") -> None:
        """End the exchange; the others learn why. Only the first call counts."""
        if self._parted:
            return
        self._parted = True
        with suppress(RuntimeError):  # the store may be gone
            self.store.set(f"left/{self.rank}", why)
        self._disconnect()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        """Part; the first worker is told of a failure here."""
        if isinstance(error, UserError):
            self.leave(str(error))
        elif isinstance(error, Exception) and not isinstance(error, Released):
            self.leave(f"it {told(error)}")
        else:
            self.leave()

    def _disconnect(self) -> None:
        if dist.is_initialized():
            dist.destroy_process_group()

    def _wait(self, done: Callable[[], bool]) -> None:
        """Wait, while the others begin, as long as nobody leaves or ends."""
        latest = time.monotonic() + START.total_seconds()
        while not done():
            ended = [
                rank for rank, child in enumerate(self.children, 1) if child.poll() is not None
            ]
            if self._with("left"):
                self._roll_call("here")
            if ended or time.monotonic() > latest:
                self._absent(ended or self._without("who"), "did not begin")
            time.sleep(POLL)

    def _end(self, *_: Any) -> None:
        self._asked_to_end = True

    def _try(self, exchange: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Exchange; call the roll where that fails, or where all are to end."""
        # torchrun asks all to end when it is asked itself, or when one worker has ended.
        begun, cause = time.monotonic(), ""
        try:
            exchange(*arguments, **options)
        except RuntimeError as error:
            late = time.monotonic() - begun >= self.deadline
            cause = "silence" if late else told(error)
        if self._asked_to_end:
            cause = cause or "end"
        if cause:  # outside of the handler: while the error is there, connections stay open
            self._roll_call(cause)

    def _roll_call(self, cause: str) -> None:
        """Find out who is missing, and raise accordingly."""
        with self._store_is_there():
            self.store.set(f"here/{self.rank}", cause)
            self._disconnect()  # so that who waits for this worker wakes, and answers, too
            latest = time.monotonic() + ROLL_CALL
            while (missing := self._without("here", "left")) and time.monotonic() < latest:
                time.sleep(POLL)
            present = [rank for rank in range(self.count) if rank not in missing]
            reasons = {rank: self._text(f"left/{rank}") for rank in self._with("left")}
            causes = [self._text(f"here/{rank}") for rank in self._with("here")]
            found = self._text("verdict") if self.store.check(["verdict"]) else ""
        if self.rank != present[0]:
            raise Released
        if found:
            raise Absent(found)
        if missing:
            silent = f"has been silent for {self.deadline:g} s"
            self._absent(missing, silent if "silence" in causes else "was killed or has crashed")
        for rank, why in reasons.items():
            if why:
                raise UserError(f"{self._name(rank)}: {why}")
        if reasons or "end" in causes:
            raise KeyboardInterrupt
        raise UserError(f"the exchange between the workers failed: it {cause}; {self.advice}")

    @contextmanager
    def _store_is_there(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise Absent(f"torchrun has ended; {self.advice}") from error

    def _absent(self, missing: Sequence[int], what: str) -> None:
        verdict = f"{' and '.join(map(self._name, missing))} {what}; {self.advice}"
        self.store.set("verdict", verdict)
        raise Absent(verdict)

    def _with(self, *words: str) -> list[int]:
        """Return which workers have said one of some words."""
        return [
            rank
            for rank in range(self.count)
            if any(self.store.check([f"{word}/{rank}"]) for word in words)
        ]

    def _without(self, *words: str) -> list[int]:
        return sorted(set(range(self.count)) - set(self._with(*words)))

    def _text(self, key: str) -> str:
        return str(self.store.get(key).decode())

    def _name(self, rank: int) -> str:
        who = f" ({self._text(f'who/{rank}')})" if self.store.check([f"who/{rank}"]) else ""
        return f"worker {rank} of {self.count}{who}"
