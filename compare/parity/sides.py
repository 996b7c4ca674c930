"""The two sides by name, made only when asked for: judging NumPy alone imports no torch."""

from compare.errors import UserError
from compare.experiment.config import Config
from compare.parity.side import AutoencoderSide

LABELS = {"numpy": "NumPy", "torch": "PyTorch"}


def make_side(name: str, config: Config, *, device: str = "cpu") -> AutoencoderSide:
    """Return a side at the config's start. Raises `UserError` where torch is asked for and absent."""
    if name == "numpy":
        from compare.parity.numpy_side import NumpySide

        return NumpySide(config)
    try:
        from compare.parity.torch_side import TorchSide
    except ModuleNotFoundError as error:
        raise UserError(
            f"the torch side needs {error.name}: pip install torch; `train --side numpy` works without"
        ) from error
    return TorchSide(config, device=device)
