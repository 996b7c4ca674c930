"""Which function is to blame: that of the first finding that is off, in the order in which one error causes the next.

An operation that is off alone, on operands given to it, is wrong itself. When every operation is right alone and the
network is not, they are wrongly put together: forward first, because a gradient is taken of whatever was computed.
What is right up to the gradients goes wrong in the training step or in the optimizer.
"""

from collections.abc import Sequence

from compare.parity.side import Description
from compare.parity.verdict import Finding, Verdict

ALONE = ("exact", "rounding")  # the tiers that judge an operation on operands given to it
STAGES = (
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
    return min(off, key=lambda f: (f.verdict is Verdict.NOT_JUDGED, STAGES.index(_stage(f))), default=None)


def blamed(findings: Sequence[Finding], who: Description) -> str:
    """Return the function to blame, "Linear.backward"; "data" for the batches; or nothing when all is well.

    Of a side that is not our own it is the kind of operation, or the method of `Side` that puts operations together.
    """
    off = first_off(findings)
    if off is None:
        return ""
    name, _, direction = off.operation.partition(".")
    if off.tier == "interface" or (off.tier == "defaults" and direction):
        return off.operation
    kinds = {layer.name: layer.kind for layer in who.layers} | {"loss": "SumSquaredError"}
    if direction and not _right_alone(off, findings):
        return f"{kinds[name]}.{direction}"
    if who.name != OWN:
        return "reconstruct" if off.tensor == "reconstruct" else METHODS.get(off.operation, "observe")
    if off.tier == "defaults":
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
    kin = [off, *(f for f in findings if (f.tier, f.side, f.operation) == (off.tier, off.side, off.operation))]
    detail = next((f" What is wrong: {f.detail}." for f in kin if not f.verdict.held and f.detail), "")
    what = "A step" if off.operation == "raised" else f"{off.tensor} of {off.side}'s {off.operation}"
    tier = f"{off.tier}, {off.dtype}" if off.dtype else off.tier
    born = f"{_since(off, findings)}: {_place(blamed(findings, who), off, who)}"
    how_far = f"{_how_far(off)}{_likewise(off, findings, who)}"
    return f"{what} is the first to be {off.verdict.value} ({tier}){how_far}; {born}.{detail}"


def _stage(finding: Finding) -> str:
    forward = finding.tier == "network" and not finding.tensor.startswith(("dact/", "grad/"))
    return "forward" if forward else finding.tier


def _right_alone(off: Finding, findings: Sequence[Finding]) -> bool:
    alone = [f for f in findings if (f.side, f.operation) == (off.side, off.operation) and f.tier in ALONE]
    return bool(alone) and all(f.verdict.held for f in alone)


def _since(off: Finding, findings: Sequence[Finding]) -> str:
    if off.tier not in ("formula", "network") or off.operation == "data":
        return "born there"
    if _right_alone(off, findings):
        return "that operation is right alone, so it was called with the wrong operands"
    return "inherited or born there"


def _likewise(off: Finding, findings: Sequence[Finding], who: Description) -> str:
    """Name the other layers of the kind, where their operation is off alone, too."""
    name, _, direction = off.operation.partition(".")
    kinds = {layer.name: layer.kind for layer in who.layers}
    if off.tier not in ALONE or name not in kinds:
        return ""
    wrong = {f.operation for f in findings if f.tier in ALONE and not f.verdict.held and f.side == off.side}
    others = [o for o in kinds if o != name and kinds[o] == kinds[name] and f"{o}.{direction}" in wrong]
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
    if off.verdict is not Verdict.OFF or off.ratio in (0.0, float("inf")):
        return ""
    return f", by {off.ratio:.3g} times what rounding allows"
