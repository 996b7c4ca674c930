"""Complex arrays for the complex step, in which |x| and the like stay analytic.

The complex step needs a function that is analytic along the real axis. People's code is, but for
NumPy's absolute value, sign and norm of complex numbers, which ask for their moduli. An array of
this class answers them by the real parts, as the code means it.
"""

from typing import Any

import numpy as np

from compare.sides.interface import Array


def _absolute(x: Array) -> Array:
    absolute: Array = np.where(x.real < 0, -x, x)
    return absolute


def _logaddexp(a: Array, b: Array) -> Array:
    larger: Array = np.where(np.real(a) < np.real(b), b, a)
    result: Array = larger + np.log(np.exp(a - larger) + np.exp(b - larger))
    return result


ANALYTIC: dict[np.ufunc, Any] = {
    np.absolute: _absolute,
    np.fabs: _absolute,
    np.sign: lambda x: np.sign(x.real),
    np.logaddexp: _logaddexp,
}


def _norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord is not None:
        return np.linalg.norm(x, ord, axis, keepdims)
    return np.sqrt(np.square(x).sum(axis=axis, keepdims=keepdims))


FUNCTIONS: dict[Any, Any] = {
    np.linalg.norm: _norm,
    np.vdot: lambda a, b: np.ravel(a) @ np.ravel(b),
}


class Analytic(np.ndarray):
    """An array of complex numbers that stands for real ones, moved by an infinitesimal amount."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Apply a function as the real part has it."""
        out = kwargs.get("out")
        if out is not None:
            kwargs["out"] = tuple(map(_plain, out))
        do = ANALYTIC.get(ufunc) if method == "__call__" and out is None else None
        result = (do or getattr(ufunc, method))(*map(_plain, inputs), **kwargs)
        return out[0] if out is not None else _analytic(result)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Call any other function; what it returns is such an array again."""
        if func in FUNCTIONS:
            return _analytic(FUNCTIONS[func](*map(_plain, args), **kwargs))
        return _analytic(super().__array_function__(func, types, args, kwargs))


def analytic(x: Array) -> Analytic:
    """Return an array of real or complex numbers as such an array."""
    return x.astype(np.complex128).view(Analytic)


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, Analytic) else x


def _analytic(x: Any) -> Any:
    if isinstance(x, np.complexfloating):  # of a scalar, too: |x| may follow
        x = np.asarray(x)
    return x.view(Analytic) if isinstance(x, np.ndarray) and x.dtype.kind == "c" else x
