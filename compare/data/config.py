"""The article's hyperparameters: each field has its default, its help line and its limits."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from compare.errors import UserError

DATASETS = ("digits", "mnist", "fashion-mnist", "kmnist")
DTYPES = ("float32", "float64")
MODELS = ("autoencoder", "vae")
NEWER = {"model": "autoencoder", "beta": 1.0}  # what runs of before had, and did not say
# Adam multiplies eps by √(1 − β₂). The product must not be subnormal.
LEAST_EPS = {"float32": 1e-30, "float64": 1e-300}
MOST = 2**31  # beyond any array's dimension, and any person's patience


def _option(default: Any, help: str, **limits: Any) -> Any:
    """Declare a field; its metadata also makes the command-line option and checks the value."""
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One experiment. Equal configs give equal weights, batches and noise, on every side.

    Raises `UserError`, naming the field, for a value of the wrong type or out of range.
    """

    data: str = _option("digits", "Data set.", choices=DATASETS)
    model: str = _option("autoencoder", "Network; vae is the variational one.", choices=MODELS)
    latent_dim: int = _option(10, "Width of the bottleneck.", least=1, below=MOST)
    hidden_dim: int = _option(400, "Width of the two hidden layers.", least=1, below=MOST)
    batch_size: int = _option(
        128, "Images per step; the last batch of an epoch may be shorter.", least=1, below=MOST
    )
    epochs: int = _option(15, "Passes over the training images.", least=1, below=MOST)
    lr: float = _option(1e-3, "Adam's learning rate.", above=0, below=1e3)
    beta1: float = _option(0.9, "Adam's decay of the first moment.", least=0, below=1)
    beta2: float = _option(0.999, "Adam's decay of the second moment.", least=0, below=1)
    eps: float = _option(1e-8, "Adam's eps, outside the root.", above=0, below=1e3)
    noise: float = _option(
        0.3, "Standard deviation of the noise on an image in [0, 1].", least=0, below=1e6
    )
    clip: bool = _option(True, "Clip noisy images to [0, 1], as they would be stored.")
    beta: float = _option(1.0, "What the KL divergence counts in a vae's loss.", least=0, below=1e6)
    seed: int = _option(
        42, "Seed of the weights, the batch order and the noise.", least=0, below=2**63
    )
    dtype: str = _option("float32", "Precision of weights and arithmetic.", choices=DTYPES)

    def __post_init__(self) -> None:
        """Refuse, by name, a value of the wrong type or out of range."""
        for f in fields(self):
            _require(f.name.replace("_", "-"), getattr(self, f.name), f.type, f.metadata)
        if self.eps < (least := LEAST_EPS[self.dtype]):
            raise UserError(
                f"eps must be at least {least} in {self.dtype}, which has not all smaller numbers"
            )
        if self.model != "vae" and self.beta != 1:
            raise UserError(
                "beta counts in the loss of a vae alone; say --model vae, or leave it out"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Config":
        """Return the config that `to_dict` gave. Unknown or missing keys raise `UserError`."""
        known = {f.name for f in fields(cls)}
        given = {**NEWER, **values}
        if wrong := known.symmetric_difference(given):
            raise UserError(f"the config has missing or unknown keys: {', '.join(sorted(wrong))}")
        return cls(**given)


def _require(name: str, value: Any, kind: Any, limits: Mapping[str, Any]) -> None:
    if kind is float and type(value) is int:
        kind = int  # 1 is as good as 1.0
    if type(value) is not kind:
        raise UserError(f"{name} must be {kind.__name__}, not {value!r}")
    if "choices" in limits and value not in limits["choices"]:
        raise UserError(f"{name} must be one of {', '.join(limits['choices'])}, not {value!r}")
    if kind is float and not math.isfinite(value):
        raise UserError(f"{name} must be finite, not {value}")
    if value < limits.get("least", value):
        raise UserError(f"{name} must be at least {limits['least']}, not {value}")
    if "above" in limits and value <= limits["above"]:
        raise UserError(f"{name} must be above {limits['above']}, not {value}")
    if "below" in limits and value >= limits["below"]:
        raise UserError(f"{name} must be below {limits['below']}, not {value}")
