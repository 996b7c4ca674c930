"""What a right function is: its forms, what it is in torch, and operands of varying sizes.

A form is its text: the functions of its module that it consists of. A mistake is a change of it.
"""

import dis
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.random import Generator

Array = np.ndarray
Operands = dict[str, Array]
Draw = Callable[[Generator], Operands]


@dataclass(frozen=True)
class Form:
    """One way of writing a function: the name under which its module has it."""

    module: ModuleType
    name: str

    @cached_property
    def text(self) -> str:
        """The source of `name`, of its backward and of all functions of the module they call."""
        found: dict[str, Any] = {}
        wanted = [self.name, f"{self.name}_backward"]
        while wanted:
            name = wanted.pop(0)
            member = vars(self.module).get(name)
            if callable(member) and inspect.getmodule(member) is self.module:
                found.setdefault(name, member)
                if isinstance(member, FunctionType):
                    wanted += sorted(_globals(member) - set(found))
        return "\n\n".join(map(inspect.getsource, found.values()))

    def build(self, text: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Run a text, right or with a mistake; return the function and its backward.

        A network and an optimizer have no backward: they stand there twice.
        """
        namespace = dict(vars(self.module))
        exec(compile(text, f"<{self.name}>", "exec"), namespace)
        made = namespace[self.name]
        return made, namespace.get(f"{self.name}_backward", made)


def _globals(function: FunctionType) -> set[str]:
    return {i.argval for i in dis.get_instructions(function) if i.opname == "LOAD_GLOBAL"}


@dataclass(frozen=True)
class Function:
    """A function in all its forms.

    `reference` takes the operands as tensors, or an optimizer's parameters as a list. `operands`
    draws float64 and integer arrays; those of an optimizer are its parameters.
    """

    door: str  # "check_function", "check_gradients" or "check_optimizer"
    family: str
    forms: tuple[Form, ...]
    reference: Callable[..., Any]
    operands: Draw

    @property
    def name(self) -> str:
        """The name of the first form."""
        return self.forms[0].name


def normal(**shapes: tuple[int | tuple[int, int], ...]) -> Draw:
    """Return what draws normal operands of these shapes; a pair is a range to draw a size from.

    The same pair is the same size in all operands of one draw.
    """

    def draw(rng: Generator) -> Operands:
        pairs = sorted({s for shape in shapes.values() for s in shape if isinstance(s, tuple)})
        sizes = {pair: int(rng.integers(*pair)) for pair in pairs}
        return {
            name: rng.standard_normal([sizes[s] if isinstance(s, tuple) else s for s in shape])
            for name, shape in shapes.items()
        }

    return draw


def also(draw: Draw, **more: Callable[[Generator, Operands], Array]) -> Draw:
    """Return what draws operands and then others that depend on them."""

    def drawn(rng: Generator) -> Operands:
        operands = draw(rng)
        for name, make in more.items():
            operands[name] = make(rng, operands)
        return operands

    return drawn
