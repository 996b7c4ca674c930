"""Which side is the more exact: by whose tensors, in one whole step, are the nearer to the truth."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from compare.parity.verdict import Finding


@dataclass(frozen=True)
class Exactness:
    """On how many of the tensors that were compared each side is the nearer to the truth, in one dtype."""

    tensors: int
    nearer: dict[str, int]  # by side; where both are as near, the tensor counts for neither

    def __str__(self) -> str:
        """Name the more exact side first."""
        (first, most), (second, fewer) = sorted(self.nearer.items(), key=lambda item: -item[1])
        if most == fewer:
            return f"{first} and {second} are as exact, each the nearer on {most} of {self.tensors} tensors"
        return f"{first} is the more exact on {most} of {self.tensors} tensors, {second} on {fewer}"


def exactness(findings: Sequence[Finding]) -> dict[str, Exactness]:
    """Return, by dtype, how the two sides that a check has compared stand; nothing where there is one alone.

    The network tier measures each side's error in units of what rounding allows that side; both allowances come of the
    same random noise, so the units are the same.
    """
    judged = [f for f in findings if f.tier == "network" and f.operation != "data"]
    sides = tuple(dict.fromkeys(f.side for f in judged))
    if len(sides) != 2:
        return {}
    ratios = {(f.dtype, f.side, f.tensor): f.ratio for f in judged}
    found = {}
    for dtype in dict.fromkeys(f.dtype for f in judged):
        pairs = [
            (ours, theirs)
            for (of, side, tensor), ours in ratios.items()
            if (of, side) == (dtype, sides[0]) and (theirs := ratios.get((dtype, sides[1], tensor))) is not None
        ]
        wins = Counter(sides[ours > theirs] for ours, theirs in pairs if ours != theirs)
        found[dtype] = Exactness(len(pairs), {side: wins[side] for side in sides})
    return found
