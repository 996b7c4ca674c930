"""The diagnosis of a check: which function is wrong, in one sentence.

It is that of the first finding that fails, in the order in which one error causes the next. An
operation that fails alone, on operands given to it, is wrong itself. When every operation is right
alone and the network is not, they are wrongly put together: forward first, because a gradient is
taken of whatever was computed. What is right up to the gradients goes wrong in the training step or
in the optimizer.
"""

import math
from collections.abc import Iterator, Sequence

from compare.check.bounds import Finding, Verdict
from compare.check.kinds import LOSS, traced
from compare.check.mistakes import GIVEN
from compare.check.update_rules import OPTIMIZERS
from compare.sides.interface import Description, Layer, encoding, graph

ALONE = ("exact", "rounding")  # the stages that judge an operation on operands given to it
STAGES = (  # of a check, in the order in which one error causes the next
    "defaults",
    *ALONE,
    "formula",
    "network",
    "optimizer",
    "step",
    "interface",
    "trajectory",
    "outcome",
)
OWN = "NumPy"  # of which files and functions are known; of another side, its methods are
FILES = {
    "Linear": "layers.py",
    "ReLU": "layers.py",
    "Sigmoid": "layers.py",
    LOSS: "loss.py",
    "Autoencoder": "model.py",
    "Decoder": "model.py",
    "Adam": "optim.py",
    "train_step": "train.py",
    "train_epoch": "train.py",
    **dict.fromkeys(("Deviation", "Draw", "GaussianKL", "VariationalAutoencoder"), "vae.py"),
    "vae_train_step": "vae.py",
}
VARIATIONAL = {  # what does in a variational autoencoder what a function of the other does
    **{f"Autoencoder.{name}": f"VariationalAutoencoder.{name}" for name in ("encode", "forward")},
    "Autoencoder.backward": "VariationalAutoencoder.backward",
    **{f"Autoencoder.{name}": f"Decoder.{name}" for name in ("decode", "state_dict")},
    "Autoencoder.load_state_dict": "Decoder.load_state_dict",
    "train_step": "vae_train_step",
}
RESPONSIBLE = {  # for what is no operation of a layer: our function, another side's method
    **dict.fromkeys((*OPTIMIZERS, "update"), ("Adam.step", "update")),
    "train_step": ("train_step", "fit"),
    "training": ("train_step", "fit"),
    "state": ("Autoencoder.state_dict", "state"),
    "load": ("Autoencoder.load_state_dict", "load"),
    "observe": ("Autoencoder.forward", "observe"),
    "data": ("data", "data"),
    "raised": ("what raised", "what raised"),
}
WHOLE = "training"  # what a finding is about that is about no tensor of a step
FIRST = {  # how a sentence tells that a tensor is the first with this verdict
    Verdict.FAIL: "is the first to fail",
    Verdict.INCONCLUSIVE: "is the first that is inconclusive",
    Verdict.MISSING: "is the first that is missing",
    Verdict.WRONG_SHAPE: "is the first of the wrong shape",
    Verdict.WRONG_DTYPE: "is the first of the wrong dtype",
    Verdict.NOT_FINITE: "is the first that is not finite",
    Verdict.NOT_JUDGED: "is the first that cannot be judged",
}


def first_failure(findings: Sequence[Finding]) -> Finding | None:
    """Return where to look first: causes before effects, what is wrong before what is unjudged."""

    def cause(finding: Finding) -> tuple[bool, float]:
        place: float = STAGES.index(finding.stage)
        if finding.stage == "network" and not finding.tensor.startswith(("dact/", "grad/")):
            place = STAGES.index("formula") - 0.5  # a gradient is taken of whatever was computed
        if finding.operation == "observe":
            place += 0.25  # it is made of operations
        return finding.verdict is Verdict.NOT_JUDGED, place

    return min((f for f in findings if not f.verdict.held), key=cause, default=None)


def responsible(findings: Sequence[Finding], who: Description) -> str:
    """Return the wrong function, "Linear.backward", or "data"; nothing where all is well.

    Of a side that is not our own it is the kind of operation, or the method of `Side` that puts
    operations together.
    """
    failed = first_failure(findings)
    return _responsible(failed, findings, who) if failed else ""


