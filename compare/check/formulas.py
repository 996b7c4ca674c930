"""An operation of a reference as people write it: "1 − y²", "exp(logvar / 2)"."""

import re
from collections.abc import Sequence
from typing import Any

from compare.check.recording import Operation, Recording, Value
from compare.check.reference import VALUE
from compare.check.replay import Tensor

LONGEST = 36  # characters; of what is longer, the inner parts are left out
DEEPEST = 5
INFIX = {"add": "+", "sub": "−", "mul": "·", "div": "/", "mm": "@", "bmm": "@"}
INFIX |= {"gt": ">", "lt": "<", "ge": "≥", "le": "≤", "eq": "="}
BINDS = {"add": 1, "sub": 1, "rsub": 1, "neg": 1, "gt": 0, "lt": 0, "ge": 0, "le": 0, "eq": 0}
CLOSED = 3  # how strongly holds what is a name, a power, or stands in brackets
SHAPES = {"view", "expand", "unsqueeze", "squeeze", "clone", "unsafe_view", "to_copy", "detach"}
SHAPES |= {"reshape", "alias", "lift_fresh", "contiguous", "copy", "slice", "select", "permute"}
TURNED = {"t", "transpose"}
CALLED = {"amax": "max", "amin": "min", "convolution": "conv", "logsumexp": "logsumexp"}
CALLED |= {"maximum": "max", "minimum": "min", "convolution_backward": "conv's backward"}
NOUNS = {"add": "a sum", "sub": "a difference", "rsub": "a difference", "mul": "a product"}
NOUNS |= {"div": "a quotient", "mm": "a matrix product", "bmm": "a matrix product"}
NOUNS |= dict.fromkeys(("t", "transpose", "permute"), "a transpose") | {"where": "a choice"}
NOUNS |= dict.fromkeys(("gt", "lt", "ge", "le", "eq"), "a comparison")
NOUNS |= {"sum": "a sum", "mean": "a mean", "neg": "a sign", "pow": "a power"}


class Formulas:
    """What the operations of a recording are in words; the function's own result has its name."""

    def __init__(self, recording: Recording, value: str) -> None:
        self.recording = recording
        self.known = {Value(-1, i): name for i, name in enumerate(recording.names)}
        y = recording.results[value]
        if value == VALUE and isinstance(y, Value):
            self.known[y] = value

    def said(self, x: Any) -> str:
        """Return a value, or an operation with some operands, as a formula or as a noun."""
        depth = next((d for d in range(DEEPEST, 0, -1) if len(self._at(x, d)) <= LONGEST), 1)
        text = self._at(x, depth)
        if re.search(r"\w", text) and len(text) <= 2 * LONGEST:
            return text
        name = self.recording.operations[x.number].name if isinstance(x, Value) else x.name
        return NOUNS.get(name, name.replace("_", " "))

    def _at(self, x: Any, depth: int) -> str:
        return self._of(x)[0] if isinstance(x, Operation) else self._bound(x, depth)[0]

    def _bound(self, x: Any, depth: int) -> tuple[str, int]:
        """Return a text, and how strongly it holds together."""
        if isinstance(x, Tensor):
            x = x.item() if not x.ndim else "…"
        if isinstance(x, bool | int | float):
            return f"{x:.7g}".replace("-", "−"), CLOSED
        if not isinstance(x, Value):
            return "…", CLOSED
        if x in self.known and depth < DEEPEST + 1:
            return self.known[x], CLOSED
        operation = self.recording.operations[x.number]
        if operation.name in SHAPES:
            return self._bound(operation.args[0], depth)
        if not depth:
            return "…", CLOSED
        if operation.name == "var_mean":
            return (
                f"{'mean' if x.part else 'var'}({self._at(operation.args[0], depth - 1)})",
                CLOSED,
            )
        return self._of(operation, depth - 1)

    def _of(self, operation: Operation, depth: int = DEEPEST) -> tuple[str, int]:
        return expression(
            operation.name, [self._bound(arg, depth) for arg in operation.args], operation.args
        )


def expression(name: str, parts: Sequence[tuple[str, int]], args: Sequence[Any]) -> tuple[str, int]:
    """Return what an operation makes of some texts, and how strongly that holds together."""
    binds = BINDS.get(name, 2)

    def within(i: int, least: int) -> str:
        text, bound = parts[i]
        return text if bound >= least else f"({text})"

    if name == "mul" and parts[0] == parts[1] and parts[0][0] != "…":
        return f"{within(0, CLOSED)}²", CLOSED
    if name == "rsub":
        return f"{within(1, 1)} − {within(0, 2)}", binds
    if name in INFIX and len(parts) > 1:
        after = binds + (name in ("sub", "div"))
        return f"{within(0, binds)} {INFIX[name]} {within(1, after)}", binds
    if name == "neg":
        return f"−{within(0, 2)}", binds
    if name == "pow":
        powers = {"2": "²", "3": "³"}
        return within(0, CLOSED) + powers.get(parts[1][0], f"^{parts[1][0]}"), CLOSED
    if name in TURNED:
        text = within(0, CLOSED)
        return (text[:-1] if text.endswith("ᵀ") else f"{text}ᵀ"), CLOSED
    if name == "rsqrt":
        return f"1/√({parts[0][0]})", CLOSED
    if name == "sqrt":
        return f"√({parts[0][0]})", CLOSED
    shown = [text for (text, _), arg in zip(parts, args, strict=True) if isinstance(arg, Value)]
    return f"{CALLED.get(name, name.replace('_', ' '))}({', '.join(shown)})", CLOSED
