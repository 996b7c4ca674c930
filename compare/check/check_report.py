"""All that a check found: its findings, its sentence, and which side is the more exact."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from compare.check.bounds import Finding, Verdict
from compare.check.diagnosis import first_failure, sentence
from compare.sides.interface import Description

if TYPE_CHECKING:
    from compare.check.outcome import Outcome
    from compare.check.trajectory import FreeRun

VERSION = 2  # of the report's JSON; without one, and with other words, it is 0.3's


@dataclass(frozen=True)
class Exactness:
    """On how many of the tensors compared each side is the nearer to the truth, in one dtype."""

    tensors: int
    nearer: dict[str, int]  # by side; where both are as near, the tensor counts for neither

    def __str__(self) -> str:
        """Name the more exact side first."""
        (first, most), (second, fewer) = sorted(self.nearer.items(), key=lambda item: -item[1])
        if most == fewer:
            return (
                f"{first} and {second} are as exact, "
                f"each the nearer on {most} of {self.tensors} tensors"
            )
        alike = self.tensors - most - fewer
        neither = f", neither on {alike}" if alike else ""
        return (
            f"{first} is the more exact on {most} of {self.tensors} tensors, "
            f"{second} on {fewer}{neither}"
        )


@dataclass(frozen=True)
class Report:
    """All that a check found. `held` decides the exit code."""

    description: Description
    findings: list[Finding]
    free_runs: dict[str, "FreeRun"] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    outcome: "Outcome | None" = None  # of a thorough check

    @property
    def held(self) -> bool:
        """Whether every finding is agreement."""
        return first_failure(self.findings) is None

    @property
    def sentence(self) -> str:
        """Say what fails, where, since when and by how much; or that nothing does."""
        return sentence(self.findings, self.description)

    @property
    def exactness(self) -> dict[str, Exactness]:
        """Say which side is the more exact, by dtype."""
        return exactness(self.findings)

    def lines(self) -> list[str]:
        """Say what to know of this check, who is more exact, and how far apart the sides end."""
        absent = dict.fromkeys(f.tensor for f in self.findings if f.verdict is Verdict.NOT_OFFERED)
        offers = f"{self.description.name} does not offer {', '.join(absent)}: not judged."
        noted = {  # of each tensor that is judged, not of the reference's: the last that was found
            (f.side, f.operation, f.tensor): f"{f.tensor} of {f.side}'s {f.operation}: {f.detail}."
            for f in self.findings
            if f.verdict is Verdict.NOTED and f.side == self.description.name
        }
        return [
            *self.notes,
            *([offers] if absent else []),
            *(f"Noted: {note}" for note in noted.values()),
            *(f"{dtype}: {found}" for dtype, found in self.exactness.items()),
            *(f"{dtype}: {run}" for dtype, run in self.free_runs.items()),
            *([str(self.outcome)] if self.outcome else []),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, as docs/check-json.md describes them."""
        plain: dict[str, Any] = _finite(
            {
                "version": VERSION,
                "held": self.held,
                "sentence": self.sentence,
                "notes": list(self.notes),
                "findings": [asdict(finding) for finding in self.findings],
                "exactness": {dtype: asdict(found) for dtype, found in self.exactness.items()},
                "free_runs": {dtype: asdict(run) for dtype, run in self.free_runs.items()},
                "outcome": asdict(self.outcome) if self.outcome else None,
            }
        )
        return plain


def exactness(findings: Sequence[Finding]) -> dict[str, Exactness]:
    """Return, by dtype, how the two sides of a check stand; nothing where there is one alone.

    Stage network measures each side's error in units of what rounding allows that side; both
    allowances come of the same random noise, so the units are the same.
    """
    ratios = {
        (f.dtype, f.tensor, f.side): f.ratio
        for f in findings
        if f.stage == "network"
        and f.operation != "data"
        and f.verdict is not Verdict.NOT_OFFERED
        and not f.square
    }
    sides = list(dict.fromkeys(side for *_, side in ratios))
    if len(sides) != 2:
        return {}
    found = {}
    for dtype in dict.fromkeys(of for of, *_ in ratios):
        tensors = dict.fromkeys(tensor for of, tensor, _ in ratios if of == dtype)
        pairs = [[ratios.get((dtype, tensor, side)) for side in sides] for tensor in tensors]
        both = [(ours, theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
        wins = Counter(sides[ours > theirs] for ours, theirs in both if ours != theirs)
        found[dtype] = Exactness(len(both), {side: wins[side] for side in sides})
    return found


def _finite(value: Any) -> Any:
    """Return plain values with None for infinity and NaN, which JSON has not."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
