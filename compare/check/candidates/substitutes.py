"""What may be done in the place of an operation."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch.utils._pytree import tree_map

from compare.check.recording import Args, At, Change, Operation, Run, Value
from compare.check.replay import Tensor

OTHERS = {  # taken for each other
    "add": ["sub"],
    "sub": ["add"],
    "rsub": ["add"],
    "mul": ["div"],
    "div": ["mul"],
    "exp": ["exp2", "expm1"],
    "log": ["log2", "log10", "log1p"],
    "sqrt": ["square"],
    "rsqrt": ["sqrt", "reciprocal"],
    "tanh": ["sigmoid"],
    "sigmoid": ["tanh"],
    "relu": ["abs"],
    "amax": ["amin"],
    "maximum": ["minimum"],
    "minimum": ["maximum"],
}
UNARY = ("exp", "sigmoid", "tanh", "relu", "log", "sqrt")
UNARY_OTHERS = {other for name in (*UNARY, "rsqrt") for other in OTHERS[name]}
DERIVATIVES: dict[str, Callable[[Tensor], Tensor]] = {
    "y (1 − y)": lambda y: y * (1 - y),
    "1 − y²": lambda y: 1 - y * y,
    "y²": lambda y: y * y,
    "y": lambda y: y,
    "1 − y": lambda y: 1 - y,
    "y > 0": lambda y: (y > 0).to(y.dtype),
    "(1 − y)²": lambda y: (1 - y) ** 2,
    "1 − f(y)²": lambda y: 1 - torch.tanh(y) ** 2,
}


def with_derivative(by: Callable[[Tensor], Tensor]) -> Change:
    """Return the change to another derivative, given the result; the result stays."""

    def change(run: Run, args: Args, at: At) -> Any:
        y = run(*args).detach()
        return y + (args[0] - args[0].detach()) * by(y)

    return change


def with_operand(operation: Operation, i: int, operand: Any) -> Operation:
    """Return an operation with something else as its operand number i."""
    args = tuple(operand if j == i else x for j, x in enumerate(operation.args))
    return replace(operation, args=args)


def sign_of(name: str, operand: int) -> int:
    """Return the sign with which an operation has an operand: a − b has −b."""
    return -1 if (name, operand) in (("sub", 1), ("rsub", 0), ("neg", 0)) else 1


def keeping(name: str, operand: int) -> Change:
    """Return the change of an operation to one of its operands, with its sign."""
    sign = sign_of(name, operand)
    return lambda run, args, at: _like(sign * args[operand], run(*args))


def _like(x: Tensor, result: Tensor) -> Tensor:
    return x if x.shape == result.shape else x.expand_as(result)


def other_operation(name: str) -> Run:
    """Return an operation of torch, in place of one with the same operands."""
    function = getattr(torch, name)
    if name in UNARY_OTHERS:
        return lambda x, *_: function(x)
    return lambda *args: function(*args)


def with_operation(other: Run) -> Change:
    """Return the change to another operation with the same operands."""
    return lambda run, args, at: _like(other(*args), run(*args))


def constant(run: Run, args: Args, at: At) -> Any:
    """Take a result for a constant: it has no derivative."""
    return tree_map(torch.detach, run(*args))


def holding(part: int) -> Change:
    """Return the change that takes one of several results for a constant."""
    return lambda run, args, at: tuple(
        x.detach() if i == part else x for i, x in enumerate(run(*args))
    )


def alone(change: Change) -> Change:
    """Return a change of the derivative, with the value as it was."""

    def alone(run: Run, args: Args, at: At) -> Any:
        changed = change(run, args, at)
        return changed + (run(*args) - changed).detach()

    return alone


def taking_result(value: Value) -> Change:
    """Return the change of an operation to a value that was there before."""
    return lambda run, args, at: _like(at(value), run(*args))


def taking(operand: int, value: Value) -> Change:
    """Return the change that gives an operation another operand."""

    def change(run: Run, args: Args, at: At) -> Any:
        other = at(value).expand_as(args[operand])
        return run(*(other if i == operand else x for i, x in enumerate(args)))

    return change


def replaced(operation: Operation, operations: list[Operation]) -> Iterator[tuple[str, Change]]:
    """Yield what one operation is taken for, in words, and the change."""
    name, args = operation.name, operation.args
    if name in ("var", "var_mean"):
        yield "the variance is over one entry less", _with_correction(name, 1)
        yield "the variance is over all entries", _with_correction(name, 0)
    if name in UNARY:
        for say, factor in (("twice", 2), ("half", 0.5), ("minus", -1)):
            yield f"{name} is of {say} its operand", _scaling(factor)
        yield f"{name} is applied twice", lambda run, args, at: run(run(*args))
    if name in ("sum", "mean", "amax"):
        yield from _over_other_axes(name)
    if name in ("t", "transpose", "permute"):
        yield "its operand is reshaped, not transposed", _reshaping
    if name in ("sqrt", "rsqrt") and isinstance(args[0], Value) and args[0].number >= 0:
        inner = operations[args[0].number]
        if inner.name == "add" and isinstance(inner.args[1], float):
            power = -1 if name == "rsqrt" else 1
            outside = _outside(inner.args[0], inner.args[1], power=power)
            yield f"{inner.args[1]:g} stands outside of the root", outside


def _reshaping(run: Run, args: Args, at: At) -> Any:
    return args[0].reshape(run(*args).shape)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "largest": torch.amax,
}


def _over_other_axes(name: str) -> Iterator[tuple[str, Change]]:
    own = {"amax": "largest"}.get(name, name)
    for say, reduce in REDUCTIONS.items():
        if say != own:
            yield f"the {say} is taken, not the {own}", _reducing(reduce, None)
        yield f"the {say} is over everything", _reducing(reduce, ())
        for axis in range(4):
            yield f"the {say} is along axis {axis}", _reducing(reduce, (axis,))


def _reducing(reduce: Callable[..., Any], axes: tuple[int, ...] | None) -> Change:
    """Return a change to another reduction, over other axes, in the shape that it had if it can."""

    def change(run: Run, args: Args, at: At) -> Any:
        x, like = args[0], run(*args)
        over = (args[1] if len(args) > 1 else None) if axes is None else axes
        over = tuple(range(x.ndim)) if not over else tuple(over)
        kept = reduce(x, over, keepdim=True)
        if kept.numel() == like.numel():
            return kept.reshape(like.shape)
        if like.ndim < x.ndim and kept.numel() > 1:
            kept = kept.reshape([n for i, n in enumerate(kept.shape) if i not in over])
        return kept.expand_as(like) if kept.numel() == 1 else kept

    return change


def _scaling(factor: float) -> Change:
    return lambda run, args, at: run(factor * args[0], *args[1:])


def _outside(of: Value, eps: float, *, power: int) -> Change:
    """Return the change of √(v + eps) to √v + eps."""
    return lambda run, args, at: (at(of).sqrt() + eps) ** power


def _with_correction(name: str, correction: int) -> Change:
    """Return a variance of another divisor: the count of entries less the correction."""

    def change(run: Run, args: Args, at: At) -> Any:
        x, axes, like = args[0], args[1], run(*args)
        first = like[0] if isinstance(like, tuple) else like
        return getattr(torch, name)(x, axes, correction=correction, keepdim=first.ndim == x.ndim)

    return change
