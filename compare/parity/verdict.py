"""What the harness can say of one tensor."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """From equal to unjudged. Only `EXACT`, `WITHIN` and `SUSPECT` are agreement."""

    EXACT = "exact"  # bit for bit
    WITHIN = "within"  # within what rounding allows
    SUSPECT = "suspect"  # within, but so far out that it was judged again, on fresh operands, and was not so again
    UNDECIDED = "undecided"  # what could be judged is right, and it is too little to tell
    OFF = "off"
    MISSING = "missing"
    WRONG_SHAPE = "wrong shape"
    WRONG_DTYPE = "wrong dtype"
    NOT_FINITE = "not finite"
    NOT_JUDGED = "not judged"  # there is nothing trustworthy to judge it by

    @property
    def held(self) -> bool:
        """Whether the tensor passed."""
        return self in (Verdict.EXACT, Verdict.WITHIN, Verdict.SUSPECT)


@dataclass(frozen=True)
class Finding:
    """One tensor of one side, judged by one tier."""

    tier: str
    side: str
    dtype: str
    operation: str  # "fc1.backward", "adam", "train_step", …: what made the tensor
    tensor: str  # its name in a trace, or the operation's result: "dweight"
    verdict: Verdict
    ratio: float = 0.0  # the worst entry's error, in units of what rounding allows
    undecided: float = 0.0  # share of entries that only the absolute allowance excuses
    detail: str = ""  # what else the numbers say, for the sentence at the end
