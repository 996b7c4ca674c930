"""The parity check: all stages, on both sides, in both dtypes, into one report."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compare.check.bounds import Finding, Verdict
from compare.check.diagnosis import CAUSAL_ORDER, Report
from compare.check.formula import check_formula
from compare.check.network import check_network
from compare.check.operations import check_operations
from compare.check.optimizer import check_optimizer
from compare.check.surface import check_defaults, check_interface, check_start
from compare.check.trajectory import FreeRun, check_step, check_trajectory
from compare.data.batches import Batch
from compare.data.config import DTYPES, Config
from compare.data.streams import Purpose, stream
from compare.errors import UserError
from compare.sides.calls import Misbehaved, account
from compare.sides.interface import Description, Side
from compare.sides.subject import LABELS, Subject, our_own

FORMULA_ROWS = (
    16  # of a batch: the formula does not depend on the batch, and complex arithmetic is slow
)
STAGES = tuple(
    stage for stage in CAUSAL_ORDER if stage != "forward"
)  # which is a part of the network's
REFERENCE = LABELS["torch"]
UNUSUAL: dict[str, Any] = {
    "lr": 3e-3,
    "beta1": 0.8,
    "beta2": 0.97,
    "eps": 1e-6,
}  # what nobody has as a default
LOUD = (
    1e3  # times a batch: its gradients are so large that whatever clips or rescales gradients shows
)


def check(
    config: Config,
    images: np.ndarray,
    *,
    device: str = "cpu",
    dtypes: Sequence[str] = DTYPES,
    torch: bool = True,
    trajectory: bool = True,
) -> Report:
    """Run every stage on our own two packages and their first batches; without torch, those that need no reference.

    `images` are the training images, (n, height, width) uint8.
    """
    subject = our_own(images, device=device)
    return check_subject(
        subject, config, dtypes=dtypes, torch=torch, trajectory=trajectory, own=True
    )


def check_subject(
    subject: Subject,
    config: Config,
    *,
    dtypes: Sequence[str] = DTYPES,
    torch: bool = True,
    trajectory: bool = True,
    own: bool = False,
) -> Report:
    """Run every stage on a subject; `own` says that it is our package, whose defaults then are judged, too."""
    double = replace(config, dtype="float64")
    judged = subject.ours(double)
    who = judged.describe()
    findings: list[Finding] = []
    if own:
        findings += check_defaults() if torch else check_start()
        findings += _guarded("interface", judged, check_interface())
    findings += _guarded(
        "formula", judged, check_formula(judged, _first_rows(subject, double), _rng(config, 0))
    )
    for make in (subject.ours, subject.reference) if torch else (subject.ours,):
        for dtype in dtypes:
            typed = replace(config, dtype=dtype)
            findings += check_side(make(typed), typed, list(subject.batches(typed, 2)))
        unusual = replace(config, dtype=dtypes[0], **UNUSUAL)
        made = make(unusual)
        findings += _guarded("optimizer", made, check_optimizer(made, unusual, _rng(unusual, 5)))
    free_runs: dict[str, FreeRun] = {}
    if torch:
        findings = _trusted(findings)
    if (
        torch and trajectory and all(f.verdict.held for f in findings)
    ):  # how a wrong step drifts shows nothing new
        try:
            drift, free_runs = check_trajectory(subject, config, dtypes)
        except Misbehaved as error:
            drift = raised("trajectory", who, error)
        findings.append(drift)
    findings.sort(key=lambda f: (STAGES.index(f.stage), f.side == REFERENCE))
    return Report(who, findings, free_runs, subject.notes)


def check_side(side: Side, config: Config, batches: Sequence[Batch]) -> Iterator[Finding]:
    """Run the stages that judge a side from where it stands, which is where it stays; `batches` are two."""
    first, second = batches
    yield from _guarded("step", side, _leave_traces(side, second))
    yield from _guarded("exact", side, check_operations(side, _rng(config, 1)))
    yield from _guarded("network", side, check_network(side, first, _rng(config, 2)))
    loud = Batch(first.noisy, first.clean * first.clean.dtype.type(LOUD))
    yield from _guarded("step", side, check_step(side, (first, second, loud)))
    yield from _guarded("optimizer", side, check_optimizer(side, config, _rng(config, 3)))


def _leave_traces(side: Side, batch: Batch) -> Iterator[Finding]:
    """Take a step and take it back. It finds nothing; but a layer that remembers it will give itself away."""
    before = {name: value.copy() for name, value in side.state().items()}
    side.observe(batch)
    side.load(before)
    yield from ()


def _guarded(stage: str, side: Side, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Pass the findings of a stage on; where the side raises, end with one that says so."""
    try:
        yield from findings
    except UserError:
        raise
    except Exception as error:  # the side is what is being judged: it may raise anything
        yield raised(stage, side.describe(), error)


def raised(stage: str, who: Description, error: Exception) -> Finding:
    """Return the finding that a side raised, where it was to be judged."""
    return Finding(
        stage, who.name, who.dtype, "raised", "", Verdict.NOT_JUDGED, np.inf, detail=account(error)
    )


def _trusted(findings: list[Finding]) -> list[Finding]:
    """Take back the network's verdicts unless torch in float64, which shares no line with it, bears out the oracle."""
    if all(
        f.verdict.held
        for f in findings
        if (f.stage, f.side, f.dtype) == ("network", REFERENCE, "float64")
    ):
        return findings
    return [replace(f, verdict=Verdict.NOT_JUDGED) if f.stage == "network" else f for f in findings]


def _first_rows(subject: Subject, config: Config) -> Batch:
    (batch,) = subject.batches(config, 1)
    return Batch(batch.noisy[:FORMULA_ROWS], batch.clean[:FORMULA_ROWS])


def _rng(config: Config, stage: int) -> np.random.Generator:
    return stream(Purpose.CHECK, config.seed, stage)
