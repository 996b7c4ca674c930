"""Negative controls: each planted mistake, what the check makes of it, and whether it blames the right function."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compare.check import diagnosis
from compare.check.stages import STAGES, check
from compare.controls.injection import Fault
from compare.data.config import Config
from compare.tables import Table

SMALL = Config(hidden_dim=24, latent_dim=5, batch_size=32)  # a mistake is one at any size
JUDGES = STAGES[:-2]  # trajectory and outcome certify no formula, and take longest


@dataclass(frozen=True)
class Control:
    """What the check found of one mistake."""

    fault: Fault
    stages: frozenset[str]  # that something was off in
    blamed: str
    sentence: str

    @property
    def named(self) -> bool:
        """Whether the sentence names the function that the mistake was planted in; so it was caught, too."""
        return self.blamed == self.fault.operation


def control(
    fault: Fault, images: np.ndarray, *, device: str = "cpu", torch: bool = True
) -> Control:
    """Check the NumPy side with a mistake in it, on a small network; `images`, `device` and `torch` as for `check`."""
    with fault.plant(), warnings.catch_warnings(action="ignore"):  # a mistake may warn of anything
        report = check(SMALL, images, device=device, torch=torch, trajectory=False)
    stages = frozenset(finding.stage for finding in report.findings if not finding.verdict.held)
    return Control(
        fault, stages, diagnosis.blamed(report.findings, report.description), report.sentence
    )


def matrix(found: Sequence[Control]) -> Table:
    """Return the table mistake × stage, whether each was caught, and whom the sentence named."""
    caught, named = sum(bool(c.stages) for c in found), sum(c.named for c in found)
    initials = ", ".join(f"{stage[0].upper()} {stage}" for stage in JUDGES)
    return Table(
        f"{len(found)} planted mistakes: {caught} caught, {named} named. By stage: {initials}",
        ("mistake", *(stage[0].upper() for stage in JUDGES), "caught", "named"),
        [
            (
                f"{c.fault.operation}: {c.fault.name}",
                *("×" if stage in c.stages else "" for stage in JUDGES),
                "yes" if c.stages else "NO",
                "yes" if c.named else f"NO: {c.blamed or 'nothing'}",
            )
            for c in found
        ],
    )


def explanations(found: Sequence[Control]) -> Table:
    """Return, for each mistake, what was changed and the sentence that the check ends in."""
    return Table(
        "What was changed, and what the check said",
        ("mistake", "changed", "sentence"),
        [(f"{c.fault.operation}: {c.fault.name}", f"`{c.fault.what}`", c.sentence) for c in found],
    )
