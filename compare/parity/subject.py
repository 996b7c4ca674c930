"""Who is judged, by which reference, from which state and on which batches: what a check is given."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from compare.experiment.batches import Batch, training_batches
from compare.experiment.config import Config
from compare.parity.side import Side, State, cast
from compare.parity.sides import make_side

Make = Callable[[Config], Side]


@dataclass(frozen=True)
class Subject:
    """A side and its reference, made anew, from the same state, for every config that a tier asks for."""

    ours: Make
    reference: Make  # the same network of torch's parts
    batches: Callable[[Config, int], Iterable[Batch]]  # of so many steps, in the config's dtype
    notes: tuple[str, ...] = ()  # what a reader of the report should know of all this


def our_own(images: np.ndarray, *, device: str = "cpu", start: State | None = None, step: int = 1) -> Subject:
    """Return `numpy_ae` and `torch_ae`, at `start` or else where the seed has them, from a step of the training on.

    `images` are the training images, (n, height, width) uint8.
    """

    def make(name: str, config: Config) -> Side:
        side = make_side(name, config, device=device_for(config.dtype, device))
        if start is not None:
            side.load(cast(start, config.dtype))
        return side

    return Subject(
        lambda config: make("numpy", config),
        lambda config: make("torch", config),
        lambda config, steps: training_batches(config, images, steps, step),
        device_notes(device),
    )


def device_for(dtype: str, device: str) -> str:
    """Return where the reference runs in a dtype: Apple's GPUs have no float64, which then is the CPU's."""
    return "cpu" if (device, dtype) == ("mps", "float64") else device


def device_notes(device: str) -> tuple[str, ...]:
    """Return what a report has to say of a device."""
    return ("PyTorch runs on mps in float32; mps has no float64, which is the CPU's.",) if device == "mps" else ()
