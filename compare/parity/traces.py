"""One training step, both sides, from the same state and batch: every tensor compared, in causal order."""

import math
from collections.abc import Mapping

import numpy as np

from compare.parity.side import Array, Description, Trace
from compare.parity.verdict import Finding, Verdict

SAFETY = 4.0  # both sides err, each by more than the root mean square in its worst entry


def compare_traces(reference: Trace, trace: Trace, description: Description, lr: float) -> list[Finding]:
    """Judge every tensor of `trace` against its namesake in `reference`, in the reference's order.

    The allowance is normwise: a tensor may be off by SAFETY · √K · u of its own largest entry, where u is the unit
    roundoff and K counts the roundings on the longest way to a gradient. Roundings are as often up as down, so they
    add up as √K (Higham and Mary, A new approach to probabilistic rounding error analysis, 2019). A second moment is
    a square and may be off by twice that. Parameters move by about lr against the sign of a gradient, which for an
    entry near zero is a matter of rounding: they may be off by 2 · lr, and the optimizer is judged elsewhere.
    """
    batch, *_ = reference["act/input"].shape
    roundings = sum(layer.in_features + layer.out_features for layer in description.layers) + batch
    relative = SAFETY * math.sqrt(roundings) * float(np.finfo(description.dtype).eps) / 2

    def allowance(name: str, value: Array) -> float:
        if name.startswith("param/"):
            return 2 * lr
        return (2 if name.startswith("adam.exp_avg_sq/") else 1) * relative * float(np.abs(value).max())

    return [_judge(name, value, trace.get(name), allowance(name, value)) for name, value in reference.items()] + [
        Finding(name, str(trace[name].dtype), trace[name].shape, None, None, Verdict.MISSING)
        for name in trace.keys() - reference.keys()
    ]


def _judge(name: str, reference: Array, value: Array | None, allowed: float) -> Finding:
    verdict, distance = Verdict.OFF, None
    if value is None:
        verdict = Verdict.MISSING
    elif value.shape != reference.shape:
        verdict = Verdict.WRONG_SHAPE
    elif value.dtype != reference.dtype:
        verdict = Verdict.WRONG_DTYPE
    elif not np.isfinite(value).all() or not np.isfinite(reference).all():
        verdict = Verdict.NOT_FINITE
    else:
        distance = float(np.abs(value - reference).max())
        if distance == 0:
            verdict = Verdict.EXACT
        elif distance <= allowed:
            verdict = Verdict.WITHIN
    return Finding(name, str(reference.dtype), reference.shape, distance, allowed, verdict)


def first_off(findings: list[Finding]) -> Finding | None:
    """Return where to look first: the first finding, in causal order, that did not hold."""
    return next((finding for finding in findings if not finding.verdict.held), None)


def count(findings: list[Finding]) -> Mapping[Verdict, int]:
    """Count findings by verdict."""
    return {verdict: sum(f.verdict is verdict for f in findings) for verdict in Verdict}
