"""What keeps the lesson fast and its errors clear. Nothing here is part of the mathematics."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

Array = np.ndarray
Arrays = Mapping[str, Array]  # by name
Batch = tuple[Array, Array]  # noisy and clean images, both (batch, input_dim)
FLUSH_EVERY = 100  # steps of Adam; an average takes longer to fade through the subnormal numbers


def expect(name: str, array: Array, shape: tuple[int | str, ...], *, like: Array) -> None:
    """Refuse what NumPy would broadcast, and what would widen `like`'s dtype.

    A size given as "batch" may be any. Raises `ValueError` for another shape; `TypeError` for what
    is no array, and for a dtype that is not floating or that `like`'s cannot hold.
    """
    if not isinstance(array, Array):
        raise TypeError(f"{name} is a {type(array).__name__}, not an array")
    if array.shape != shape and (
        array.ndim != len(shape)
        or any(size not in (n, "batch") for n, size in zip(array.shape, shape, strict=True))
    ):
        raise ValueError(f"{name} has shape {array.shape}, not ({', '.join(map(str, shape))})")
    if array.dtype.kind not in "fc" or (
        array.dtype != like.dtype and not np.can_cast(array.dtype, like.dtype)
    ):
        needed = like.dtype if like.dtype.kind in "fc" else "a floating-point dtype"
        raise TypeError(f"{name} is {array.dtype}, where {needed} is needed")


def expect_gradients(grads: Arrays, params: Arrays) -> None:
    """Refuse a gradient that does not fit, as `expect` does, or is missing (`KeyError`)."""
    for name, param in params.items():
        expect(f"the gradient of {name}", grads[name], param.shape, like=param)


def expect_rates(lr: float, betas: tuple[float, float], eps: float) -> None:
    """Raise `ValueError` for what `torch.optim.Adam` refuses, and for NaN."""
    if not (lr >= 0 and eps >= 0 and all(0 <= beta < 1 for beta in betas)):
        raise ValueError(
            f"lr {lr} and eps {eps} must not be negative, and betas {betas} lie in [0, 1)"
        )


def floating(dtype: DTypeLike) -> DTypeLike:
    """Return the dtype. Raises `TypeError` for one that is neither floating nor complex."""
    if not np.issubdtype(dtype, np.inexact):
        raise TypeError(f"weights are floating-point numbers, not {np.dtype(dtype)}")
    return dtype


def copy_into(params: Arrays, values: Mapping[str, Any]) -> None:
    """Copy arrays or CPU tensors into parameters of the same names and shapes, cast to their dtype.

    Raises `KeyError` for a missing or unknown name, `ValueError` for a wrong shape, `ValueError` or
    `TypeError` for what is no number, and then changes nothing.
    """
    if prefix := common_prefix(params, values):
        raise KeyError(
            f"each name begins with {prefix}; strip it: "
            f"{{name.removeprefix({prefix!r}): value for name, value in state.items()}}"
        )
    if wrong := params.keys() ^ values.keys():
        raise KeyError(f"missing or unknown parameters: {', '.join(sorted(wrong))}")
    arrays = {name: np.asarray(values[name], param.dtype) for name, param in params.items()}
    for name, param in params.items():
        if arrays[name].shape != param.shape:
            raise ValueError(
                f"{name} has shape {arrays[name].shape}, this model needs {param.shape}"
            )
    for name, param in params.items():
        param[...] = arrays[name]


def common_prefix(params: Arrays, values: Mapping[str, Any]) -> str:
    """Return what stands before each parameter's name, or "".

    torch.compile puts `_orig_mod.` there, and DataParallel `module.`.
    """
    prefix = min(values, default="").removesuffix(min(params, default=""))
    return prefix if {prefix + name for name in params} == values.keys() else ""


def flush_subnormals(x: Array) -> Array:
    """Set subnormal numbers, below 1.2e-38 in float32, to zero; return the array.

    Products of them take processors many times as long.

    A pixel that is always black ends at y = 1e-20 or less. Its target is 0, so dy = 2 y, and
    dx = 2 y² (1 − y) = 2e-40.
    """
    x[np.abs(x) < np.finfo(x.dtype).tiny] = 0
    return x


def flush_averages(*averages: Array, step: int) -> None:
    """Flush the subnormal numbers of Adam's averages, every so many steps.

    The averages of a unit that has died fade into them and stay there: 0.9 times the smallest of
    them rounds to itself.
    """
    if step % FLUSH_EVERY == 0:
        for average in averages:
            flush_subnormals(average)


def runner(parallel: bool) -> Callable[[Sequence[str], Callable[[str], None]], None]:
    """Return a function that calls `do` for each name, in order, or half on a second thread.

    NumPy lets go of Python's lock inside large operations, so two threads do work side by side.
    """

    def one_after_another(names: Sequence[str], do: Callable[[str], None]) -> None:
        for name in names:
            do(name)

    def in_halves(names: Sequence[str], do: Callable[[str], None]) -> None:
        half = helper.submit(one_after_another, names[: len(names) // 2], do)
        one_after_another(names[len(names) // 2 :], do)
        half.result()

    if not parallel:
        return one_after_another
    helper = ThreadPoolExecutor(1)
    return in_halves
