"""The replay of a torch function in float64 with noise of rounding size after every operation.

How far rounding may carry a function has no useful bound (the proved ones are thousands of times
too wide), so it is measured. Below autograd every operation passes through a dispatch mode. Fused
ones are decomposed, and each result gets a normal error as large as the rounding of a good float32
or float64 implementation would be. The table says which operation gets what.

Noise moves no decision: which entry a maximum takes, on which side of zero a ReLU's operand lies.
These are recorded, so that a caller can draw other operands where they differ from replay to
replay.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode

from compare.errors import UserError
from compare.sides import first_calls  # noqa: F401 - before torch computes

Tensor = torch.Tensor

# In a sum of k equal terms, added in order, the roundings do not average out: within one power of
# two each is the same, of any size up to half a unit, and so they make up to k/2 · u · the sum. The
# allowance is 12 deviations, and 12 / 24 is a half.
CORRELATED = 24


def names(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# Results without rounding: views, copies, selections, new tensors, logic, changes of the sign.
UNROUNDED = names(
    """
    _local_scalar_dense _to_copy _unsafe_view amax amin arange as_strided bitwise_and
    bitwise_not bitwise_or bitwise_xor broadcast_in_dim cat clone constant_pad_nd copy detach
    diagonal diagonal_backward embedding empty empty_like expand fill flip full full_like gather
    im2col index index_select isinf isnan lift_fresh logical_and logical_not logical_or
    logical_xor masked_fill max min narrow neg new_empty_strided new_full new_ones new_zeros
    ones ones_like permute real repeat roll scalar_tensor scatter select select_backward slice
    slice_backward split squeeze stack t transpose tril triu unbind unsafe_split unsqueeze
    upsample_nearest2d view where zero zeros zeros_like
    """
)
# Unrounded, too, but they decide something: an order, a sign, a side of a threshold.
BRANCHES = names(
    """
    abs argmax argmin ceil clamp clamp_max clamp_min eq floor ge gt le lt
    max_pool2d_with_indices maximum minimum ne relu round sgn sign sort topk trunc
    """
)
# One rounding of each operand and one of the result.
ENTRYWISE = names(
    """
    acos add asin atan atan2 cos cosh digamma div erf erfc erfinv exp exp2 expm1 fmod lgamma log
    log10 log1p log2 logaddexp mul pow reciprocal remainder rsqrt rsub sigmoid sin sinh sqrt sub
    tan tanh xlogy
    """
)


def _kernel(x: Tensor, size: Any, *_: Any) -> int:
    """Return the entries of a window; `size` may hold one number for both edges."""
    first, second = (*size, *size)[:2]
    return int(first * second)


def _convolution(x: Tensor, weight: Tensor, *rest: Any) -> int:
    transposed = rest[4]
    return weight.numel() // weight.shape[1 if transposed else 0]


def _convolution_backward(dy: Tensor, x: Tensor, weight: Tensor, *rest: Any) -> list[int]:
    """Return the length of the sum of each gradient: the input's, the weight's, the bias's."""
    transposed = rest[4]
    over = x if transposed else dy
    return [
        weight.numel() // weight.shape[0 if transposed else 1],
        over.numel() // over.shape[1],
        dy.numel() // dy.shape[1],
    ]


# Sums of products, and the number of terms of each entry of a result.
SUMS: dict[str, Callable[..., Any]] = {
    "mm": lambda a, b: a.shape[-1],
    "bmm": lambda a, b: a.shape[-1],
    "convolution": _convolution,
    "convolution_backward": _convolution_backward,
    "sum": lambda x, *_, **__: x.numel(),
    "mean": lambda x, *_, **__: x.numel(),
    "prod": lambda x, *_, **__: x.numel(),
    "cumsum": lambda x, axis, **_: x.shape[axis] if x.ndim else 1,
    "cumprod": lambda x, axis, **_: x.shape[axis] if x.ndim else 1,
    "avg_pool2d": _kernel,
    "avg_pool2d_backward": lambda dy, x, size, *_: _kernel(x, size),
    "_adaptive_avg_pool2d": lambda x, *_: x.numel(),
    "_adaptive_avg_pool2d_backward": lambda dy, x: dy.numel(),
    "max_pool2d_with_indices_backward": lambda dy, x, size, *_: _kernel(x, size),
    "upsample_nearest2d_backward": lambda dy, *_: dy[0, 0].numel(),
    "col2im": lambda x, size, kernel, *_: _kernel(x, kernel),
    "embedding_dense_backward": lambda dy, indices, *_: indices.numel(),
    "scatter_add": lambda x, axis, indices, values: indices.numel(),
    "index_add": lambda x, axis, indices, values, **_: indices.numel(),
    "index_put": lambda x, indices, values, *_: values.numel(),
}
REDUCED = ("sum", "mean", "prod")  # the terms of each entry: so many of the operand per result


