"""Who is judged, by which reference, from which state and on which batches.

Sides are made only when asked for: judging NumPy alone imports no torch.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from compare.data.batches import Batch, training_batches
from compare.data.config import Config
from compare.errors import UserError, told
from compare.sides.interface import AutoencoderSide, Description, Side, State, cast

LABELS = {"numpy": "NumPy", "torch": "PyTorch"}
WITHOUT = "`train --side numpy` works without"

Make = Callable[[Config], Side]


@dataclass(frozen=True)
class Subject:
    """A side and its reference, made anew, from the same state, for every config asked for."""

    ours: Make
    reference: Make  # the same network of torch's parts
    batches: Callable[[Config, int], Iterable[Batch]]  # of so many steps, in the config's dtype
    other: Make  # the side with a config's widths, wherever it starts; a `UserError` if it has none
    notes: tuple[str, ...] = ()  # what a reader of the report should know of all this
    images: int = 0  # of an epoch; 0 where the batches are no images, and all alike

    def last_rows(self, config: Config) -> int:
        """Return how many rows the last batch of an epoch has."""
        return self.images % config.batch_size or config.batch_size


def our_own(
    images: np.ndarray, *, device: str = "cpu", start: State | None = None, step: int = 1
) -> Subject:
    """Return `numpy_ae` and `torch_ae`, at `start` or at the seed's, from a step of training on.

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
        partial(make_side, "numpy"),
        device_notes(device),
        len(images),
    )


def make_side(name: str, config: Config, *, device: str = "cpu") -> AutoencoderSide:
    """Return one of our two sides at its start. Raises `UserError` where torch is absent."""
    if name == "numpy":
        from compare.sides.numpy_side import NumpySide
        from compare.sides.numpy_vae import NumpyVae

        return NumpyVae(config) if config.model == "vae" else NumpySide(config)
    with torch_is_needed():
        from compare.sides.torch_side import TorchSide
        from compare.sides.torch_vae import TorchVae
    return (TorchVae if config.model == "vae" else TorchSide)(config, device=device)


def make_reference(who: Description, start: State, config: Config, *, device: str = "cpu") -> Side:
    """Return a network described so, in torch. Raises `UserError` where torch is absent."""
    with torch_is_needed():
        from compare.sides.torch_network import torch_reference
    return torch_reference(who, start, config, device=device)


@contextmanager
def torch_is_needed(by: str = "the torch side") -> Iterator[None]:
    """Turn whatever an import of torch raises, where it is absent or broken, into a `UserError`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(f"{by} needs {error.name}: pip install torch; {WITHOUT}") from error
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:  # an installation that is broken raises anything
        raise UserError(
            f"torch cannot be imported: it {told(error)}; pip install --force-reinstall torch, "
            f"or give it more memory; {WITHOUT}"
        ) from error


def device_for(dtype: str, device: str) -> str:
    """Return where the reference runs in a dtype: Apple's GPUs have no float64, so on the CPU."""
    return "cpu" if (device, dtype) == ("mps", "float64") else device


def device_notes(device: str) -> tuple[str, ...]:
    """Return what a report has to say of a device."""
    note = "PyTorch runs on mps in float32; mps has no float64, which is the CPU's."
    return (note,) if device == "mps" else ()
