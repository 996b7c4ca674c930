"""Random operands in every shape, dtype and layout, and how far right results may lie apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

Array = np.ndarray

LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: np.flip(np.ascontiguousarray(np.flip(x))),
}


@dataclass
class Draw:
    """Called with a shape, it returns standard normals, read-only: writing into them fails."""

    seed: int
    dtype: str = "float64"
    layout: str = "C"

    def __post_init__(self) -> None:
        """Start the generator."""
        self.rng = np.random.default_rng(self.seed)

    def __call__(self, *shape: int) -> Array:
        """Return the next array."""
        return frozen(LAYOUTS[self.layout](self.rng.standard_normal(shape).astype(self.dtype)))

    def whole(self, *shape: int, largest: int = 2) -> Array:
        """Return whole numbers, zero among them, of no more than this size."""
        return frozen(
            LAYOUTS[self.layout](self.rng.integers(-largest, largest + 1, shape).astype(self.dtype))
        )


def frozen(array: Array) -> Array:
    """Return the array, read-only from now on."""
    array.setflags(write=False)
    return array


sizes = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)
draws = st.builds(
    Draw, seeds, st.sampled_from(["float32", "float64"]), st.sampled_from(list(LAYOUTS))
)


def tensor(array: Array, *, grad: bool = False) -> torch.Tensor:
    """Return a copy as a tensor."""
    return torch.tensor(np.ascontiguousarray(array), requires_grad=grad)


def rounding(terms: int, absolute: Array) -> Array:
    """Return how far two sums of `terms` products may lie apart, given their absolute sum.

    In whatever order a side sums, no term passes through more than terms + 1 roundings of at most u
    = eps / 2 each (Higham, Accuracy and stability of numerical algorithms, 2002, chapter 3). One
    more stands for all of order u².
    """
    allowed: Array = 2 * (terms + 2) * (np.finfo(absolute.dtype).eps / 2) * absolute
    return allowed


def assert_near(actual: Any, expected: torch.Tensor | Array, allowed: Any) -> None:
    """Require the same shape, the same dtype, and no entry further away than allowed."""
    expected = expected.detach().numpy() if isinstance(expected, torch.Tensor) else expected
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    distance = np.abs(actual - expected)
    assert np.all(distance <= allowed), (
        f"apart by up to {distance.max()}, allowed {np.max(allowed)}"
    )


def assert_equal(actual: Any, expected: torch.Tensor | Array) -> None:
    """Require the same shape, the same dtype and the same numbers."""
    assert_near(actual, expected, 0)


def assert_same(a: Mapping[str, Array], b: Mapping[str, Array]) -> None:
    """Require the same names in the same order, and the same numbers in the same dtype."""
    assert list(a) == list(b)
    for name, value in a.items():
        np.testing.assert_array_equal(value, b[name], err_msg=name, strict=True)
