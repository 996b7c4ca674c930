"""Checkpoints: one safetensors file a side, which either side can continue from.

The tensors are the State of `compare.sides.interface`, under its names; the header holds, as one
JSON text, the config, the history so far (whose length says how many epochs are finished), the part
of an epoch beyond it, and the environment.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
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


def require_numbers(record: Any) -> None:
    """Raise `ValueError`, naming the field, unless a dataclass holds finite numbers alone, none below zero."""
    for name, value in asdict(record).items():
        if type(value) not in (int, float) or not 0 <= value <= sys.float_info.max:
            raise ValueError(f"{name} is {value!r}")


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch of one side came to."""

    loss: float  # training loss per image, summed over its pixels
    test_mse: float  # of the denoised test images, per pixel
    seconds: float  # of the training, not of the test

    def __post_init__(self) -> None:
        """Refuse, with `ValueError`, what no training comes to."""
        require_numbers(self)


@dataclass(frozen=True)
class DriftRecord:
    """How far apart two sides stand after an epoch."""

    epoch: int  # counted from 1
    parameters: float  # largest difference of any parameter
    loss: float  # difference of the training losses, relative

    def __post_init__(self) -> None:
        """Refuse, with `ValueError`, what no training comes to."""
        require_numbers(self)
        if type(self.epoch) is not int or self.epoch < 1:
            raise ValueError(f"epoch is {self.epoch!r}")


@dataclass(frozen=True)
class PartOfEpoch:
    """What the first steps of an epoch under way have come to."""

    steps: int = 0
    loss: float = 0.0  # training loss, summed over their images and pixels
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Refuse, with `ValueError`, what no training comes to."""
        require_numbers(self)
        if type(self.steps) is not int:
            raise ValueError(f"steps is {self.steps!r}")


@dataclass(frozen=True)
class Checkpoint:
    """A side after `len(history)` epochs and a part of the next."""

    side: str
    config: Config
    state: Mapping[str, np.ndarray]
    history: tuple[EpochRecord, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    part: PartOfEpoch = PartOfEpoch()

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. The one that it replaces is kept beside it, as `previous` says."""
        if path.exists():
            write_whole(previous(path), path.read_bytes())
        header = {
            "side": self.side,
            "config": self.config.to_dict(),
            "history": [asdict(record) for record in self.history],
            "environment": self.environment,
            "part": asdict(self.part),
        }
        write_arrays(path, self.state, header)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a file that `save` wrote. Raises `UserError` for any other, in one line that names what is wrong."""
        older = previous(path)
        advice = (
            f"the one before it is {older}: rename that to go on from there"
            if older.exists()
            else ADVICE
        )
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
        """Raise `UserError` unless Adam has taken as many steps as the history says, on so many training images."""
        per_epoch = steps_per_epoch(self.config, images)
        steps = len(self.history) * per_epoch + self.part.steps
        if self.part.steps > per_epoch or steps != int(self.state["adam.step"]):
            raise UserError(
                f"the checkpoint of {self.side} says it is {len(self.history)} epochs and {self.part.steps} steps old, "
                f"and Adam's step is {int(self.state['adam.step'])}; {ADVICE}"
            )

    def _require_fitting_state(self, path: Path) -> None:
        """Raise `UserError`, naming the tensor, unless the state is one that the config's network can take."""
        shapes = state_shapes(layers(self.config))
        if wrong := sorted(shapes.keys() ^ self.state.keys()):
            raise UserError(
                f"{path}: tensor {wrong[0]} is missing or unknown; is it another network's file?"
            )
        for name, value in self.state.items():
            dtype = "int64" if name == "adam.step" else self.config.dtype
            if value.shape != shapes[name]:
                raise UserError(
                    f"{path}: {name} has shape {value.shape}, its config needs {shapes[name]}"
                )
            if value.dtype != dtype:
                raise UserError(f"{path}: {name} is {value.dtype}, its config needs {dtype}")
            if not np.isfinite(value).all():
                raise UserError(
                    f"{path}: {name} holds NaN or infinity; go on from an earlier checkpoint"
                )
            if name.startswith(("adam.exp_avg_sq", "adam.step")) and (value < 0).any():
                raise UserError(f"{path}: {name} is negative, which no training makes it; {ADVICE}")


def previous(path: Path) -> Path:
    """Return where the checkpoint lies that a newer one at `path` has replaced."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")
