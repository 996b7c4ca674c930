"""The operations of a torch function, recorded below autograd, and run again with one changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from compare.check.replay import Tensor, names

Run = Callable[..., Any]
Args = tuple[Any, ...]

# Decomposed, so that what people write by hand is among the operations.
FUSED = names(
    """
    _log_softmax _softmax addmm binary_cross_entropy binary_cross_entropy_with_logits elu gelu
    huber_loss linalg_vector_norm log_sigmoid_forward logsumexp mse_loss native_batch_norm
    native_group_norm native_layer_norm nll_loss_forward silu smooth_l1_loss softplus std
    """
)


@dataclass(frozen=True)
class Value:
    """Which result of which operation a tensor is; the operands are those of number −1."""

    number: int
    part: int = 0


At = Callable[[Value], Any]  # what a value has come to
Change = Callable[[Run, Args, At], Any]  # what to do in the place of an operation


@dataclass(frozen=True)
class Operation:
    """One operation, with `Value`s for tensors that are operands or results."""

    function: Any
    args: Args
    kwargs: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is called: "exp"."""
        return str(self.function.overloadpacket.__name__).strip("_")

    @property
    def values(self) -> dict[int, Value]:
        """Those of its operands that are computed, by position."""
        return {i: x for i, x in enumerate(self.args) if isinstance(x, Value)}


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What a function does to some operands."""

    def __init__(self, function: Run, operands: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []
        self._kept: list[Any] = list(operands)  # or another tensor would get its id
        self._values = {id(x): Value(-1, i) for i, x in enumerate(operands)}
        with torch.no_grad(), self:
            self.result = self._value(function(*operands))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Args = (), kwargs: Any = None) -> Any:
        """Record one operation, or those that it is made of."""
        kwargs = kwargs or {}
        if func.overloadpacket.__name__ in FUSED:
            with self:
                return decomposition_table[func](*args, **kwargs)
        recorded = Operation(func, *tree_map(self._value, (args, kwargs)))
        result = func(*args, **kwargs)
        for i, part in enumerate(result if isinstance(result, tuple | list) else [result]):
            self._values[id(part)] = Value(len(self.operations), i)
            self._kept.append(part)
        self.operations.append(recorded)
        return result

    def _value(self, x: Any) -> Any:
        return self._values.get(id(x), x) if isinstance(x, Tensor) else x

    def again(self, operands: Sequence[Tensor], number: int, change: Change) -> Tensor:
        """Run all of it on operands, with a change in the place of one operation."""
        made = {Value(-1, i): x for i, x in enumerate(operands)}

        def at(x: Any) -> Any:
            return made[x] if isinstance(x, Value) else x

        for i, operation in enumerate(self.operations):
            args, kwargs = tree_map(at, (operation.args, operation.kwargs))

            def run(*x: Any, of: Any = operation.function, given: Any = kwargs, **more: Any) -> Any:
                return of(*x, **{**given, **more})

            result = change(run, args, at) if i == number else run(*args)
            for j, part in enumerate(result if isinstance(result, tuple | list) else [result]):
                made[Value(i, j)] = part
        return made[self.result]
