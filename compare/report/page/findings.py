"""The findings of a check, gathered under the tensors that the rows of the page are about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compare.parity.side import Layer

HELD = ("exact", "within")
TIERS = ("defaults", "exact", "rounding", "formula", "network", "step", "optimizer", "trajectory")
WHOLE = "training"  # the row of what is about no single tensor: the start, loading, the step that training takes


@dataclass(frozen=True)
class Mark:
    """What one tier says of one tensor, on both sides and in both dtypes: the worst of it."""

    tier: str
    held: bool
    verdict: str
    ratio: float | None

    def __str__(self) -> str:
        """Return the tier, and how far its worst error is from its bound."""
        number = "" if self.ratio is None else f" {self.ratio:.2g}"
        return f"{self.tier}{number}" if self.held else f"{self.tier} {self.verdict}{number}"


def marks(findings: Iterable[Mapping[str, Any]], layers: Sequence[Layer]) -> dict[str, list[Mark]]:
    """Return the marks of every tensor, under its name in a trace, in the order of the tiers."""
    gathered: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for finding in findings:
        gathered.setdefault(tensor_of(finding, layers), {}).setdefault(finding["tier"], []).append(finding)
    return {name: [_mark(tier, tiers[tier]) for tier in TIERS if tier in tiers] for name, tiers in gathered.items()}


def tensor_of(finding: Mapping[str, Any], layers: Sequence[Layer]) -> str:
    """Return the tensor of a trace that a finding is about; `WHOLE` where it is about none."""
    tier, operation, tensor = finding["tier"], finding["operation"], finding["tensor"]
    if tier in ("formula", "network"):
        return str(tensor)
    if tier == "optimizer" and "/" in tensor:
        return str(tensor)
    if tier in ("exact", "rounding") and "." in operation:
        name, _, _ = operation.partition(".")
        names = [layer.name for layer in layers]
        before = names[names.index(name) - 1] if name in names[1:] else "input"
        return {
            "y": f"act/{name}",
            "value": "loss",
            "dy": f"dact/{names[-1]}",
            "dx": f"dact/{before}",
            "dweight": f"grad/{name}.weight",
            "dbias": f"grad/{name}.bias",
        }[tensor]
    return WHOLE


def _mark(tier: str, found: Sequence[Mapping[str, Any]]) -> Mark:
    worst = max(found, key=lambda f: (f["verdict"] not in HELD, f["ratio"] is None, f["ratio"] or 0))
    return Mark(tier, worst["verdict"] in HELD, worst["verdict"], worst["ratio"])
