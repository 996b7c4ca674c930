"""The operations of a reference, those of its derivative among them, to run with one changed.

They are recorded below autograd, fused ones decomposed, so that what people write by hand is among
them. Run again on the same operands, only what depends on the change is computed anew.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode

from compare.check.reference import DY, Reference, gradient_of
from compare.check.replay import BRANCHES, ENTRYWISE, OURS, SUMS, UNROUNDED, Tensor
from compare.sides.interface import Array

Args = tuple[Any, ...]
Run = Callable[..., Any]
# The same numbers: they depend on the layout in memory, and may be there for some sizes alone.
SAME = ("detach", "clone", "alias", "lift_fresh")
WHOLE = {*UNROUNDED, *BRANCHES, *ENTRYWISE, *SUMS, "var_mean", "var"}  # not decomposed


@dataclass(frozen=True)
class Value:
    """Which result of which operation a tensor is; the operands are those of number −1."""

    number: int
    part: int = 0


@dataclass(frozen=True)
class Operation:
    """One operation, with `Value`s for tensors that are operands or results."""

    function: Any
    args: Args
    kwargs: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is called: "exp"."""
        name = str(self.function.overloadpacket.__name__).strip("_")
        return "view" if name == "unsafe_view" else name

    @property
    def values(self) -> dict[int, Value]:
        """Those of its operands that are computed, by position."""
        return {i: x for i, x in enumerate(self.args) if isinstance(x, Value)}


# What to do in the place of an operation: it is given what does the operation, its operands, and
# what a value has come to.
At = Callable[[Value], Any]
Change = Callable[[Run, Args, At], Any]
Made = dict[Value, Any]


