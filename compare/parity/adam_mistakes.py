"""What kind of mistake a wrong step of Adam is: the step as it would be with each of the known ones, by the formula."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from compare.experiment.config import Config
from compare.parity.side import Array, Grads, State
from compare.parity.signature import signature


class _Slot(NamedTuple):
    """One parameter before the step, its moments, its gradient (any shape, one wide dtype), and the step's number."""

    p: Array
    m: Array
    v: Array
    g: Array
    t: int


def _moment(beta: float, moment: Array, new: Array) -> Array:
    mean: Array = beta * moment + (1 - beta) * new
    return mean


def _moments(s: _Slot, c: Config) -> tuple[Array, Array]:
    return _moment(c.beta1, s.m, s.g), _moment(c.beta2, s.v, s.g * s.g)


def _moved(s: _Slot, c: Config, t1: float, t2: float, *, before: float = 0.0, inside: float = 0.0) -> Array:
    """Return the parameter after a step with corrections 1 − β₁^t1 and 1 − β₂^t2, and eps, also, elsewhere."""
    m, v = _moments(s, c)
    correction1, correction2 = 1 - c.beta1**t1, 1 - c.beta2**t2
    eps = 0.0 if before or inside else c.eps
    root = np.sqrt(v / correction2 + inside) + before / np.sqrt(correction2) + eps
    moved: Array = s.p - c.lr * m / correction1 / root
    return moved


def _stale(s: _Slot, c: Config) -> Array:
    _, v = _moments(s, c)
    return s.p - c.lr * s.m / (1 - c.beta1**s.t) / (np.sqrt(v / (1 - c.beta2**s.t)) + c.eps)


NEVER = np.inf  # a step so late that nothing is left to correct

PARAMETER: Mapping[str, Callable[[_Slot, Config], Array]] = {
    "eps stands inside the root": lambda s, c: _moved(s, c, s.t, s.t, inside=c.eps),
    "eps is added before the bias correction": lambda s, c: _moved(s, c, s.t, s.t, before=c.eps),
    "there is no bias correction": lambda s, c: _moved(s, c, NEVER, NEVER),
    "the first moment's bias is not corrected": lambda s, c: _moved(s, c, NEVER, s.t),
    "the second moment's bias is not corrected": lambda s, c: _moved(s, c, s.t, NEVER),
    "the bias is corrected for one step too many": lambda s, c: _moved(s, c, s.t + 1, s.t + 1),
    "the bias is always corrected as at the first step": lambda s, c: _moved(s, c, 1, 1),
    "the moment is used before its update": _stale,
    "the step goes the wrong way": lambda s, c: 2 * s.p - _moved(s, c, s.t, s.t),
    "it did not move": lambda s, c: s.p,
}
FIRST: Mapping[str, Callable[[_Slot, Config], Array]] = {
    "β₂ stands where β₁ should": lambda s, c: _moment(c.beta2, s.m, s.g),
    "the gradient is clipped to ±1": lambda s, c: _moment(c.beta1, s.m, np.clip(s.g, -1, 1)),
    "β and 1 − β are swapped": lambda s, c: _moment(1 - c.beta1, s.m, s.g),
    "the gradient is not weighted by 1 − β₁": lambda s, c: c.beta1 * s.m + s.g,
}
SECOND: Mapping[str, Callable[[_Slot, Config], Array]] = {
    "β₁ stands where β₂ should": lambda s, c: _moment(c.beta1, s.v, s.g * s.g),
    "the gradient is not squared": lambda s, c: _moment(c.beta2, s.v, np.abs(s.g)),
    "β and 1 − β are swapped": lambda s, c: _moment(1 - c.beta2, s.v, s.g * s.g),
    "the gradient is not weighted by 1 − β₂": lambda s, c: c.beta2 * s.v + s.g * s.g,
}
OF_TENSOR = {"param": PARAMETER, "adam.exp_avg": FIRST, "adam.exp_avg_sq": SECOND}


def detail(tensor: str, before: State, after: State, true: Array, grads: Grads, config: Config) -> str:
    """Say what is wrong with one tensor after one step, or nothing."""
    if tensor not in after:
        return ""
    tensor_kind, _, name = tensor.partition("/")
    p, m, v = (before[f"{kind}/{name}"].astype(true.dtype) for kind in OF_TENSOR)
    slot = _Slot(p, m, v, grads[name].astype(true.dtype), int(before["adam.step"]) + 1)
    candidates = ((say, make(slot, config)) for say, make in OF_TENSOR[tensor_kind].items())
    added = {"the parameter": p} if tensor_kind == "param" else {}
    return signature(after[tensor], true, candidates, added)
