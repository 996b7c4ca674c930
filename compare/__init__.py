"""The harness that holds a hand-written network against its PyTorch reference."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.check.layer import check_layer

__all__ = ["check_layer"]


def __getattr__(name: str) -> Any:
    if (
        name == "check_layer"
    ):  # on demand: `python -m compare` has its environment to set before NumPy is imported
        from compare.check.layer import check_layer

        return check_layer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
