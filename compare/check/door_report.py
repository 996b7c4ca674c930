"""What a door for other people's code returns: its findings, and what a person is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from compare.check.bounds import Finding


@dataclass(frozen=True)
class DoorReport:
    """A verdict on somebody's code; its truth value is whether it held."""

    findings: Sequence[Finding]
    sentence: str
    notes: tuple[str, ...] = ()  # what was not judged, and whatever else a reader should know

    @property
    def held(self) -> bool:
        """Whether every finding is agreement."""
        return all(finding.verdict.held for finding in self.findings)

    def __bool__(self) -> bool:
        """Whether it held."""
        return self.held

    def raise_if_wrong(self) -> None:
        """Raise `AssertionError` with the sentence unless it held: for a test."""
        if not self.held:
            raise AssertionError(self.sentence)
