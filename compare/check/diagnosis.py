"""Which function is to blame: that of the first finding that is off, in the order in which one error causes the next.

An operation that is off alone, on operands given to it, is wrong itself. When every operation is
right alone and the network is not, they are wrongly put together: forward first, because a gradient
is taken of whatever was computed. What is right up to the gradients goes wrong in the training step
or in the optimizer.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from compare.check import diagnosis
from compare.check.bounds import Finding, Verdict
from compare.check.outcome import Outcome
from compare.check.trajectory import FreeRun
from compare.sides.interface import Description, Layer

# ---- compare.parity.culprit: '"""Which function is to blame: that of the first finding that is
# off, '
ALONE = ("exact", "rounding")  # the stages that judge an operation on operands given to it
CAUSAL_ORDER = (
    "defaults",
    *ALONE,
    "forward",
    "formula",
    "network",
    "step",
    "optimizer",
    "interface",
    "trajectory",
    "outcome",
)
FILES = {
    "Linear": "layers.py",
    "ReLU": "layers.py",
    "Sigmoid": "layers.py",
    "SumSquaredError": "loss.py",
    "Autoencoder": "model.py",
    "Adam": "optim.py",
    "train_step": "train.py",
    "train_epoch": "train.py",
}
FUNCTIONS = {
    "adam": "Adam.step",
    "train_step": "train_step",
    "training": "train_step",
    "state": "Autoencoder.state_dict",
    "load": "Autoencoder.load_state_dict",
    "observe": "Autoencoder.forward",
    "data": "data",
    "raised": "what raised",
}
OWN = "NumPy"  # of which files and functions are known; of another side, the methods of its adapter are
METHODS = {
    "adam": "update",
    "train_step": "fit",
    "training": "fit",
    "state": "state",
    "load": "load",
    "data": "data",
    "raised": "what raised",
}
ENCODER = ("fc1", "relu1", "fc2")


def first_off(findings: Sequence[Finding]) -> Finding | None:
    """Return where to look first: something wrong before something that could not be judged, causes before effects."""
    off = (finding for finding in findings if not finding.verdict.held)
    return min(
        off,
        key=lambda f: (f.verdict is Verdict.NOT_JUDGED, CAUSAL_ORDER.index(_stage(f))),
        default=None,
    )


def blamed(findings: Sequence[Finding], who: Description) -> str:
    """Return the function to blame, "Linear.backward"; "data" for the batches; or nothing when all is well.

    Of a side that is not our own it is the kind of operation, or the method of `Side` that puts
    operations together.
    """
    off = first_off(findings)
    if off is None:
        return ""
    name, _, direction = off.operation.partition(".")
    if off.stage == "interface" or (off.stage == "defaults" and direction):
        return off.operation
    kinds = {layer.name: layer.kind for layer in who.layers} | {"loss": "SumSquaredError"}
    if direction and not _right_alone(off, findings):
        return f"{kinds[name]}.{direction}"
    if who.name != OWN:
        return (
            "reconstruct" if off.tensor == "reconstruct" else METHODS.get(off.operation, "observe")
        )
    if off.stage == "defaults":
        return f"{off.operation}.__init__"
    if off.tensor == "reconstruct":
        return "Autoencoder.forward"
    if off.operation == "load" and off.tensor.startswith("adam."):
        return "Adam.__init__"
    if off.operation in FUNCTIONS:
        return FUNCTIONS[off.operation]
    if name == "loss":
        return "train_step"
    if direction == "backward":
        return "Autoencoder.backward"
    return "Autoencoder.encode" if name in ENCODER else "Autoencoder.decode"


def sentence(findings: Sequence[Finding], who: Description) -> str:
    """Say what is off, where, since when and by how much, from the findings alone; or that nothing is."""
    off = first_off(findings)
    if off is None:
        return f"{who.name} agrees with its reference: all {len(findings)} findings are within rounding."
    kin = [
        off,
        *(
            f
            for f in findings
            if (f.stage, f.side, f.operation) == (off.stage, off.side, off.operation)
        ),
    ]
    detail = next(
        (f" What is wrong: {f.detail}." for f in kin if not f.verdict.held and f.detail), ""
    )
    what = (
        "A step" if off.operation == "raised" else f"{off.tensor} of {off.side}'s {off.operation}"
    )
    stage = f"{off.stage}, {off.dtype}" if off.dtype else off.stage
    born = f"{_since(off, findings)}: {_place(blamed(findings, who), off, who)}"
    how_far = f"{_how_far(off)}{_likewise(off, findings, who)}"
    return f"{what} is the first to be {off.verdict.value} ({stage}){how_far}; {born}.{detail}"


