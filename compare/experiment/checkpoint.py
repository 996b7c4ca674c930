"""Checkpoints: one safetensors file a side, which either side can continue from.

The tensors are the State of `compare.parity.side`, under its names; the header holds, as one JSON text, the config, the
history so far (whose length is the position: epochs finished) and the environment.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from compare.errors import UserError
from compare.experiment.config import Config
from compare.files import write_whole
from compare.parity.numpy_side import initial_state

HEADER = "ae-mirror"


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch of one side came to."""

    loss: float  # training loss per image, summed over its pixels
    test_mse: float  # of the denoised test images, per pixel
    seconds: float  # of the training, not of the test


@dataclass(frozen=True)
class Checkpoint:
    """A side after `len(history)` epochs."""

    side: str
    config: Config
    state: Mapping[str, np.ndarray]
    history: tuple[EpochRecord, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        header = {
            "side": self.side,
            "config": self.config.to_dict(),
            "history": [asdict(record) for record in self.history],
            "environment": self.environment,
        }
        tensors = {name: np.asarray(value, order="C") for name, value in self.state.items()}
        write_whole(path, save(tensors, metadata={HEADER: json.dumps(header)}))

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a file that `save` wrote. Raises `UserError` for any other, in one line that names what is wrong."""
        try:
            with safe_open(path, framework="numpy") as file:
                header = json.loads((file.metadata() or {})[HEADER])
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            config = Config.from_dict(header["config"])
            history = tuple(EpochRecord(**record) for record in header["history"])
            checkpoint = cls(header["side"], config, state, history, header["environment"])
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror or error}") from error
        except (SafetensorError, KeyError, TypeError, ValueError, UserError) as error:
            raise UserError(f"{path} is no checkpoint of ae-mirror ({error}); give the file of a run") from error
        checkpoint._require_fitting_state(path)
        return checkpoint

    def _require_fitting_state(self, path: Path) -> None:
        """Raise `UserError`, naming the tensor, unless the state is one that the config's network can take."""
        expected = initial_state(self.config)
        if wrong := sorted(expected.keys() ^ self.state.keys()):
            raise UserError(f"{path}: tensor {wrong[0]} is missing or unknown; is it another network's file?")
        for name, value in self.state.items():
            if value.shape != expected[name].shape:
                raise UserError(f"{path}: {name} has shape {value.shape}, its config needs {expected[name].shape}")
            if value.dtype != expected[name].dtype:
                raise UserError(f"{path}: {name} is {value.dtype}, its config needs {expected[name].dtype}")
            if not np.isfinite(value).all():
                raise UserError(f"{path}: {name} holds NaN or infinity; go on from an earlier checkpoint")
