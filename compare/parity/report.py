"""All that a check found, for people and as plain values."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compare.parity import culprit
from compare.parity.exactness import Exactness, exactness
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

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, as docs/check-json.md describes them."""
        return {
            "held": self.held,
            "sentence": self.sentence,
            "notes": list(self.notes),
            "findings": [asdict(f) | {"ratio": _finite(f.ratio)} for f in self.findings],
            "exactness": {dtype: asdict(found) for dtype, found in self.exactness.items()},
            "free_runs": {dtype: asdict(run) for dtype, run in self.free_runs.items()},
        }


def _finite(ratio: float) -> float | None:
    """Return None for an infinite ratio, where nothing at all is allowed: JSON has no infinity."""
    return ratio if np.isfinite(ratio) else None
