"""The code that somebody has written for an exercise: read, run, and called."""

import ast
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compare.errors import class_name, clipped, one_line, told
from compare.learn.tasks import Case, Results, Task
from compare.sides.interface import Array

UNWRITTEN = "not written yet"


class Trouble(Exception):
    """What code did in place of returning what it should; `kind` is what kind of trouble it is."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(clipped(sentence))
        self.kind = kind


class Work:
    """One file of an exercise, and the functions that it defines. Raises `Trouble` for a bad one.

    `names` are those of the functions that are to be written in it.
    """

    def __init__(self, file: str, source: bytes, names: Sequence[str]) -> None:
        self._file, self._lines = file, source.splitlines()
        self.space: dict[str, Any] = {"__name__": file.removesuffix(".py")}
        tree, code = self._read(source)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name in names and _is_empty(node):
                raise Trouble(UNWRITTEN, f"{node.name} is not written yet")
        self._run("the file", lambda: exec(code, self.space))
        for name in names:
            if not callable(self.space.get(name)):
                raise Trouble("name", f"there is no function {name} in it any more")

    def call(self, task: Task, case: Case) -> Results:
        """Return the results of a case, by name. Raises `Trouble` where they are none."""
        operands = {
            name: value.copy(order="K") if isinstance(value, np.ndarray) else value
            for name, value in case.operands.items()
        }
        function, arguments = self.space[task.function], task.arguments(operands)
        dicts = [(given, dict(given)) for given in arguments if isinstance(given, dict)]
        returned = self._run(task.function, lambda: function(*arguments))
        for name, value in case.operands.items():
            if not np.array_equal(operands[name], value):
                what = f"{task.function} changes {name}, which it is given, in place"
                raise Trouble("in place", f"{what}: return a new array")
        if any(
            given.keys() != kept.keys() or any(given[name] is not kept[name] for name in kept)
            for given, kept in dicts
        ):
            what = f"{task.function} changes a dict that it is given, in place"
            raise Trouble("in place", f"{what}: return a new dict")
        if returned is None:
            raise Trouble("nothing", f"{task.function} returns nothing: is there no `return`?")
        try:
            return {name: _array(value) for name, value in task.named(returned).items()}
        except TypeError as error:
            raise Trouble("type", f"{task.function} returns {error}") from None

    def _read(self, source: bytes) -> tuple[ast.Module, Any]:
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(source, self._file)
                return tree, compile(source, self._file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:  # ValueError: for a NUL byte, before Python 3.12
            number = getattr(error, "lineno", None)
            what = one_line(error.msg if isinstance(error, SyntaxError) else str(error))
            raise Trouble("syntax", f"Python cannot read it: {what}{self._at(number)}") from None
        except (RecursionError, MemoryError):
            raise Trouble("syntax", "Python cannot read it: it is nested too deeply") from None

    def _run(self, what: str, do: Callable[[], Any]) -> Any:
        """Return what the code returns; what it raises, or warns of, is `Trouble`."""
        try:
            with warnings.catch_warnings(action="error"):
                return do()
        except NotImplementedError:
            raise Trouble(UNWRITTEN, f"{what} is not written yet") from None
        except BaseException as error:
            frames = traceback.walk_tb(error.__traceback__)
            lines = [line for frame, line in frames if frame.f_code.co_filename == self._file]
            kind, did = "raised", told(error)
            if isinstance(error, Warning):
                kind, did = "warning", f"warns: {one_line(str(error))}"
            raise Trouble(kind, f"{what} {did}{self._at(lines[-1] if lines else None)}") from None

    def _at(self, number: int | None) -> str:
        """Say where: the number of a line and what stands there."""
        if not number:
            return ""
        line = self._lines[number - 1] if number <= len(self._lines) else b""
        text = one_line(line.decode(errors="backslashreplace"))
        return f", in line {number}: {clipped(text, 80)}" if text else f", in line {number}"


def _is_empty(node: ast.FunctionDef) -> bool:
    """Whether nothing stands in a function but what stood there at first, or less."""
    return all(
        isinstance(line, ast.Pass)
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        or (isinstance(line, ast.Raise) and "NotImplementedError" in ast.unparse(line))
        for line in node.body
    )


def _array(value: Any) -> Array:
    """Return a result as an array. Raises `TypeError` for what is none, and no number."""
    if not isinstance(value, np.ndarray | np.generic | float):
        raise TypeError(f"a {class_name(value)}, where an array is needed")
    array: Array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"an array of {array.dtype}, where real numbers are needed")
    return array
