"""What the harness can say of one tensor."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """From equal to wrong. Only `EXACT` and `WITHIN` are agreement."""

    EXACT = "exact"
    WITHIN = "within"
    OFF = "off"
    MISSING = "missing"
    WRONG_SHAPE = "wrong shape"
    WRONG_DTYPE = "wrong dtype"
    NOT_FINITE = "not finite"

    @property
    def held(self) -> bool:
        """Whether the tensor passed."""
        return self in (Verdict.EXACT, Verdict.WITHIN)


@dataclass(frozen=True)
class Finding:
    """One tensor, judged: its distance from the reference and the allowance, both in the tensor's own unit."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    distance: float | None  # largest absolute difference; None where there is none to take
    allowed: float | None
    verdict: Verdict
