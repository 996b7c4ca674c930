"""The parity check: all tiers, on both sides, in both dtypes, into one report."""

import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from compare.experiment.batches import Batch
from compare.experiment.config import DTYPES, Config
from compare.experiment.streams import Purpose, stream
from compare.parity import culprit
from compare.parity.defaults import check_defaults, check_start
from compare.parity.formula import check_formula
from compare.parity.network import check_network
from compare.parity.operations import check_operations
from compare.parity.optimizer import check_optimizer
from compare.parity.side import Description, Side
from compare.parity.sides import make_side
from compare.parity.step import check_step
from compare.parity.trajectory import FreeRun, check_trajectory, first_batches
from compare.parity.verdict import Finding, Verdict

FORMULA_ROWS = 16  # of a batch: the formula does not depend on the batch, and complex arithmetic is slow
HIDDEN, LATENT = 4, 2  # for the optimizer: Adam works entry by entry, and a small network has enough of them
TIERS = ("defaults", "exact", "rounding", "formula", "network", "step", "optimizer", "trajectory")


@dataclass(frozen=True)
class Report:
    """All that a check found. `held` decides the exit code."""

    description: Description
    findings: list[Finding]
    free_runs: dict[str, FreeRun]

    @property
    def held(self) -> bool:
        """Whether every finding is agreement."""
        return culprit.first_off(self.findings) is None

    @property
    def sentence(self) -> str:
        """Say what is off, or that nothing is."""
        return culprit.sentence(self.findings, self.description)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; an infinite ratio, where nothing at all is allowed, becomes None."""
        findings = [asdict(f) | {"ratio": f.ratio if np.isfinite(f.ratio) else None} for f in self.findings]
        free_runs = {dtype: asdict(run) for dtype, run in self.free_runs.items()}
        return {"held": self.held, "sentence": self.sentence, "findings": findings, "free_runs": free_runs}


def check(
    config: Config,
    images: np.ndarray,
    *,
    device: str = "cpu",
    dtypes: Sequence[str] = DTYPES,
    torch: bool = True,
    trajectory: bool = True,
) -> Report:
    """Run every tier on the config's network and its first batches; without torch, those that need no reference.

    `images` are the training images, (n, height, width) uint8.
    """

    def make(name: str, config: Config) -> Side:
        return make_side(name, config, device=device)

    double = replace(config, dtype="float64")
    judged = make("numpy", double)
    names = ("numpy", "torch") if torch else ("numpy",)
    findings = [*(check_defaults() if torch else check_start())]
    findings += _guarded("formula", judged, check_formula(judged, _first_rows(double, images), _rng(config, 0)))
    for name in names:
        for dtype in dtypes:
            typed = replace(config, dtype=dtype)
            findings += check_side(make(name, typed), typed, list(first_batches(typed, images, 2)))
            small = replace(typed, hidden_dim=HIDDEN, latent_dim=LATENT)
            findings += check_optimizer(make(name, small), small, _rng(typed, 3))
    free_runs: dict[str, FreeRun] = {}
    if torch:
        findings = _trusted(findings)
    if torch and trajectory:
        drift, free_runs = check_trajectory(make, config, images, dtypes)
        findings.append(drift)
    findings.sort(key=lambda f: (TIERS.index(f.tier), f.side))
    return Report(judged.describe(), findings, free_runs)


def check_side(side: Side, config: Config, batches: Sequence[Batch]) -> Iterator[Finding]:
    """Run the tiers that judge a side from where it stands, which is where it stays; `batches` are two."""
    first, second = batches
    yield from _guarded("step", side, _leave_traces(side, second))
    yield from _guarded("exact", side, check_operations(side, _rng(config, 1)))
    yield from _guarded("network", side, check_network(side, first, _rng(config, 2)))
    yield from _guarded("step", side, check_step(side, (first, second)))


def _leave_traces(side: Side, batch: Batch) -> Iterator[Finding]:
    """Take a step and take it back. It finds nothing; but a layer that remembers it will give itself away."""
    before = {name: value.copy() for name, value in side.state().items()}
    side.observe(batch)
    side.load(before)
    yield from ()


def _guarded(tier: str, side: Side, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Pass the findings of a tier on; where the side raises, end with one that says so."""
    try:
        yield from findings
    except Exception as error:  # the side is what is being judged: it may raise anything
        who = side.describe()
        *_, last = traceback.walk_tb(error.__traceback__)
        code = last[0].f_code
        detail = f"{Path(code.co_filename).name}, {code.co_name}, raised {type(error).__name__}: {error}"
        yield Finding(tier, who.name, who.dtype, "raised", "", Verdict.NOT_JUDGED, np.inf, detail=detail)


def _trusted(findings: list[Finding]) -> list[Finding]:
    """Take back the network's verdicts unless torch in float64, which shares no line with it, bears out the oracle."""
    if all(f.verdict.held for f in findings if (f.tier, f.side, f.dtype) == ("network", "PyTorch", "float64")):
        return findings
    return [replace(f, verdict=Verdict.NOT_JUDGED) if f.tier == "network" else f for f in findings]


def _first_rows(config: Config, images: np.ndarray) -> Batch:
    (batch,) = first_batches(config, images, 1)
    return Batch(batch.noisy[:FORMULA_ROWS], batch.clean[:FORMULA_ROWS])


def _rng(config: Config, tier: int) -> np.random.Generator:
    return stream(Purpose.CHECK, config.seed, tier)
