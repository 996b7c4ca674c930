"""A function that several processes on this machine do together, on torch's distributed engine."""

import multiprocessing
import tempfile
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import numpy as np

from compare import machine
from compare.errors import UserError, told
from compare.sides.subject import torch_is_needed
from compare.training.crew import Crew

T = TypeVar("T")
PATIENCE = 300.0  # seconds for all workers to import torch, and to do it


def together(
    count: int, do: Callable[..., T], *arguments: Any, patience: float = PATIENCE
) -> list[T]:
    """Return what `do(team, *arguments)` returns in each of so many processes, by rank.

    Function and arguments are pickled, as the results are. Each process works with one thread.
    Raises `UserError` where one fails, ends early, or takes too long.
    """
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        crew = Crew(count, meeting=f"{folder}/store")
        children, ends = [], []
        try:
            for rank in range(count):
                ours, theirs = context.Pipe(duplex=False)
                how = (replace(crew, rank=rank), do, arguments, theirs)
                with machine.held_back():
                    children.append(context.Process(target=_work, args=how, daemon=True))
                    children[-1].start()
                theirs.close()
                ends.append(ours)
            return [_received(rank, end, patience) for rank, end in enumerate(ends)]
        finally:
            for child in children:
                child.kill()
                child.join()


def _received(rank: int, end: Connection, patience: float) -> Any:
    try:
        if not end.poll(patience):
            raise UserError(f"worker {rank} has said nothing for {patience:g} s; try again")
        done, found = end.recv()
    except EOFError as error:
        raise UserError(f"worker {rank} has ended before its time; try again") from error
    if not done:
        raise UserError(f"worker {rank}: {found}")
    return found


def _work(crew: Crew, do: Callable[..., Any], arguments: tuple[Any, ...], end: Connection) -> None:
    machine.end_with_the_parent()
    machine.set_up(1)
    try:
        with torch_is_needed():
            from compare.training.workers import Group
        with Group(crew, "cpu") as team, np.errstate(all="ignore"):
            team.meet("try again")
            end.send((True, do(team, *arguments)))
    except Exception as error:
        end.send((False, f"it {told(error)}"))
    end.close()
    machine.end(0)
