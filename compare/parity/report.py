"""All that a check found, for people and as plain values."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from compare.parity import culprit
from compare.parity.exactness import Exactness, exactness
from compare.parity.outcome import Outcome
from compare.parity.side import Description
from compare.parity.trajectory import FreeRun
from compare.parity.verdict import Finding


@dataclass(frozen=True)
class Report:
    """All that a check found. `held` decides the exit code."""

    description: Description
    findings: list[Finding]
    free_runs: dict[str, FreeRun]
    notes: tuple[str, ...] = ()
    outcome: Outcome | None = None  # of a thorough check

    @property
    def held(self) -> bool:
        """Whether every finding is agreement."""
        return culprit.first_off(self.findings) is None

    @property
    def sentence(self) -> str:
        """Say what is off, or that nothing is."""
        return culprit.sentence(self.findings, self.description)

    @property
    def exactness(self) -> dict[str, Exactness]:
        """Say which side is the more exact, by dtype."""
        return exactness(self.findings)

    def lines(self) -> list[str]:
        """Say what to know of this check, who is the more exact, and how far apart the sides end."""
        return [
            *self.notes,
            *(f"{dtype}: {found}" for dtype, found in self.exactness.items()),
            *(f"{dtype}: {run}" for dtype, run in self.free_runs.items()),
            *([str(self.outcome)] if self.outcome else []),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, as docs/check-json.md describes them."""
        plain: dict[str, Any] = _finite(
            {
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


def _finite(value: Any) -> Any:
    """Return plain values with None for infinity and NaN, which JSON has not."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
