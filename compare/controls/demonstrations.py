"""The planted mistakes as exhibits: what the check sees of each, tensor by tensor, and the first tensor that is off."""

import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from compare.check.bounds import Finding
from compare.check.diagnosis import WHOLE, Report, traced
from compare.check.observed import finite
from compare.check.stages import check
from compare.check.thumbnails import thumbnail
from compare.controls.controls import SMALL
from compare.controls.injection import Fault
from compare.data.config import DTYPES
from compare.sides.interface import Array
from compare.sides.subject import LABELS, our_own

ERRORS = (
    "network",
    "optimizer",
)  # the stages whose ratios an exhibit tells even where nothing is off


@dataclass(frozen=True)
class Demonstration:
    """A mistake, or none, and what the check makes of it."""

    operation: str  # the function that it was planted in; nothing for the healthy network
    name: str
    what: str  # the change of the source
    sentence: str
    first: str  # the first tensor of the step that is off; nothing for the healthy network
    picture: str  # which part of it the pictures show, where it is one of the step's
    findings: list[dict[str, Any]]  # of the NumPy side: what is off, and the errors of the step


class Looked(NamedTuple):
    """A part of one tensor on both sides."""

    ours: Array
    reference: Array
    what: str


def demonstrate(fault: Fault | None, images: Array) -> tuple[Demonstration, Looked | None]:
    """Check the small network of the controls with a mistake in it, or with none; also look at the first tensor off.

    Where float32 alone shows that something is off, float64 would only say it again, and is left
    out.
    """
    with warnings.catch_warnings(action="ignore"):  # a mistake may warn of anything
        report = _check(fault, images, DTYPES[:1])
        if fault and report.held:
            report = _check(fault, images, DTYPES)
        layers = report.description.layers
        telling = [
            f
            for f in report.findings
            if not f.verdict.held or (f.stage in ERRORS and f.dtype == DTYPES[0])
        ]
        found = [_plain(f, traced(f, layers)) for f in telling if f.side == LABELS["numpy"]]
        off = {traced(f, layers) for f in report.findings if not f.verdict.held}
        first, looked = _look(fault, images, off) if fault else ("", None)
    named = (fault.operation, fault.name, fault.what) if fault else ("", "no mistake", "")
    return Demonstration(
        *named, report.sentence, first, looked.what if looked else "", found
    ), looked


def _check(fault: Fault | None, images: Array, dtypes: tuple[str, ...]) -> Report:
    torch = (
        fault is not None and fault.operation == "Adam.__init__"
    )  # wrong defaults are judged by torch's
    with fault.plant() if fault else nullcontext():
        return check(SMALL, images, dtypes=dtypes, torch=torch, trajectory=False)


def _look(fault: Fault, images: Array, off: set[str]) -> tuple[str, Looked | None]:
    """Return the first tensor of a step, in causal order, that is off, and a part of it with the mistake in our side.

    `WHOLE`, and nothing to look at, where what is off is no tensor of a step.
    """
    subject = our_own(images)
    (batch,) = subject.batches(SMALL, 1)
    reference = subject.reference(SMALL).observe(batch)
    first = next((name for name in reference if name in off), WHOLE)
    try:
        with fault.plant():
            ours = subject.ours(SMALL).observe(batch)
    except Exception:  # a mistake may raise anything
        return first, None
    if first not in ours or ours[first].shape != reference[first].shape:
        return first, None
    part = thumbnail(first, reference[first])
    mine, theirs = (part.of(trace[first]).astype(np.float64) for trace in (ours, reference))
    return first, Looked(mine, theirs, part.what)


def _plain(finding: Finding, tensor: str) -> dict[str, Any]:
    ratio = finite(finding.ratio)
    return {
        "stage": finding.stage,
        "tensor": tensor,
        "verdict": finding.verdict.value,
        "ratio": ratio,
    }
