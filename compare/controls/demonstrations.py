"""Faults as the page shows them: what the check sees of each, and the first tensor that fails."""

import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from compare.check.check_report import Report
from compare.check.diagnosis import WHOLE, tensor_of
from compare.check.observed import finite
from compare.check.stages import check
from compare.check.thumbnails import thumbnail
from compare.controls.controls import small
from compare.controls.injection import Fault
from compare.data.config import DTYPES, Config
from compare.sides.interface import Array
from compare.sides.subject import LABELS, our_own

ERRORS = ("network", "optimizer")  # the stages whose ratios are told even where nothing fails


@dataclass(frozen=True)
class Demonstration:
    """A fault, or none, and what the check makes of it."""

    operation: str  # the function with the fault; nothing for the healthy network
    name: str
    what: str  # the change of the source
    sentence: str
    first: str  # the first tensor of the step that fails; nothing for the healthy network
    picture: str  # which part of it the pictures show, where it is one of the step's
    findings: list[dict[str, Any]]  # of the NumPy side: what fails, and the errors of the step


class Pictured(NamedTuple):
    """A part of one tensor on both sides, and which part it is."""

    ours: Array
    reference: Array
    what: str


def demonstrate(
    fault: Fault | None, images: Array, model: str = "autoencoder"
) -> tuple[Demonstration, Pictured | None]:
    """Check the small network of the controls with a fault or none; picture the first failure.

    Without a fault, the network is that of `model`.

    Where float32 alone shows that something fails, float64 would only say it again, and is left
    out.
    """
    config = small(fault.model if fault else model)
    with warnings.catch_warnings(action="ignore"):  # a fault may warn of anything
        report = _check(fault, config, images, DTYPES[:1])
        if fault and report.held:
            report = _check(fault, config, images, DTYPES)
        traced = [(f, tensor_of(f, report.description.layers)) for f in report.findings]
        failed = {tensor for f, tensor in traced if not f.verdict.held}
        first, pictured = _first(fault, config, images, failed) if fault else ("", None)
    found = [
        {"stage": f.stage, "tensor": of, "verdict": f.verdict.value, "ratio": finite(f.ratio)}
        for f, of in traced
        if f.side == LABELS["numpy"]
        and (not f.verdict.held or (f.stage in ERRORS and f.dtype == DTYPES[0] and not f.square))
    ]
    named = (fault.operation, fault.name, fault.what) if fault else ("", "no mistake", "")
    shown = pictured.what if pictured else ""
    return Demonstration(*named, report.sentence, first, shown, found), pictured


def _check(fault: Fault | None, config: Config, images: Array, dtypes: tuple[str, ...]) -> Report:
    # Wrong defaults are judged by torch's.
    torch = fault is not None and fault.operation == "Adam.__init__"
    with fault.inject() if fault else nullcontext():
        return check(config, images, dtypes=dtypes, torch=torch, trajectory=False)


def _first(
    fault: Fault, config: Config, images: Array, failed: set[str]
) -> tuple[str, Pictured | None]:
    """Return the first tensor of a step, in causal order, that fails, and a part of it.

    `WHOLE`, and nothing to picture, where what fails is no tensor of a step.
    """
    subject = our_own(images)
    (batch,) = subject.batches(config, 1)
    reference = subject.reference(config).observe(batch)
    first = next((name for name in reference if name in failed), WHOLE)
    try:
        with fault.inject():
            ours = subject.ours(config).observe(batch)
    except Exception:  # a fault may raise anything
        return first, None
    if first not in ours or ours[first].shape != reference[first].shape:
        return first, None
    part = thumbnail(first, reference[first])
    mine, theirs = (part.of(trace[first]).astype(np.float64) for trace in (ours, reference))
    return first, Pictured(mine, theirs, part.what)
