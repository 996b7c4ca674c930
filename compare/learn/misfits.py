"""Shapes that do not fit, in words: which operands, of what shape, and which two axes differ."""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType, TracebackType

import numpy as np

from compare.errors import clipped, one_line
from compare.sides.interface import Shape

# What NumPy says of them: "matmul: Input operand 1 has a mismatch in its core dimension 0, …".
SAID = re.compile(r"broadcast|core dimension|not aligned")
LONGEST = 40  # characters of an operand's text


def misfit(error: BaseException, file: str, tree: ast.Module) -> str:
    """Return "cannot multiply x (2, 3) by weight (4, 3): …"; nothing where it is no such error.

    The operation is the last that ran in a file, of which `tree` is the syntax.
    """
    if not isinstance(error, ValueError) or not SAID.search(str(error)):
        return ""
    theirs = [of for of in _tracebacks(error) if of.tb_frame.f_code.co_filename == file]
    with suppress(Exception):  # of an operand that cannot be computed once more
        last = theirs[-1]
        ran = (node for node in ast.walk(tree) if _place(node) == _position(last))
        return next(filter(None, (_told(node, last.tb_frame) for node in ran)))
    return ""


def _tracebacks(error: BaseException) -> Iterator[TracebackType]:
    traceback = error.__traceback__
    while traceback:
        yield traceback
        traceback = traceback.tb_next


def _position(traceback: TracebackType) -> tuple[int | None, ...]:
    """Return where the expression stands that raised: first and last line, first and last byte."""
    return list(traceback.tb_frame.f_code.co_positions())[traceback.tb_lasti // 2]


def _place(node: ast.AST) -> tuple[int | None, ...]:
    names = ("lineno", "end_lineno", "col_offset", "end_col_offset")
    return tuple(getattr(node, name, None) for name in names)


def _told(node: ast.AST, frame: FrameType) -> str:
    match node:
        case (
            ast.BinOp(left=left, op=ast.MatMult(), right=right)
            | ast.Call(func=ast.Attribute(attr="dot" | "matmul"), args=[left, right])
            | ast.Call(func=ast.Attribute(attr="dot", value=left), args=[right])
        ):
            (one, first), (other, second) = _shapes(frame, left, right)
            ends = f"{first[-1]} columns, and needs {second[-2:][0]}"
            return f"cannot multiply {one} {first} by {other} {second}: the left one has {ends}"
        case ast.BinOp(left=left, right=right) | ast.AugAssign(target=left, value=right):
            (one, first), (other, second) = _shapes(frame, left, right)
            axes = zip(first[::-1], second[::-1], strict=False)
            a, b = next((a, b) for a, b in axes if a != b and 1 not in (a, b))
            rule = f"NumPy aligns the last axes, and {a} is not {b}"
            return f"cannot broadcast {one} {first} and {other} {second} together: {rule}"
        case ast.Call(func=function, args=arguments):
            given = ", ".join(f"{name} {shape}" for name, shape in _shapes(frame, *arguments))
            return f"cannot call {ast.unparse(function)} with {given}: the shapes do not fit"
    return ""


def _shapes(frame: FrameType, *operands: ast.expr) -> list[tuple[str, Shape]]:
    """Return the texts and shapes of what are arrays: they are computed once more."""
    texts = [ast.unparse(of) for of in operands]
    values = [eval(text, frame.f_globals, frame.f_locals) for text in texts]
    return [
        (clipped(one_line(text), LONGEST), value.shape)
        for text, value in zip(texts, values, strict=True)
        if isinstance(value, np.ndarray)
    ]
