"""The harness that holds a hand-written network against its PyTorch reference."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.check.layer import check_layer
    from compare.check.optimizer_door import check_optimizer

__all__ = ["check_layer", "check_optimizer"]
FILES = {"check_layer": "layer", "check_optimizer": "optimizer_door"}  # in compare/check


def __getattr__(name: str) -> Any:
    """Import on demand: `python -m compare` sets its environment before NumPy is imported."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"compare.check.{FILES[name]}"), name)