def _softplus(x: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    return torch.logaddexp(x * beta, torch.zeros((), dtype=x.dtype)) / beta


def _softplus_backward(dy: Tensor, x: Tensor, beta: float, threshold: float) -> Tensor:
    return dy * torch.sigmoid(x * beta)


def _variance(x: Tensor, axes: list[int], correction: float = 1, **_: Any) -> Tensor:
    centred = x - x.mean(axes, keepdim=True)
    total = (centred * centred).sum(axes)
    return total / (x.numel() / total.numel() - correction)


# What torch does not decompose; and softplus without its approximation, which leaves out e⁻ˣ above
# a threshold.
OURS: dict[str, Callable[..., Any]] = {
    "aten::softplus": _softplus,
    "aten::softplus_backward": _softplus_backward,
    "prims::var": _variance,
}


class Replay(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What happens within it is replayed with noise of `unit`, or without where that is zero.

    `masks` are what the ReLUs let through, in the order in which they come; `instead` is the number
    of an operation, and what to do in its place. `branches` has what was
    decided, `steps` each operation by name with those operands that can stand in its place; the
    first `forward` of them are not of the derivative. Raises `UserError` for an operation that is
    not in the table, or one that is random.
    """

    def __init__(
        self,
        unit: float = 0.0,
        seed: int = 0,
        *,
        masks: Iterator[Tensor] | None = None,
        instead: tuple[int, Callable[..., Tensor]] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.unit, self.masks, self.instead = unit, masks, instead
        self.random = np.random.default_rng(seed)  # torch's draws depend on the processor
        self.branches: list[Tensor] = []
        self.steps: list[tuple[str, list[int]]] = []
        self.forward = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: or else the first operation imports torch's compiler, for two seconds."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do one operation, or those that it is made of."""
        kwargs, name = kwargs or {}, func.overloadpacket.__name__
        if name.endswith("_") and func._schema.is_mutable:
            functional = getattr(getattr(torch.ops.aten, name[:-1], None), func._overloadname, None)
            if functional is not None and torch.Tag.nondeterministic_seeded not in func.tags:
                return args[0].copy_(self.__torch_dispatch__(functional, types, args, kwargs))
        number = len(self.steps)
        self.steps.append((name, []))
        result = self._do(func, name, args, kwargs)
        if isinstance(result, Tensor) and result.is_floating_point() and name not in UNROUNDED:
            like = [i for i, arg in enumerate(args) if _spreads(arg, result)]
            self.steps[number] = name, like
            if self.instead and self.instead[0] == number:
                return self.instead[1](*args, **kwargs).expand_as(result).clone()
        return result

    def _do(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name == "relu" and self.masks is not None:
            (x,), mask = args, next(self.masks)
            # Above zero where the mask lets through: its backward asks the result.
            return torch.where(mask, x.clamp(min=torch.finfo(x.dtype).tiny), 0)
        if name in UNROUNDED:
            return func(*args, **kwargs)
        if name in BRANCHES:
            result = func(*args, **kwargs)
            self._record(result, args)
            return result
        if name in ENTRYWISE:
            return self._entrywise(func, args, kwargs)
        if name in SUMS:
            return self._summed(func, name, args, kwargs)
        parts = OURS.get(func.name()) or decomposition_table.get(func)
        if parts or func._can_decompose():
            with self:
                return (parts or func.decompose)(*args, **kwargs)
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise UserError(
                f"the reference draws random numbers ({name}); draw them outside, and hand them in "
                "as an operand"
            )
        raise UserError(
            f"the reference uses {func.name()}, of whose rounding nothing is known; "
            "write it with other operations of torch"
        )

    def _record(self, result: Any, args: tuple[Any, ...]) -> None:
        for part in result if isinstance(result, tuple | list) else (result,):
            if not part.is_floating_point():
                self.branches.append(part)
                continue
            self.branches.append(part.sign())
            for arg in args:
                if _spreads(arg, part):
                    self.branches.append((part - arg).sign())

    def _entrywise(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        noisy = func(*map(self._relative, args), **kwargs)
        if self.unit and not noisy.isfinite().all():  # the noise may have left the domain
            clean = func(*args, **kwargs)
            noisy = torch.where(noisy.isfinite(), noisy, clean)
        return self._relative(noisy)

    def _summed(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = func(*args, **kwargs)
        if not self.unit:
            return result
        sizes = func(*map(_absolute, args), **kwargs)
        terms = SUMS[name](*args, **kwargs)
        if not isinstance(result, tuple):
            if name in REDUCED:
                terms = terms // max(result.numel(), 1)
            return self._spread(result, sizes, terms)
        return tuple(
            part if part is None else self._spread(part, *of)
            for part, *of in zip(result, sizes, terms, strict=True)
        )

    def _relative(self, x: Any) -> Any:
        if not self.unit or not isinstance(x, Tensor) or not x.is_floating_point():
            return x
        return x * (1 + self.unit * self._normal(x))

    def _spread(self, result: Tensor, size: Tensor, terms: int) -> Tensor:
        if not result.is_floating_point():
            return result
        spread = self.unit * ((1 + terms) ** 0.5 + terms / CORRELATED)
        noisy: Tensor = result + spread * size * self._normal(result)
        return noisy

    def _normal(self, like: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(self.random.standard_normal(like.shape))).to(like.dtype)


def _absolute(x: Any) -> Any:
    return x.abs() if isinstance(x, Tensor) and x.is_floating_point() else x


def _spreads(arg: Any, result: Tensor) -> bool:
    """Whether an operand is of a result's shape, or becomes it by broadcasting."""
    if not isinstance(arg, Tensor) or not arg.is_floating_point() or arg.ndim > result.ndim:
        return False
    shape = result.shape[result.ndim - arg.ndim :]
    return all(a in (1, b) for a, b in zip(arg.shape, shape, strict=True))
