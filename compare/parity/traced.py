"""Which tensor of a trace a finding is about, whatever the tier calls it."""

from collections.abc import Sequence

from compare.parity.side import Layer
from compare.parity.verdict import Finding

WHOLE = "training"  # of what is about no single tensor: the start, loading, the step that training takes


def traced(finding: Finding, layers: Sequence[Layer]) -> str:
    """Return the tensor's name in a trace; `WHOLE` where a finding is about none.

    The gradient of the network's input, which no training step computes, is "dact/input".
    """
    if finding.tier in ("formula", "network") and finding.tensor:
        return finding.tensor
    if finding.tier == "optimizer" and "/" in finding.tensor:
        return finding.tensor
    name, _, direction = finding.operation.partition(".")
    if finding.tier not in ("exact", "rounding") or not direction:
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
