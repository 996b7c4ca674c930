"""What a torch function comes to when one operation is another, is left out, or is a constant.

Most mistakes in a derivative are an operation that is missing, or a part of it that is taken for a
constant. The operations are those of its forward pass, fused ones decomposed, and then those of the
derivative.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from compare.check.failures import Candidate, Failure, Mistake
from compare.check.reference import DY, Reference
from compare.check.replay import Replay, Tensor
from compare.check.tape import Args, At, Change, Operation, Run, Tape, Value
from compare.sides.interface import Array, Shape

MOST = 80  # operations that are changed in turn
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
    "relu": ["abs", "leaky_relu", "elu"],
    "amax": ["amin"],
    "maximum": ["minimum"],
    "sum": ["sum"],  # over everything
}
EPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)  # that people add to a divisor


def rewritten(failure: Failure, reference: Reference) -> Iterator[Candidate]:
    """Yield each change of one operation, with what the result is then."""
    backward = failure.tensor != reference.value
    tapes: dict[tuple[Shape, ...], Tape] = {}

    def taped(f: Failure) -> Tape:
        shapes = tuple(x.shape for x in f.operands.values())
        if shapes not in tapes:
            tensors = [torch.tensor(f.operands[name]) for name in _names(f)]
            tapes[shapes] = Tape(lambda *x: _called(reference, f, x), tensors)
        return tapes[shapes]

    def when(number: int, change: Change) -> Mistake:
        def wrong(f: Failure) -> Array:
            def other(**x: Tensor) -> Tensor:
                return taped(f).again([x[name] for name in _names(f)], number, change)

            return Reference(other, reference.value).results(f.operands, "float64")[f.tensor]

        return wrong

    operations = taped(failure).operations[:MOST]
    labels = [_label(operation) for operation in operations]
    for number, operation in enumerate(operations):
        label = labels[number]
        place = f", number {labels[: number + 1].count(label)}," if labels.count(label) > 1 else ""
        which = f"it is as if its {label}{place}"
        values = operation.values
        left_out = "were left out" if len(values) == 1 else "lacked an operand"
        changes = {left_out: [_keeping(operation.name, i) for i in values]}
        changes |= _replaced(operation, operations)
        if backward:
            yield f"{which} were a constant", when(number, _constant)
            for i in values if len(values) > 1 else ():
                yield f"{which} had a constant for operand {i + 1}", when(number, _holding(i))
            if operation.name == "var_mean":
                for part, what in enumerate(("variance", "mean")):
                    yield f"{which} had a constant {what}", when(number, _holding_part(part))
        for say, made in changes.items():
            for change in made:
                if backward:
                    yield (
                        f"{which} {say} in the derivative",
                        when(number, _derivative_alone(change)),
                    )
                yield f"{which} {say}", when(number, change)
        for i, value in values.items() if backward else ():
            if value.number < 0:
                continue
            before = operations[value.number]
            lacks = "were left out" if len(before.values) == 1 else "lacked an operand"
            where = f"where its {label}{place} is differentiated"
            for operand in before.values.values():
                say = f"it is as if {_label(before)} {lacks} {where}"
                yield say, when(number, _derivative_alone(_taking(i, operand)))
    if backward:
        yield from _in_the_derivative(failure, reference)


def _called(reference: Reference, failure: Failure, x: tuple[Tensor, ...]) -> Tensor:
    result: Tensor = reference.function(**dict(zip(_names(failure), x, strict=True)))
    return result


def _names(failure: Failure) -> list[str]:
    return [name for name in failure.operands if name != DY]


def _label(operation: Operation) -> str:
    """Return what an operation is called, with its number: "exp", "add 1e-05"."""
    numbers = [f" {x:g}" for x in operation.args[1:] if isinstance(x, float) or type(x) is int]
    return operation.name + "".join(numbers if operation.name in (*OTHERS, "pow") else [])


def _in_the_derivative(failure: Failure, reference: Reference) -> Iterator[Candidate]:
    """Yield what the derivative is when one of its operations is another, or left out."""

    def when(number: int, instead: Run) -> Mistake:
        return lambda f: reference.results(
            f.operands, "float64", Replay(instead=(number, instead))
        )[f.tensor]

    clean = Replay()
    reference.results(failure.operands, "float64", clean)
    for number, (name, operands) in enumerate(clean.steps[:MOST]):
        where = "its derivative" if number >= clean.forward else "what its derivative is taken at"
        what = f"one {name}" if len(operands) == 1 else f"one operand of a {name}"
        for operand in operands:
            left_out = f"it is as if {what} were left out of {where}"
            yield left_out, when(number, _operand(name, operand))
        for other in OTHERS.get(name, []):
            taken = f"it is as if one {name} of {where} were {_said(other)}"
            yield taken, when(number, _other(other))


def _operand(name: str, operand: int) -> Run:
    """Return what leaves one operand of an operation: of a − b it is −b."""
    sign = -1 if (name, operand) in (("sub", 1), ("rsub", 0)) else 1
    return lambda *args, **kwargs: sign * args[operand]


def _other(name: str) -> Run:
    """Return an operation of torch, in place of one with the same operands."""
    function = getattr(torch, name, None) or getattr(torch.nn.functional, name)
    if name in ("add", "sub", "mul", "div"):
        return lambda *args, **_: function(*args)
    return lambda x, *_, **__: function(x)


def _said(name: str) -> str:
    return "over everything" if name == "sum" else name


def _constant(run: Run, args: Args, at: At) -> Any:
    return tree_map(torch.detach, run(*args))


def _holding(operand: int) -> Change:
    return lambda run, args, at: run(
        *(x.detach() if i == operand else x for i, x in enumerate(args))
    )


def _holding_part(part: int) -> Change:
    return lambda run, args, at: tuple(
        x.detach() if i == part else x for i, x in enumerate(run(*args))
    )


def _keeping(name: str, operand: int) -> Change:
    left = _operand(name, operand)
    return lambda run, args, at: left(*args).expand_as(run(*args))


def _taking(operand: int, value: Value) -> Change:
    """Return the change that gives an operation another operand."""

    def change(run: Run, args: Args, at: At) -> Any:
        other = at(value).expand_as(args[operand])
        return run(*(other if i == operand else x for i, x in enumerate(args)))

    return change


def _derivative_alone(change: Change) -> Change:
    """Return a change of the derivative, with the value as it was."""

    def alone(run: Run, args: Args, at: At) -> Any:
        changed = change(run, args, at)
        return changed + (run(*args) - changed).detach()

    return alone


def _replaced(operation: Operation, operations: list[Operation]) -> dict[str, list[Change]]:
    """Return the operations that one is taken for."""
    name, args = operation.name, operation.args
    others = {f"were {_said(x)}": [_with(_other(x))] for x in OTHERS.get(name, [])}
    if name in ("var", "var_mean"):
        others["were over one entry less"] = [_with_correction(name, 1)]
        others["were over all entries"] = [_with_correction(name, 0)]
    if name in ("exp", "sigmoid", "tanh"):
        for say, factor in (("twice", 2), ("half", 0.5), ("minus", -1)):
            others[f"were of {say} its operand"] = [_scaled(factor)]
    if name == "add" and isinstance(args[1], float):
        for eps in EPS:
            others[f"were add {eps:g}"] = [_with(partial(_plus, eps))]
    if name in ("sqrt", "rsqrt") and args[0].number >= 0:
        inner = operations[args[0].number]
        if inner.name == "add" and isinstance(inner.args[1], float):
            outside = _outside(inner.args[0], inner.args[1], power=-1 if name == "rsqrt" else 1)
            others["had its eps outside of the root"] = [outside]
    return others


def _plus(eps: float, x: Tensor, *_: Any) -> Tensor:
    return x + eps


def _scaled(factor: float) -> Change:
    return lambda run, args, at: run(factor * args[0], *args[1:])


def _outside(of: Value, eps: float, *, power: int) -> Change:
    """Return the change of √(v + eps) to √v + eps."""
    return lambda run, args, at: (at(of).sqrt() + eps) ** power


def _with(other: Run) -> Change:
    return lambda run, args, at: other(*args).expand_as(run(*args))


def _with_correction(name: str, correction: int) -> Change:
    """Return a variance of another divisor: the count of entries less the correction."""

    def change(run: Run, args: Args, at: At) -> Any:
        x, axes, like = args[0], args[1], tree_leaves(run(*args))[0]
        keepdim = like.ndim == x.ndim
        return getattr(torch, name)(x, axes, correction=correction, keepdim=keepdim)

    return change
