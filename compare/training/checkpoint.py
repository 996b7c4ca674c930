"""Checkpoints: one safetensors file a side, which either side can continue from.

The tensors are the State of `compare.sides.interface`, under its names; the header holds, as one
JSON text, the config, the history so far (whose length says how many epochs are finished), the part
of an epoch beyond it, and the environment.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from compare.data.batches import steps_per_epoch
from compare.data.config import Config
from compare.errors import UserError
from compare.files import read_arrays, write_arrays, write_whole
from compare.sides.interface import state_shapes
from compare.sides.numpy_side import layers
from compare.sides.subject import LABELS

ADVICE = "give a checkpoint of a run"


@dataclass(frozen=True)
class Record:
    """Finite numbers, none below zero. Raises `ValueError`, naming the field, for anything else.

    One that is None is not said.
    """

    def __post_init__(self) -> None:
        """Refuse what no training comes to."""
        for f in fields(self):
            value, least = getattr(self, f.name), f.metadata.get("least", 0)
            if value is None and f.default is None:
                continue
            kinds = (int,) if f.type is int else (int, float)
            if type(value) not in kinds or not least <= value <= sys.float_info.max:
                raise ValueError(f"{f.name} is {value!r}")

    def to_dict(self) -> dict[str, float]:
        """Return the plain values that there are."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class EpochRecord(Record):
    """What one epoch of one side came to."""

    loss: float  # training loss per image, summed over its pixels
    test_mse: float  # of the denoised test images, per pixel
    seconds: float  # of the training, not of the test
    kl: float | None = None  # of a variational one, the divergence per image, without its weight


@dataclass(frozen=True)
class DriftRecord(Record):
    """How far apart two sides are after an epoch."""

    epoch: int = field(metadata={"least": 1})
    parameters: float  # largest difference of any parameter
    loss: float  # difference of the training losses, relative


@dataclass(frozen=True)
class PartOfEpoch(Record):
    """What the first steps of an unfinished epoch have come to."""

    steps: int = 0
    loss: float = 0.0  # training loss, summed over their images and pixels
    seconds: float = 0.0
    kl: float | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A side after `len(history)` epochs and a part of the next."""

    side: str
    config: Config
    state: Mapping[str, np.ndarray]
    history: tuple[EpochRecord, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    part: PartOfEpoch = PartOfEpoch()

    def steps(self, images: int) -> int:
        """Return how many steps it has taken, on so many training images."""
        return len(self.history) * steps_per_epoch(self.config, images) + self.part.steps

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. The one it replaces is kept: see `previous`."""
        if path.exists():
            write_whole(previous(path), path.read_bytes())
        header = asdict(replace(self, state={}))
        del header["state"]
        plain = {"history": [of.to_dict() for of in self.history], "part": self.part.to_dict()}
        write_arrays(path, self.state, header | plain)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a file that `save` wrote. Raises `UserError`, with the reason, for any other."""
        older, advice = previous(path), ADVICE
        if older.exists():
            advice = f"the one before it is {older}: rename that to go on from there"
        state, header = read_arrays(path, advice=advice)
        try:
            checkpoint = cls(
                header["side"],
                Config.from_dict(header["config"]),
                state,
                tuple(EpochRecord(**record) for record in header["history"]),
                header["environment"],
                PartOfEpoch(**header["part"]),
            )
            if checkpoint.side not in LABELS or not isinstance(checkpoint.environment, dict):
                raise ValueError("it does not say whose it is, or what it was made with")
        except (KeyError, TypeError, ValueError, UserError) as error:
            raise UserError(f"{path} is no checkpoint of ae-mirror ({error}); {advice}") from error
        checkpoint._require_fitting_state(path)
        return checkpoint

    def require_position(self, images: int) -> None:
        """Raise `UserError` unless Adam has taken as many steps, on so many training images."""
        adams, part = int(self.state["adam.step"]), self.part.steps
        if part > steps_per_epoch(self.config, images) or self.steps(images) != adams:
            raise UserError(
                f"the checkpoint of {self.side} says it is {len(self.history)} epochs and "
                f"{part} steps old, and Adam's step is {adams}; {ADVICE}"
            )

    def _require_fitting_state(self, path: Path) -> None:
        """Raise `UserError`, naming the tensor, unless the config's network can take the state."""
        shapes = state_shapes(layers(self.config))
        if wrong := sorted(shapes.keys() ^ self.state.keys()):
            raise UserError(
                f"{path}: tensor {wrong[0]} is missing or unknown; is it another network's file?"
            )
        for name, value in self.state.items():
            dtype, needed = self.config.dtype, "its config needs"
            if name == "adam.step":
                dtype = "int64"
            if value.shape != shapes[name]:
                raise UserError(f"{path}: {name} has shape {value.shape}, {needed} {shapes[name]}")
            if value.dtype != dtype:
                raise UserError(f"{path}: {name} is {value.dtype}, {needed} {dtype}")
            if not np.isfinite(value).all():
                raise UserError(
                    f"{path}: {name} holds NaN or infinity; go on from an earlier checkpoint"
                )
            if name.startswith(("adam.exp_avg_sq", "adam.step")) and (value < 0).any():
                raise UserError(f"{path}: {name} is negative, which no training makes it; {ADVICE}")


def previous(path: Path) -> Path:
    """Return where the checkpoint lies that a newer one at `path` has replaced."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")
