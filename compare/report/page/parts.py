"""What a run has left, read for its page; a part that is not there is None, and the page says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare import gather
from compare.experiment.checkpoint import Checkpoint
from compare.files import read_arrays, read_json
from compare.parity.side import under_prefix
from compare.parity.sides import LABELS
from compare.runs import Run
from compare.terminal import printable

PICTURES = ("denoising", "reconstructions", "latent", "random_samples", "losses", "divergence")


@dataclass(frozen=True)
class Part:
    """Arrays by name, and a header that says what they are."""

    arrays: Mapping[str, np.ndarray]
    header: Any


@dataclass(frozen=True)
class Parts:
    """A run's config and results, as its files hold them."""

    name: str
    config: dict[str, Any]
    environment: dict[str, Any]
    check: dict[str, Any] | None
    quality: Any
    history: dict[str, Any]
    pictures: dict[str, bytes]
    step: Part | None
    atlas: Part | None
    timeline: Part | None
    exhibits: Part | None
    parameters: dict[str, dict[str, np.ndarray]]  # the parameters of each side that was trained


def read(run: Run) -> Parts:
    """Read all parts. Raises `UserError` for a file that is there and is not what it should be."""
    pictures = {name: run.folder / "figures" / f"{name}.png" for name in PICTURES}
    return Parts(
        printable(run.folder.resolve().name),
        run.config.to_dict(),
        read_json(run.folder / "config.json")["environment"],
        run.check(),
        _json(run, "quality.json"),
        run.history(),
        {name: path.read_bytes() for name, path in pictures.items() if path.exists()},
        _part(run, gather.STEP),
        _part(run, gather.ATLAS),
        _part(run, gather.TIMELINE),
        _part(run, gather.EXHIBITS),
        {
            label: under_prefix("param", dict(Checkpoint.load(run.checkpoint(name)).state))
            for name, label in LABELS.items()
            if run.checkpoint(name).exists()
        },
    )


def _json(run: Run, name: str) -> Any:
    path = run.folder / name
    return read_json(path) if path.exists() else None


def _part(run: Run, name: str) -> Part | None:
    path = run.page(name)
    return Part(*read_arrays(path)) if path.exists() else None
