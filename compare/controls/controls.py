"""Negative controls: each fault, what the check makes of it, and whether it names the function."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compare.check.diagnosis import STAGES, responsible
from compare.check.stages import check
from compare.controls.injection import Fault
from compare.data.config import DTYPES, Config
from compare.tables import Table

SMALL = Config(hidden_dim=24, latent_dim=5, batch_size=32)  # a fault is one at any size
BETA = 0.7  # of a variational one, so that a weight that is forgotten shows
JUDGES = STAGES[:-2]  # trajectory and outcome certify no formula, and take longest


@dataclass(frozen=True)
class Control:
    """What the check found of one fault."""

    fault: Fault
    stages: frozenset[str]  # that something failed in
    responsible: str
    sentence: str

    @property
    def named(self) -> bool:
        """Whether the sentence names the function with the fault; so it was caught, too."""
        return self.responsible == self.fault.operation


def small(model: str) -> Config:
    """Return the small network of a kind."""
    return replace(SMALL, model=model, beta=BETA) if model == "vae" else SMALL


def control(
    fault: Fault,
    images: np.ndarray,
    *,
    device: str = "cpu",
    dtypes: Sequence[str] = DTYPES,
    torch: bool = True,
) -> Control:
    """Check a small network of the NumPy side with a fault in it; the rest is as for `check`."""
    how: dict[str, Any] = {"device": device, "dtypes": dtypes, "torch": torch}
    with fault.inject(), warnings.catch_warnings(action="ignore"):  # a fault may warn of anything
        report = check(small(fault.model), images, trajectory=False, **how)
    failed = frozenset(found.stage for found in report.findings if not found.verdict.held)
    named = responsible(report.findings, report.description)
    return Control(fault, failed, named, report.sentence)


def matrix(found: Sequence[Control]) -> Table:
    """Return the table fault × stage, whether each was caught, and whom the sentence named."""
    caught, named = sum(bool(c.stages) for c in found), sum(c.named for c in found)
    initials = ", ".join(f"{stage[0].upper()} {stage}" for stage in JUDGES)
    return Table(
        f"{len(found)} faults: {caught} caught, {named} named. By stage: {initials}",
        ("fault", *(stage[0].upper() for stage in JUDGES), "caught", "named"),
        [
            (
                f"{c.fault.operation}: {c.fault.name}",
                *("×" if stage in c.stages else "" for stage in JUDGES),
                "yes" if c.stages else "NO",
                "yes" if c.named else f"NO: {c.responsible or 'nothing'}",
            )
            for c in found
        ],
    )


def explanations(found: Sequence[Control]) -> Table:
    """Return, for each fault, what was changed and the sentence that the check ends in."""
    return Table(
        "What was changed, and what the check said",
        ("fault", "changed", "sentence"),
        [(f"{c.fault.operation}: {c.fault.name}", f"`{c.fault.what}`", c.sentence) for c in found],
    )
