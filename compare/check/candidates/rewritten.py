"""What a reference comes to when one of its operations is another, is left out, or is a constant.

Most mistakes in a derivative are an operation that is missing, a part of it that is taken for a
constant, a sign, a number. Each is told by its formulas: what stands where something else should.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from torch.utils._pytree import tree_map

from compare.check.candidates.rewriting import Place, Rewriting, Some
from compare.check.candidates.search import part_factor, words
from compare.check.candidates.substitutes import (
    DERIVATIVES,
    OTHERS,
    UNARY,
    alone,
    constant,
    holding,
    keeping,
    other_operation,
    replaced,
    sign_of,
    taking,
    taking_result,
    with_derivative,
    with_operand,
    with_operation,
)
from compare.check.failures import Candidate, Failure, Mistake
from compare.check.formulas import Formulas
from compare.check.recording import Operation, Recording, Value
from compare.check.replay import Tensor

ANCESTORS = 3  # how many operations may be left out at once
EXCHANGED = ("mm", "bmm", "mul", "where", "gt", "le", "lt", "ge")  # with other values as operands
NUMBERED = ("add", "sub", "rsub", "mul", "div", "pow")
STEPS, STEP = 8, 1e-6  # of Newton's method for a number, and of its difference, as parts of it
FOUND = 1e-9  # a step as small as this part of the number ends the search
DIGITS = 1e-7  # a number is told in the fewest digits that have it to within this part
EPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)  # that people add to a divisor


def rewritten(failures: list[Failure], rewriting: Rewriting) -> Iterator[Candidate]:
    """Yield each change of one operation, with what the result is then."""
    first = failures[0]
    backward = first.tensor != rewriting.reference.value
    recording = rewriting.recording(first)
    formulas = Formulas(recording, rewriting.reference.value)
    own, every = (
        range(recording.forward),
        range(len(recording.operations) if backward else recording.forward),
    )
    passes = [(some, every, False) for some in (_changes, _scaled, _numbers)]
    if backward:
        more = [(some, own, True) for some in (_changes, _scaled, _numbers)]
        passes = [(_constants, own, True), *passes, *more]
    passes.append((_others, every[recording.forward :] if backward else own, False))
    for some, numbers, derived in passes:
        for number in numbers:
            if rewriting.left < 0:
                return
            place = Place(rewriting, first, number, derived)
            made = partial(some, place, formulas, failures)
            shared = some not in (_scaled, _numbers)
            key = some.__name__, number, derived
            for say, mistake in rewriting.listed(first, key, made) if shared else made():
                yield partial(_said, say, place, recording, backward=backward), mistake


def _said(
    say: str | Callable[[], str], place: Place, recording: Recording, *, backward: bool
) -> str:
    said = words(say)
    if not backward or said.startswith("it is as if"):
        return said
    if place.derived:
        return f"it is the derivative of something else: there, {said}"
    if place.number >= recording.forward:
        return f"in the derivative, {said}"
    return f"where the derivative is taken, {said}"


def _in(say: str, formulas: Formulas, operation: Operation) -> str:
    return f"{say}, in {formulas.said(operation)}"


def _as_constant(formulas: Formulas, operation: Operation) -> str:
    return f"it is as if {formulas.said(operation)} were a constant"


def _stands(formulas: Formulas, one: Any, other: Any, sign: str = "") -> Callable[[], str]:
    return lambda: f"{sign}{formulas.said(one)} stands where {formulas.said(other)} should"


def _constants(place: Place, formulas: Formulas, failures: list[Failure]) -> Some:
    """Yield the derivative where a part is taken for a constant, or a function for nothing."""
    if place.operation.name == "var_mean":
        for part, name in enumerate(("variance", "mean")):
            yield f"it is as if the {name} were a constant", place.mistake(name, holding(part))
        yield "it is as if mean and variance were constants", place.mistake("constant", constant)
    elif place.operation.values:
        operation = place.operation
        yield partial(_as_constant, formulas, operation), place.mistake("constant", constant)
    if place.operation.name in UNARY:
        left_out = alone(lambda run, args, at: args[0])
        name = place.operation.name
        yield (
            f"it is as if the derivative of {name} were left out",
            place.mistake("alone", left_out),
        )
        for say, by in DERIVATIVES.items():
            said = f"the derivative of {name} were {say}, y being its result"
            yield f"it is as if {said}", place.mistake(say, with_derivative(by))


def _changes(place: Place, formulas: Formulas, failures: list[Failure]) -> Some:
    """Yield what comes of another operation, of fewer operands, or of those that came before."""
    operation, operations = place.operation, formulas.recording.operations
    name = operation.name
    for i, value in operation.values.items():
        if len(operation.args) > 1 or name in (*UNARY, "neg", "abs", "rsqrt"):
            if name == "where" and not i:
                continue
            sign = "−" if sign_of(name, i) < 0 else ""
            yield (
                _stands(formulas, value, operation, sign),
                place.mistake(f"keep {i}", keeping(name, i)),
            )
    for other in OTHERS.get(name, []):
        taken = replace(operation, function=_Named(other))
        yield (
            _stands(formulas, taken, operation),
            place.mistake(other, with_operation(other_operation(other))),
        )
    for say, change in replaced(operation, operations):
        yield partial(_in, say, formulas, operation), place.mistake(say, change)
    for before in _before(Value(place.number), operations, ANCESTORS + 1):
        key = f"before {before.number} {before.part}"
        yield _stands(formulas, before, operation), place.mistake(key, taking_result(before))
    for i, value in operation.values.items():
        for operand in _before(value, operations, ANCESTORS):
            yield _exchanged(place, formulas, i, operand)


def _others(place: Place, formulas: Formulas, failures: list[Failure]) -> Some:
    """Yield what comes of any other value of the same shape in the place of an operand."""
    operation, made = place.operation, place.rewriting.made(failures[0])
    for i, value in operation.values.items() if operation.name in EXCHANGED else ():
        like = made[value]
        for other, x in made.items():
            alike = isinstance(x, Tensor) and (x.shape, x.dtype) == (like.shape, like.dtype)
            if alike and x.ndim and other.number < place.number and other != value:
                yield _exchanged(place, formulas, i, other)


def _exchanged(place: Place, formulas: Formulas, i: int, other: Value) -> Candidate:
    taken = with_operand(place.operation, i, other)
    key = f"take {i} {other.number} {other.part}"
    return _stands(formulas, taken, place.operation), place.mistake(key, taking(i, other))


def _before(value: Value, operations: list[Operation], depth: int) -> Iterator[Value]:
    """Yield what a value is made of, and what that is made of."""
    if value.number >= 0:
        for operand in operations[value.number].values.values():
            yield operand
            if depth > 1:
                yield from _before(operand, operations, depth - 1)


def _scaled(place: Place, formulas: Formulas, failures: list[Failure]) -> Some:
    """Yield what comes where an operation's result is multiplied by what has a name."""
    if not place.operation.values:
        return
    first, operation = failures[0], place.operation
    none = place.mistake("none", lambda run, args, at: _times(0, run(*args)))
    if first.made_by(none) is not None and first.is_explained_by(none):
        yield f"{formulas.said(operation)} is missing", none
    # Right where what comes depends on it linearly; whether it does, the search will see.
    elif factor := part_factor(failures, none):
        yield (
            f"{formulas.said(operation)} is {factor.say.removeprefix('it is ')}",
            lambda f: place.mistake(
                f"times {factor.by(f)}", lambda run, args, at: _times(factor.by(f), run(*args))
            )(f),
        )


