"""The check of workers: some processes take steps together, and each hands over its record."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from compare.check.shared_steps import IMAGES, LAST, SMALL, Record, Trap, judge, record
from compare.data.batches import Images
from compare.data.config import DTYPES, MODELS, Config
from compare.errors import UserError
from compare.sides.subject import LABELS
from compare.training.shards import Team
from compare.training.together import together

Case = tuple[type[Trap], str, Config]  # what goes wrong, side, how it trains


def healthy_cases() -> list[Case]:
    """Return every model of both sides in both dtypes, with nothing wrong."""
    return [
        (Trap, name, replace(SMALL, model=model, dtype=dtype))
        for name in LABELS
        for model in MODELS
        for dtype in DTYPES
    ]


def check_shared_steps(count: int, images: Images, cases: Sequence[Case]) -> list[str | None]:
    """Return, for each case, what so many workers do otherwise than one process.

    None where every bit is the same. Raises `UserError` where a worker cannot be started, or would
    have no image.
    """
    if count > LAST:
        raise UserError(f"a batch of the check has {LAST} images; choose --workers {LAST} or fewer")
    images = images[:IMAGES]
    records = zip(*together(count, _records, images, cases), strict=True)
    return [
        judge(of_workers, _record((Trap, *case[1:]), images, 0, count, None))
        for case, of_workers in zip(cases, records, strict=True)
    ]


def _records(team: Team, images: Images, cases: Sequence[Case]) -> list[Record]:
    return [_record(case, images, team.rank, team.count, team) for case in cases]


def _record(case: Case, images: Images, rank: int, count: int, team: Any) -> Record:
    trap, name, config = case
    return record(name, config, images, trap(rank, count), team)