def _stage(finding: Finding) -> str:
    forward = finding.stage == "network" and not finding.tensor.startswith(("dact/", "grad/"))
    return "forward" if forward else finding.stage


def _right_alone(off: Finding, findings: Sequence[Finding]) -> bool:
    alone = [
        f
        for f in findings
        if (f.side, f.operation) == (off.side, off.operation) and f.stage in ALONE
    ]
    return bool(alone) and all(f.verdict.held for f in alone)


def _since(off: Finding, findings: Sequence[Finding]) -> str:
    if off.stage not in ("formula", "network") or off.operation == "data":
        return "born there"
    if _right_alone(off, findings):
        return "that operation is right alone, so it was called with the wrong operands"
    return "inherited or born there"


def _likewise(off: Finding, findings: Sequence[Finding], who: Description) -> str:
    """Name the other layers of the kind, where their operation is off alone, too."""
    name, _, direction = off.operation.partition(".")
    kinds = {layer.name: layer.kind for layer in who.layers}
    if off.stage not in ALONE or name not in kinds:
        return ""
    wrong = {
        f.operation
        for f in findings
        if f.stage in ALONE and not f.verdict.held and f.side == off.side
    }
    others = [
        o for o in kinds if o != name and kinds[o] == kinds[name] and f"{o}.{direction}" in wrong
    ]
    return f", as in {', '.join(others)}" if others else ""


def _place(function: str, off: Finding, who: Description) -> str:
    """Return file and function as our own package has them; of any other side, the function alone."""
    file = FILES.get(function.split(".")[0])
    if function == "data":
        return "the batch, which is not the one that the reference was given"
    if off.side != who.name:
        return f"{function} of {off.side}, not of {who.name}"
    return f"numpy_ae/{file}, {function}" if file and who.name == OWN else function


def _how_far(off: Finding) -> str:
    if off.verdict is not Verdict.FAIL or off.ratio in (0.0, float("inf")):
        return ""
    return f", by {off.ratio:.3g} times what rounding allows"


# ---- compare.parity.exactness: '"""Which side is the more exact: by whose tensors, in one whole
# step, '
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

    The network stage measures each side's error in units of what rounding allows that side; both
    allowances come of the same random noise, so the units are the same.
    """
    judged = [f for f in findings if f.stage == "network" and f.operation != "data"]
    sides = tuple(dict.fromkeys(f.side for f in judged))
    if len(sides) != 2:
        return {}
    ratios = {(f.dtype, f.side, f.tensor): f.ratio for f in judged}
    found = {}
    for dtype in dict.fromkeys(f.dtype for f in judged):
        pairs = [
            (ours, theirs)
            for (of, side, tensor), ours in ratios.items()
            if (of, side) == (dtype, sides[0])
            and (theirs := ratios.get((dtype, sides[1], tensor))) is not None
        ]
        wins = Counter(sides[ours > theirs] for ours, theirs in pairs if ours != theirs)
        found[dtype] = Exactness(len(pairs), {side: wins[side] for side in sides})
    return found


# ---- compare.parity.report: '"""All that a check found, for people and as plain values."""'
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
        return diagnosis.first_off(self.findings) is None

    @property
    def sentence(self) -> str:
        """Say what is off, or that nothing is."""
        return diagnosis.sentence(self.findings, self.description)

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


# ---- compare.parity.traced: '"""Which tensor of a trace a finding is about, whatever the stage
# calls'
WHOLE = "training"  # of what is about no single tensor: the start, loading, the step that training takes


def traced(finding: Finding, layers: Sequence[Layer]) -> str:
    """Return the tensor's name in a trace; `WHOLE` where a finding is about none.

    The gradient of the network's input, which no training step computes, is "dact/input".
    """
    if finding.stage in ("formula", "network") and finding.tensor:
        return finding.tensor
    if finding.stage == "optimizer" and "/" in finding.tensor:
        return finding.tensor
    name, _, direction = finding.operation.partition(".")
    if finding.stage not in ("exact", "rounding") or not direction:
        return WHOLE
    names = [layer.name for layer in layers]
    before = names[names.index(name) - 1] if name in names[1:] else "input"
    return {
        "y": f"act/{name}",
        "value": "loss",
        "dy": f"dact/{names[-1]}",
        "dx": f"dact/{before}",
        "dweight": f"grad/{name}.weight",
        "dbias": f"grad/{name}.bias",
    }[finding.tensor]
