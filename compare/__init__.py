"""The harness that holds a hand-written network against its PyTorch reference."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.check.doors import check_function, check_gradients
    from compare.check.layer import check_layer
    from compare.check.optimizer_door import check_optimizer

DOORS = {  # and the file of compare/check that holds it
    "check_function": "doors",
    "check_gradients": "doors",
    "check_layer": "layer",
    "check_optimizer": "optimizer_door",
}
__all__ = ["check_function", "check_gradients", "check_layer", "check_optimizer"]


def __getattr__(name: str) -> Any:
    """Import on demand: `python -m compare` sets its environment before NumPy is imported."""
    if name not in DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"compare.check.{DOORS[name]}"), name)
