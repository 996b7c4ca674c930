"""The check of workers: some processes take steps together, and each hands over its record."""

import multiprocessing
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection

import numpy as np

from compare import machine
from compare.check.shared_steps import IMAGES, SMALL, Record, Trap, judge, record
from compare.data.batches import Images
from compare.data.config import DTYPES
from compare.errors import UserError, told
from compare.sides.subject import LABELS, torch_is_needed
from compare.training.crew import Crew

PATIENCE = 300.0  # seconds for all workers to import torch, and for one round of steps
Case = tuple[type[Trap], str, str]  # what goes wrong, side, dtype


def healthy_cases() -> list[Case]:
    """Return both sides in both dtypes, with nothing wrong."""
    return [(Trap, name, dtype) for name in LABELS for dtype in DTYPES]


def check_shared_steps(count: int, images: Images, cases: Sequence[Case]) -> list[str | None]:
    """Return, for each case, what so many workers do otherwise than one process.

    None where every bit is the same. Raises `UserError` where a worker cannot be started.
    """
    images = images[:IMAGES]
    together = _together(count, images, cases)
    return [
        judge(
            [records[number] for records in together],
            record(name, replace(SMALL, dtype=dtype), images, Trap(0, count), None),
        )
        for number, (_, name, dtype) in enumerate(cases)
    ]


def _together(count: int, images: Images, cases: Sequence[Case]) -> list[list[Record]]:
    """Return the records of all cases, by worker."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        crew = Crew(count, meeting=f"{folder}/store")
        children, ends = [], []
        for rank in range(count):
            ours, theirs = context.Pipe(duplex=False)
            arguments = (replace(crew, rank=rank), images, cases, theirs)
            with machine.held_back():
                children.append(context.Process(target=_work, args=arguments, daemon=True))
                children[-1].start()
            theirs.close()
            ends.append(ours)
        try:
            return [_received(rank, end) for rank, end in enumerate(ends)]
        finally:
            for child in children:
                child.kill()
                child.join()


def _received(rank: int, end: Connection) -> list[Record]:
    try:
        if not end.poll(PATIENCE):
            raise UserError(f"worker {rank} has said nothing for {PATIENCE:g} s; try again")
        found: list[Record] | str = end.recv()
    except EOFError as error:
        raise UserError(f"worker {rank} has ended before its time; try again") from error
    if isinstance(found, str):
        raise UserError(f"worker {rank}: {found}")
    return found


def _work(crew: Crew, images: Images, cases: Sequence[Case], end: Connection) -> None:
    machine.end_with_the_parent()
    machine.set_threads(1)
    result: list[Record] | str
    try:
        with torch_is_needed():
            from compare.training.workers import Group
        with Group(crew, "cpu") as team, np.errstate(all="ignore"):
            team.meet("try again")
            result = [
                record(name, replace(SMALL, dtype=dtype), images, trap(crew.rank, crew.count), team)
                for trap, name, dtype in cases
            ]
    except Exception as error:
        result = told(error)
    end.send(result)
    end.close()
    machine.end(0)
