"""What a door for other people's code returns: its findings, and what a person is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from compare.check.bounds import Finding, Verdict


@dataclass(frozen=True)
class DoorReport:
    """A verdict on somebody's code; its truth value is whether all that was judged passed."""

    name: str
    findings: Sequence[Finding] = field(repr=False)
    sentence: str

    @property
    def held(self) -> bool:
        """Whether all that was judged passed, and something was."""
        judged = [f for f in self.findings if f.verdict is not Verdict.NOT_JUDGED]
        return bool(judged) and all(f.verdict.held for f in judged)

    def __bool__(self) -> bool:
        """Return `held`."""
        return self.held

    def raise_if_wrong(self) -> None:
        """Raise `AssertionError` with the sentence, unless it held: for a test."""
        if not self.held:
            raise AssertionError(self.sentence)