def _responsible(failed: Finding, findings: Sequence[Finding], who: Description) -> str:
    function = _of_autoencoder(failed, findings, who)
    return VARIATIONAL.get(function, function) if who.terms else function


def _of_autoencoder(failed: Finding, findings: Sequence[Finding], who: Description) -> str:
    name, _, direction = failed.operation.rpartition(".")
    if failed.stage == "interface" or (failed.stage == "defaults" and name):
        return failed.operation
    kinds = {layer.name: layer.kind for layer in who.layers} | {"loss": who.loss or LOSS}
    if name and not _right_alone(failed, findings):
        return failed.operation if name == who.name else f"{kinds[name]}.{direction}"
    reconstructed = failed.tensor == "reconstruct"
    ours, method = RESPONSIBLE.get(failed.operation, ("", "observe"))
    if who.name != OWN:
        return "reconstruct" if reconstructed else method
    if failed.stage == "defaults":
        of_class = failed.operation[0].isupper()
        return f"{failed.operation}.__init__" if of_class else failed.operation
    if reconstructed:
        return "Autoencoder.forward"
    if failed.operation == "load" and failed.tensor.startswith("adam."):
        return "Adam.__init__"
    if ours:
        return ours
    if direction == "backward":
        return "Autoencoder.backward"
    if name == "loss":
        return "Autoencoder.forward"
    (given, *_) = next(of.inputs for of in graph(who.layers) if of.name == name)
    if kinds[name] in ("Deviation", "Draw") or kinds.get(given) == "Draw":
        return "Autoencoder.forward"
    encoders = [layer.name for layer in encoding(who.layers)]
    return "Autoencoder.encode" if name in encoders else "Autoencoder.decode"


def sentence(findings: Sequence[Finding], who: Description) -> str:
    """Say what fails, where, since when and by how much; or that nothing does.

    After the first failure, those that it cannot have caused.
    """
    failed = first_failure(findings)
    if failed is None:
        agrees = f"{who.name} agrees with its reference"
        judged = sum(f.verdict not in (Verdict.NOT_OFFERED, Verdict.NOTED) for f in findings)
        return f"{agrees}: all {judged} findings are within rounding."
    first, *others = (
        _told(one, findings, who) for one in (failed, *_independent(failed, findings, who))
    )
    for not_first, plain in (("is the first to fail", "fails"), ("the first that is ", "")):
        others = [other.replace(not_first, plain, 1) for other in others]
    return " Also, ".join((first, *(other.replace("the first ", "", 1) for other in others)))


def _told(failed: Finding, findings: Sequence[Finding], who: Description) -> str:
    kin = (failed.stage, failed.side, failed.operation, failed.tensor)
    same = (f for f in findings if (f.stage, f.side, f.operation, f.tensor) == kin)
    detail = next((f.detail for f in (failed, *same) if f.detail), _of_network(failed, findings))
    said = f" What is wrong: {detail}." if detail else ""
    whose = failed.operation
    if not whose.startswith(f"{failed.side}."):  # a layer that was judged by itself
        whose = f"{failed.side}'s {whose}"
    what = f"{failed.tensor} of {whose}"
    of = "square layers" if failed.square else ""
    where = ", ".join(filter(None, (failed.stage, failed.dtype, of)))
    if failed.operation == "raised":
        return f"A step cannot be judged ({where}): {detail}."
    place = _place(_responsible(failed, findings, who), failed, who)
    how_far = f"{_how_far(failed)}{_likewise(failed, findings, who)}"
    return (
        f"{what} {FIRST[failed.verdict]} ({where}){how_far}; "
        f"{_since(failed, findings, detail, who)} {place}.{said}"
    )


def _of_network(failed: Finding, findings: Sequence[Finding]) -> str:
    """Say what is wrong with a tensor of a step, where stage network has told."""
    of = ("network", failed.side, failed.tensor)
    same = (f for f in findings if (f.stage, f.side, f.tensor) == of and f.detail)
    return next((f.detail for f in same), "")


