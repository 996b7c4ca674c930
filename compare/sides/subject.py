"""The sides, made only when asked for: judging NumPy alone imports no torch."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from compare.data.batches import Batch, training_batches
from compare.data.config import Config
from compare.errors import UserError, told
from compare.sides.interface import AutoencoderSide, Layer, Side, State, cast

# ---- compare.parity.sides: '"""The sides, made only when asked for: judging NumPy alone imports
# no'
LABELS = {"numpy": "NumPy", "torch": "PyTorch"}


def make_side(name: str, config: Config, *, device: str = "cpu") -> AutoencoderSide:
    """Return one of our two sides at the config's start. Raises `UserError` where torch is asked for and absent."""
    if name == "numpy":
        from compare.sides.numpy_side import NumpySide

        return NumpySide(config)
    with torch_is_needed():
        from compare.sides.torch_side import TorchSide
    return TorchSide(config, device=device)


def make_twin(
    layers: tuple[Layer, ...], start: State, config: Config, *, device: str = "cpu"
) -> Side:
    """Return a network of these layers, of torch's parts, at this start. Raises `UserError` where torch is absent."""
    with torch_is_needed():
        from compare.sides.torch_side import torch_twin
    return torch_twin(layers, start, config, device=device)


@contextmanager
def torch_is_needed() -> Iterator[None]:
    """Turn whatever an import of torch raises, where it is absent or broken, into a `UserError`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(
            f"the torch side needs {error.name}: pip install torch; `train --side numpy` works without"
        ) from error
    except (UserError, KeyboardInterrupt):
        raise
    except (
        BaseException
    ) as error:  # an installation that is broken, or short of memory, raises anything
        raise UserError(
            f"torch cannot be imported: it {told(error)}; pip install --force-reinstall torch, or give it more memory; "
            "`train --side numpy` works without"
        ) from error


# ---- compare.parity.subject: '"""Who is judged, by which reference, from which state and on which
# ba'
Make = Callable[[Config], Side]


@dataclass(frozen=True)
class Subject:
    """A side and its reference, made anew, from the same state, for every config that a stage asks for."""

    ours: Make
    reference: Make  # the same network of torch's parts
    batches: Callable[[Config, int], Iterable[Batch]]  # of so many steps, in the config's dtype
    notes: tuple[str, ...] = ()  # what a reader of the report should know of all this


def our_own(
    images: np.ndarray, *, device: str = "cpu", start: State | None = None, step: int = 1
) -> Subject:
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
    return (
        ("PyTorch runs on mps in float32; mps has no float64, which is the CPU's.",)
        if device == "mps"
        else ()
    )