def _times(factor: float, result: Any) -> Any:
    return tree_map(lambda x: x * factor, result)


def _numbers(place: Place, formulas: Formulas, failures: list[Failure]) -> Some:
    """Yield what comes of another number, found where there is one."""
    operation, first = place.operation, failures[0]
    if operation.name not in NUMBERED or not isinstance(operation.args[0], Value):
        return
    number = operation.args[1]
    if isinstance(number, Tensor) and not number.ndim:
        number = number.item()
    if isinstance(number, bool) or not isinstance(number, int | float):
        return

    def with_(other: float) -> Mistake:
        return place.mistake(
            f"number {other!r}", lambda run, args, at: run(args[0], other, *args[2:])
        )

    others = [number * 2, number / 2, -number, 0.0, *(EPS if number in EPS else ())]
    if operation.name == "pow":
        others += [number - 1, number + 1]
    others += _fitted(first, with_, number)
    for other in others:
        args = (operation.args[0], other, *operation.args[2:])
        yield _stands(formulas, replace(operation, args=args), operation), with_(other)


def _fitted(f: Failure, with_: Callable[[float], Mistake], start: float) -> list[float]:
    """Return the number that brings a result nearest to the one that came, in few digits."""
    x = float(start)
    for turn in range(STEPS):
        step = STEP * (abs(x) or 1)
        here, there = f.made_by(with_(x)), f.made_by(with_(x + step))
        if here is None or there is None or here.shape != f.got.shape:
            return []
        slope = (there - here)[f.judged] / step
        error = (f.got - here)[f.judged]
        size = float((slope * slope).sum())
        if not size or not np.isfinite(size) or not np.isfinite(error).all():
            return []
        along = float((slope * error).sum()) / size
        rest = float(((error - along * slope) ** 2).sum())
        if not turn and rest > float((error**2).sum()) / 2:
            return []  # it leads elsewhere
        x += along
        if abs(along) < FOUND * abs(x):
            break
    told = (float(f"{x:.{digits}g}") for digits in range(1, 12))
    return [next((short for short in told if abs(short - x) <= DIGITS * abs(x)), x)]


@dataclass(frozen=True)
class _Named:
    """An operation of torch, by its name alone."""

    name: str

    @property
    def overloadpacket(self) -> Any:
        """What has that name."""
        return type(self.name, (), {})