def _independent(
    first: Finding, findings: Sequence[Finding], who: Description
) -> Iterator[Finding]:
    """Yield one finding of each other error that was seen on operands given, and not computed.

    None where the first is of what all the rest stands on.
    """
    whose = {id(f): _responsible(f, findings, who) for f in findings if not f.verdict.held}
    spoilt = {  # what a function did, so that none of its results counts
        whose[id(f)]: f.detail.partition(":")[0]  # in the rest, numbers may differ
        for f in findings
        if not f.verdict.held and f.detail.startswith(("it raised", "it returned", "it changed"))
    }

    def error(f: Finding) -> tuple[str, ...]:
        function = whose[id(f)]
        if function in spoilt:
            changed = spoilt[function].startswith("it changed")
            return (function,) if changed else (spoilt[function],)
        return (f.stage,) if f.stage == "optimizer" else (function, f.tensor)

    if first.stage == "defaults" or first.operation in ("state", "load", "raised"):
        return
    told = {error(first)}
    for f in findings:
        given = f.stage == "optimizer" or (f.stage in ALONE and "." in f.operation)
        if given and not f.verdict.held and f.side == first.side and error(f) not in told:
            told.add(error(f))
            yield f


def _right_alone(failed: Finding, findings: Sequence[Finding]) -> bool:
    """Whether the operation was judged on operands given to it, and passed."""
    alone = [
        f.verdict.held
        for f in findings
        if (f.side, f.operation) == (failed.side, failed.operation) and f.stage in ALONE
    ]
    return bool(alone) and all(alone)


def _since(failed: Finding, findings: Sequence[Finding], detail: str, who: Description) -> str:
    if failed.stage not in ("formula", "network") or failed.operation == "data":
        return "introduced in"
    if not _right_alone(failed, findings):
        return "introduced in, or propagated to,"
    alone = "that operation is right alone"
    of = failed.tensor.removeprefix("dact/")
    if sum(of in layer.inputs for layer in graph(who.layers)) > 1:
        return "the operations that meet there are right alone and wrongly put together in"
    if GIVEN in detail:
        return f"{alone}, so it was called with the wrong operands:"
    return f"{alone}, so it was called wrongly, or its result was changed:"


def _likewise(failed: Finding, findings: Sequence[Finding], who: Description) -> str:
    """Name the other layers of the kind, where the same tensor fails alone, too."""
    name, _, direction = failed.operation.rpartition(".")
    kinds = {layer.name: layer.kind for layer in who.layers}
    if failed.stage not in ALONE or name not in kinds:
        return ""
    wrong = {
        f.operation
        for f in findings
        if f.stage in ALONE
        and not f.verdict.held
        and (f.side, f.tensor) == (failed.side, failed.tensor)
    }
    others = [
        other
        for other, kind in kinds.items()
        if other != name and kind == kinds[name] and f"{other}.{direction}" in wrong
    ]
    return f", as in {', '.join(others)}" if others else ""


def _place(function: str, failed: Finding, who: Description) -> str:
    """Return file and function as our own package has them; of any other side, the function."""
    if function == "data":
        return "the batch, which is not the one that the reference was given"
    if failed.side != who.name:
        return f"{function} of {failed.side}, not of {who.name}"
    file = FILES.get(function.split(".")[0]) if who.name == OWN else None
    return f"numpy_ae/{file}, {function}" if file else function


def _how_far(failed: Finding) -> str:
    if failed.verdict is not Verdict.FAIL or failed.ratio in (0.0, math.inf):
        return ""
    return f", by {failed.ratio:.3g} times what rounding allows"


def tensor_of(finding: Finding, layers: Sequence[Layer]) -> str:
    """Return what a trace calls the tensor of a finding; `WHOLE` where it is about none."""
    if finding.square:
        return WHOLE
    if finding.stage in ("formula", "network") and finding.tensor:
        return finding.tensor
    if finding.stage == "optimizer" and "/" in finding.tensor:
        return finding.tensor
    if finding.stage not in ALONE or "." not in finding.operation:
        return WHOLE
    return traced(finding.operation, finding.tensor, layers)
