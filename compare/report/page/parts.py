"""What a run has left, read for its page, which says so where a part is None."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from compare.errors import UserError
from compare.files import read_arrays, read_json, require_file
from compare.sides.interface import under_prefix
from compare.sides.subject import LABELS
from compare.terminal import printable
from compare.training.checkpoint import Checkpoint
from compare.training.runs import DEMONSTRATIONS, FIGURES, LATENT_MAP, STEP, TIMELINE, Run, modern

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
    latent_map: Part | None
    timeline: Part | None
    demonstrations: Part | None
    parameters: dict[str, dict[str, np.ndarray]]  # the parameters of each side that was trained


def read(run: Run) -> Parts:
    """Read all parts. Raises `UserError` for a file that is there and is not what it should be."""
    pictures = {name: run.folder / FIGURES / f"{name}.png" for name in PICTURES}
    return Parts(
        printable(run.folder.resolve().name),
        run.config.to_dict(),
        read_json(run.folder / "config.json")["environment"],
        run.check(),
        _json(run, "quality.json"),
        run.latest_history(),
        {name: _picture(path) for name, path in pictures.items() if path.exists()},
        _part(run, STEP),
        _part(run, LATENT_MAP),
        _part(run, TIMELINE),
        _part(run, DEMONSTRATIONS),
        {
            label: under_prefix("param", dict(Checkpoint.load(run.checkpoint(name)).state))
            for name, label in LABELS.items()
            if run.checkpoint(name).exists()
        },
    )


def _picture(path: Path) -> bytes:
    """Return a picture's bytes. Raises `UserError` unless it is a whole PNG: pages are shared."""
    try:
        require_file(path)
        data = path.read_bytes()
        with (
            warnings.catch_warnings(action="error"),
            Image.open(BytesIO(data), formats=["PNG"]) as image,
        ):
            image.verify()
        return data
    except (OSError, SyntaxError, ValueError, Warning, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "it is not a PNG"
        raise UserError(
            f"cannot read {path} ({reason}); have it drawn anew: figures {path.parent.parent}"
        ) from error


def _json(run: Run, name: str) -> Any:
    path = run.folder / name
    return read_json(path) if path.exists() else None


def _part(run: Run, name: str) -> Part | None:
    path = run.page(name)
    if not path.exists():
        return None
    arrays, header = read_arrays(path)
    return Part(arrays, modern(header))
