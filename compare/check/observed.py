"""One training step as both sides take it: every tensor's shape, its errors, and a thumbnail.

The step's own tensors are judged as stage network judges them. Adam is judged on the gradients that
the side itself has computed, so that an error in them does not count twice; and on normal numbers
alone, because the moments of a dead unit die away below them, where nothing can be decided.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from compare.check.bounds import Bounded, Finding, finding, judge
from compare.check.network import check_network
from compare.check.optimizer import updated
from compare.check.thumbnails import Thumbnail, thumbnail
from compare.data.batches import Batch
from compare.data.config import Config
from compare.sides.interface import Array, Side, Trace, observed, under_prefix
from compare.sides.subject import Subject


@dataclass(frozen=True)
class Judged:
    """One side's verdict, and its error in units of what rounding allows; None for infinite."""

    verdict: str
    ratio: float | None


@dataclass(frozen=True)
class Tensor:
    """One tensor of the step on both sides."""

    name: str
    operation: str
    shape: list[int]
    judged: dict[str, Judged]  # by side
    apart: float | None  # largest difference of two entries; None where they cannot be compared
    largest: float  # largest entry of the reference's
    picture: str  # which part of it the pictures show


def observe_step(
    subject: Subject, config: Config, rng: np.random.Generator
) -> tuple[list[Tensor], dict[str, Array]]:
    """Return the tensors of a subject's first step; and pictures "SIDE/TENSOR", "apart/TENSOR"."""
    (batch,) = subject.batches(config, 1)
    traces: dict[str, Trace] = {}
    judged: dict[str, dict[str, Finding]] = {}
    for make in (subject.ours, subject.reference):
        side = make(config)
        label = side.describe().name
        judged[label] = {found.tensor: found for found in _findings(side, config, batch, rng)}
        traces[label] = side.observe(batch)
    ours, reference = traces.values()
    thumbnails = {name: thumbnail(name, value) for name, value in reference.items()}
    tensors = [
        Tensor(
            name,
            found.operation,
            list(reference[name].shape),
            {
                label: Judged(of[name].verdict.value, finite(of[name].ratio))
                for label, of in judged.items()
            },
            _apart(ours.get(name), reference[name]),
            float(np.abs(reference[name]).max()),
            thumbnails[name].what,
        )
        for name, found in next(iter(judged.values())).items()
    ]
    return tensors, dict(_pictures(thumbnails, ours, reference, list(judged)))


def _findings(
    side: Side, config: Config, batch: Batch, rng: np.random.Generator
) -> Iterator[Finding]:
    """Judge every tensor of one step, the optimizer's among them; the side stays as it is."""
    yield from check_network(side, batch, rng)
    who, before = side.describe(), side.state()
    trace = observed(side, batch)
    for name, true in updated(before, under_prefix("grad", trace), config, who.dtype).items():
        judgement = judge(*_normal(trace.get(name), true, who.dtype), who.dtype)
        yield finding("optimizer", who, "adam", name, judgement)


def _normal(got: Array | None, true: Bounded, dtype: str) -> tuple[Array | None, Bounded]:
    """Return the entries of a result, and of its truth, that are made of normal numbers."""
    if got is None or got.shape != true.value.shape:
        return got, true
    normal = true.scale >= float(np.finfo(dtype).tiny)
    return got[normal], true._replace(value=true.value[normal], scale=true.scale[normal])


def finite(number: float) -> float | None:
    """Return the number, or None for infinity and NaN, which JSON has not."""
    return number if np.isfinite(number) else None


def _apart(ours: Array | None, reference: Array) -> float | None:
    if ours is None or ours.shape != reference.shape:
        return None
    return finite(float(np.abs(np.subtract(ours, reference, dtype=np.float64)).max()))


def _pictures(
    thumbnails: Mapping[str, Thumbnail], ours: Trace, reference: Trace, labels: list[str]
) -> Iterator[tuple[str, Array]]:
    for name, of in thumbnails.items():
        part = of.of(reference[name]).astype(np.float64)
        yield f"{labels[1]}/{name}", part
        if name in ours and ours[name].shape == reference[name].shape:
            mine = of.of(ours[name]).astype(np.float64)
            yield f"{labels[0]}/{name}", mine
            yield f"apart/{name}", np.abs(mine - part)
