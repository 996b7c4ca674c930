"""The harness that holds a hand-written network against its PyTorch reference."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.check.layer import check_layer

__all__ = ["check_layer"]


def __getattr__(name: str) -> Any:
    """Import on demand: `python -m compare` sets its environment before NumPy is imported."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from compare.check import layer

    return getattr(layer, name)