class Recording(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What a reference does to some operands; the first `forward` operations give its value."""

    def __init__(self, reference: Reference, operands: Mapping[str, Array]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self.forward = 0
        self.names = list(operands)
        self._value_name = reference.value
        self._kept: list[Any] = []  # or another tensor would get its storage
        self._values: dict[Any, Value] = {}
        made = _tensors(operands)
        for i, x in enumerate(made.values()):
            self._note(x, Value(-1, i))
        with torch.enable_grad(), self:
            y = reference.function(**{name: x for name, x in made.items() if name != DY})
            self.forward = len(self.operations)
            self.results = {reference.value: self._of(y)}
            gradients = _gradients(y, made)
        self.results |= {name: self._of(x) for name, x in gradients.items()}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Args = (), kwargs: Any = None) -> Any:
        """Record one operation, or those that it is made of."""
        kwargs, name = kwargs or {}, func.overloadpacket.__name__
        if name.endswith("_") and func._schema.is_mutable:
            functional = getattr(getattr(torch.ops.aten, name[:-1]), func._overloadname)
            result = self.__torch_dispatch__(functional, types, args, kwargs)
            self._note(args[0], self._of(result))
            return args[0].copy_(result)
        parts = OURS.get(func.name()) or decomposition_table.get(func)
        if name not in WHOLE and (parts or func._can_decompose()):
            with self:
                return (parts or func.decompose)(*args, **kwargs)
        if name in SAME:
            result = func(*args, **kwargs)
            self._note(result, self._of(args[0]))
            return result
        recorded = Operation(func, self._of(args), {k: self._of(x) for k, x in kwargs.items()})
        result = func(*args, **kwargs)
        for i, part in enumerate(_parts(result)):
            self._note(part, Value(len(self.operations), i))
        self.operations.append(recorded)
        return result

    def _note(self, x: Any, value: Any) -> None:
        if isinstance(x, Tensor) and isinstance(value, Value):
            self._values[_place(x)] = value
            self._kept.append(x)

    def _of(self, x: Any) -> Any:
        """Return which value a tensor is, also where tensors stand in a list."""
        if isinstance(x, tuple | list):
            return type(x)(self._of(one) for one in x)
        if isinstance(x, Tensor):
            return self._values.get(_place(x)) or x.data
        return x

    def like(self, x: Value, other: "Recording") -> Value:
        """Return which value of this is another's: the same of those operations, by their order.

        For other sizes a reference may do something else. Raises `LookupError` where there is none.
        """
        if x.number < 0 or other is self:
            return x
        name, forward = other.operations[x.number].name, x.number < other.forward
        nth = other.named(name, forward=forward).index(x.number)
        return Value(self.named(name, forward=forward)[nth], x.part)

    def named(self, name: str, *, forward: bool) -> list[int]:
        """Return the numbers of the operations with a name, of the value or of the derivative."""
        numbers = range(self.forward) if forward else range(self.forward, len(self.operations))
        return [i for i in numbers if self.operations[i].name == name]

    def run(self, operands: Mapping[str, Array]) -> Made:
        """Return all values, for operands of the same shapes."""
        made = self._given(operands)
        with torch.no_grad():
            for number, operation in enumerate(self.operations):
                _store(made, number, _done(operation, made))
        return made

    def again(self, made: Made, number: int, change: Change) -> dict[str, Array]:
        """Return the results where something else stands in the place of one operation."""
        new: Made = {}

        def at(x: Value) -> Any:
            return new[x] if x in new else made[x]

        with torch.no_grad():
            _store(new, number, _done(self.operations[number], made, change))
            for i in range(number + 1, len(self.operations)):
                operation = self.operations[i]
                if any(x in new for x in _leaves(operation.args)):
                    _store(new, i, _done(operation, _Both(new, made)))
            return {
                name: at(x).to(torch.float64).numpy()
                for name, x in self.results.items()
                if isinstance(x, Value)
            }

    def derived(
        self, operands: Mapping[str, Array], number: int, change: Change
    ) -> dict[str, Array]:
        """Return the results where an operation is another, and the derivative is that of it."""
        made = self._given(operands, requires_grad=True)
        given = dict(zip(self.names, made.values(), strict=True))
        with torch.enable_grad():
            for i, operation in enumerate(self.operations[: self.forward]):
                _store(made, i, _done(operation, made, change if i == number else None))
            y = made[self.results[self._value_name]]
            found = {self._value_name: y, **_gradients(y, given)}
        return {name: x.detach().to(torch.float64).numpy() for name, x in found.items()}

    def _given(self, operands: Mapping[str, Array], *, requires_grad: bool = False) -> Made:
        tensors = _tensors(operands, requires_grad=requires_grad)
        return {Value(-1, i): x for i, x in enumerate(tensors.values())}


class _Both(dict[Value, Any]):
    """What is new, and for the rest what there was."""

    def __init__(self, new: Made, old: Made) -> None:
        super().__init__(new)
        self.old = old

    def __missing__(self, x: Value) -> Any:
        return self.old[x]


def _tensors(operands: Mapping[str, Array], *, requires_grad: bool = True) -> dict[str, Tensor]:
    return {
        name: torch.tensor(x, requires_grad=requires_grad and x.dtype.kind == "f" and name != DY)
        for name, x in operands.items()
    }


def _gradients(y: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    leaves = {name: x for name, x in given.items() if x.requires_grad}
    if DY not in given or not y.requires_grad:
        return {}
    found = torch.autograd.grad(
        y, list(leaves.values()), given[DY].detach(), allow_unused=True, materialize_grads=True
    )
    return {gradient_of(name): x for name, x in zip(leaves, found, strict=True)}


def _place(x: Tensor) -> Any:
    """Return what two tensors share that are the same numbers in the same memory."""
    storage = x.untyped_storage()._cdata
    strides = tuple(stride for stride, n in zip(x.stride(), x.shape, strict=True) if n > 1)
    return storage, x.storage_offset(), x.shape, strides, x.dtype


def _parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


def _store(made: Made, number: int, result: Any) -> None:
    for part, x in enumerate(_parts(result)):
        made[Value(number, part)] = x


def _leaves(args: Any) -> Iterator[Value]:
    for x in args:
        if isinstance(x, Value):
            yield x
        elif isinstance(x, tuple | list):
            yield from _leaves(x)


def _filled(x: Any, made: Made) -> Any:
    if isinstance(x, Value):
        return made[x]
    return type(x)(_filled(one, made) for one in x) if isinstance(x, tuple | list) else x


def _done(operation: Operation, made: Made, change: Change | None = None) -> Any:
    args = _filled(operation.args, made)
    kwargs = {k: _filled(x, made) for k, x in operation.kwargs.items()}

    def run(*x: Any) -> Any:
        if operation.name == "view":  # not all is laid out as it was
            return x[0].reshape(*x[1:])
        return operation.function(*x, **kwargs)

    return change(run, args, lambda x: made[x]) if change else run(*args)
