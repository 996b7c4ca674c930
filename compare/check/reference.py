"""A torch function as the reference: its value, its gradients, and how far rounding may carry them.

The truth is torch in float64. An entry may be off by

    12 · (dev + max(0.1 · rms(dev), 0.1 · u · rms(true))) + 8 · the smallest normal number

where dev is the entry's largest deviation over some replays. Why so: a right implementation rounds
about as often as the replay does, in another order, and rarely comes out beyond 1 of its standard
deviations. The largest of six normal draws is below 1/12 of its deviation once in 4 million
entries; the second term is for those, and for what the replay has without noise. The last one is
for what underflows.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from compare.check.bounds import norm, unit_roundoff
from compare.check.replay import Replay, Tensor
from compare.errors import UserError, told
from compare.sides.interface import Array

Operands = Mapping[str, Array]

REPLAYS = 6
DEVIATIONS = 12.0
SHARE = 0.1  # of the whole tensor's deviation, that every entry may have
UNDERFLOW = 8.0  # smallest normal numbers
FINEST = 2.0**-40  # finer noise would drown in the replay's own roundings; it is scaled down
VALUE = "y"  # the function's own result, among those of its gradients
DY = "dy"  # the gradient of it, which backward is given


def gradient_of(operand: str) -> str:
    """Return what the gradient of an operand is called."""
    return f"d{operand}"


@dataclass(frozen=True)
class Truth:
    """What is true of one set of operands in one dtype, by result, and how far off one may be.

    `judged` says which entries can be: torch's own result is finite there, in that dtype too.
    """

    true: dict[str, Array]
    allowed: dict[str, Array]
    judged: dict[str, Array]


class Reference:
    """A torch function of named tensors; `value` is what its result is called."""

    def __init__(self, function: Callable[..., Any], value: str = VALUE) -> None:
        self.function, self.value = function, value

    def results(
        self, operands: Operands, dtype: str, mode: Replay | None = None
    ) -> dict[str, Array]:
        """Return value and gradients, of operands and `DY`, in a dtype; as float64.

        Without `DY` the value alone. Raises `UserError` for whatever the reference does wrong.
        """
        tensors = {name: _tensor(x, dtype) for name, x in operands.items() if name != DY}
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), mode or nullcontext():
            y = self._value(tensors)
            found = {self.value: y}
            if mode:
                mode.forward = len(mode.steps)
            if DY in operands and y.requires_grad:
                dy = torch.tensor(operands[DY]).to(y.dtype)
                leaves = {name: x for name, x in tensors.items() if x.requires_grad}
                with _told("'s backward"):
                    gradients = torch.autograd.grad(
                        y, list(leaves.values()), dy, allow_unused=True, materialize_grads=True
                    )
                found |= {
                    gradient_of(name): gradient
                    for name, gradient in zip(leaves, gradients, strict=True)
                }
        return {name: x.detach().to(torch.float64).numpy() for name, x in found.items()}

    def order(self, operands: Operands) -> list[str]:
        """Return the gradients in the order in which autograd, going backward, completes them."""
        tensors = {name: _tensor(x, "float64") for name, x in operands.items() if name != DY}
        came: list[str] = []
        for name, tensor in tensors.items():
            if tensor.requires_grad:
                note: Any = partial(_noted, came, gradient_of(name))
                tensor.register_hook(note)  # type: ignore[no-untyped-call]
        with torch.enable_grad():
            y = self._value(tensors).sum()
            if y.requires_grad:
                leaves = [x for x in tensors.values() if x.requires_grad]
                torch.autograd.grad(y, leaves, allow_unused=True)
        return came

    def truth(self, operands: Operands, dtype: str, seed: int) -> Truth | None:
        """Return what is true of operands, or None where rounding may decide a branch."""
        true = self.results(operands, "float64")
        clean = Replay()
        own = self.results(operands, "float64", clean)
        unit = unit_roundoff(dtype)
        size = max(unit, FINEST)
        off = {name: np.zeros_like(value) for name, value in true.items()}
        with np.errstate(all="ignore"):  # of what is not finite, and not judged
            for number in range(REPLAYS):
                noisy = Replay(size, seed + number)
                replayed = self.results(operands, "float64", noisy)
                if not _same(clean.branches, noisy.branches):
                    return None
                for name, value in replayed.items():
                    deviation = np.abs(value - own[name]) * (unit / size)
                    off[name] = np.fmax(off[name], deviation)
            narrow = true if dtype == "float64" else self.results(operands, dtype)
            allowed, judged = {}, {}
            for name, value in true.items():
                judged[name] = np.isfinite(value) & np.isfinite(narrow[name])
                for other in (narrow[name], own[name]):
                    off[name] = np.fmax(off[name], np.abs(other - value))
                judged[name] &= np.isfinite(off[name])
                allowed[name] = _allowed(value, off[name], judged[name], dtype)
        return Truth(true, allowed, judged)

    def _value(self, tensors: dict[str, Tensor]) -> Tensor:
        with _told():
            y = self.function(**tensors)
        if not isinstance(y, torch.Tensor) or not y.is_floating_point():
            found = y.dtype if isinstance(y, torch.Tensor) else type(y).__name__
            raise UserError(f"the reference returned {found}, not a tensor of real numbers")
        return y


def _noted(came: list[str], name: str, _: Tensor) -> None:
    came.append(name)


def _allowed(true: Array, off: Array, judged: Array, dtype: str) -> Array:
    unit, tiny = unit_roundoff(dtype), float(np.finfo(dtype).tiny)
    whole = max(_rms(off[judged]), unit * _rms(true[judged]))
    allowed: Array = DEVIATIONS * (off + SHARE * whole) + UNDERFLOW * tiny
    return allowed


def _rms(x: Array) -> float:
    return norm(x) / math.sqrt(max(x.size, 1))


def _tensor(x: Array, dtype: str) -> Tensor:
    if x.dtype.kind != "f":
        return torch.tensor(x)
    return torch.tensor(x.astype(dtype), requires_grad=True)


def _same(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(map(torch.equal, a, b))


@contextmanager
def _told(part: str = "") -> Iterator[None]:
    """Turn what the reference raises into a `UserError` of one line."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise UserError(f"the reference{part} {told(error)}") from None
