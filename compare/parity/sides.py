"""The sides, made only when asked for: judging NumPy alone imports no torch."""

from collections.abc import Iterator
from contextlib import contextmanager

from compare.errors import UserError, told
from compare.experiment.config import Config
from compare.parity.side import AutoencoderSide, Layer, Side, State

LABELS = {"numpy": "NumPy", "torch": "PyTorch"}


def make_side(name: str, config: Config, *, device: str = "cpu") -> AutoencoderSide:
    """Return one of our two sides at the config's start. Raises `UserError` where torch is asked for and absent."""
    if name == "numpy":
        from compare.parity.numpy_side import NumpySide

        return NumpySide(config)
    with torch_is_needed():
        from compare.parity.torch_side import TorchSide
    return TorchSide(config, device=device)


def make_twin(layers: tuple[Layer, ...], start: State, config: Config, *, device: str = "cpu") -> Side:
    """Return a network of these layers, of torch's parts, at this start. Raises `UserError` where torch is absent."""
    with torch_is_needed():
        from compare.parity.torch_twin import torch_twin
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
    except BaseException as error:  # an installation that is broken, or short of memory, raises anything
        raise UserError(
            f"torch cannot be imported: it {told(error)}; pip install --force-reinstall torch, or give it more memory; "
            "`train --side numpy` works without"
        ) from error
