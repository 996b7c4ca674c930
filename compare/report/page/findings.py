"""The findings of a check, gathered under the tensors that the rows of the page are about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compare.check.bounds import Finding, Verdict
from compare.check.diagnosis import STAGES, tensor_of
from compare.report.page.numbers import share
from compare.sides.interface import Layer


@dataclass(frozen=True)
class Mark:
    """What one stage says of one tensor, on both sides and in both dtypes: the worst of it."""

    stage: str
    held: bool
    verdict: str
    ratio: float | None

    def __str__(self) -> str:
        """Return the stage, and how far its worst error is from its bound."""
        if self.held:
            return (
                f"{self.stage}: {f'{share(self.ratio)} of the bound' if self.ratio else 'no error'}"
            )
        beyond = f", {share(self.ratio)} times the bound" if self.ratio else ""
        return f"{self.stage}: {self.verdict}{beyond}"


def marks(findings: Iterable[Mapping[str, Any]], layers: Sequence[Layer]) -> dict[str, list[Mark]]:
    """Return the marks of every tensor of a check's findings, in the order of the stages."""
    return by_tensor((tensor_of(Finding(**of), layers), of) for of in findings)


def by_tensor(findings: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, list[Mark]]:
    """Return the marks of findings that come with their tensor's name."""
    gathered: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for name, finding in findings:
        gathered.setdefault(name, {}).setdefault(finding["stage"], []).append(finding)
    return {
        name: [_mark(stage, stages[stage]) for stage in STAGES if stage in stages]
        for name, stages in gathered.items()
    }


def _mark(stage: str, found: Sequence[Mapping[str, Any]]) -> Mark:
    worst = max(found, key=lambda f: (not held(f["verdict"]), f["ratio"] is None, f["ratio"] or 0))
    return Mark(stage, held(worst["verdict"]), worst["verdict"], worst["ratio"])


def told(verdict: str, ratio: float | None) -> str:
    """Return what stands beside a bar: the error in units of its bound, or a word."""
    if verdict == "exact":
        return verdict
    number = "" if ratio is None else share(ratio)
    return number if held(verdict) else f"{verdict} {number}".strip()


def held(verdict: str) -> bool:
    """Whether a verdict, as a file has it, is agreement."""
    return Verdict(verdict).held
