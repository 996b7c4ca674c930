"""The code that somebody has written for an exercise: read, run, and called."""

import ast
import traceback
import warnings
from collections.abc import Callable, Sequence
from importlib.util import decode_source
from typing import Any

import numpy as np

from compare.errors import class_name, clipped, one_line, told
from compare.learn.misfits import misfit
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
        self._file, self._source = file, source
        self.space: dict[str, Any] = {"__name__": file.removesuffix(".py")}
        self._tree, code = self._read(source)
        self._run("the file", lambda: exec(code, self.space))
        for name in names:
            if not callable(self.space.get(name)):
                raise Trouble("name", f"there is no function {name} in it any more")

    def require_written(self, name: str) -> None:
        """Raise `Trouble` where nothing stands in a function yet."""
        for node in self._tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name and _is_empty(node):
                raise Trouble(UNWRITTEN, f"{name} is not written yet")

    def call(self, task: Task, case: Case, warnings_are: str = "error") -> Results:
        """Return the results of a case, by name. Raises `Trouble` where they are none.

        A warning is trouble, too, unless it is to be ignored: `warnings_are` "ignore".
        """
        operands = {
            name: value.copy(order="K") if isinstance(value, np.ndarray) else value
            for name, value in case.operands.items()
        }
        function, arguments = self.space[task.function], task.arguments(operands)
        dicts = {name: dict(of) for name, of in arguments.items() if isinstance(of, dict)}
        returned = self._run(task.function, lambda: function(*arguments.values()), warnings_are)
        for name, value in case.operands.items():
            if not np.array_equal(operands[name], value):
                what = f"{task.function} changes {name}, which it is given, in place"
                raise Trouble("in place", f"{what}: return a new array")
        for name, kept in dicts.items():
            given = arguments[name]
            if given.keys() != kept.keys() or any(given[key] is not kept[key] for key in kept):
                what = f"{task.function} changes {name}, which it is given, in place"
                raise Trouble("in place", f"{what}: return a new dict")
        if returned is None:
            raise Trouble("nothing", f"{task.function} returns nothing: is there no `return`?")
        try:
            return {name: _array(value) for name, value in task.named(returned).items()}
        except TypeError as error:
            raise Trouble("type", f"{task.function} returns {error}") from None

    def _read(self, source: bytes) -> tuple[ast.Module, Any]:
        def cannot(what: str, line: int | None) -> Trouble:
            return Trouble("syntax", f"Python cannot read it: {what}{line_of(source, line)}")

        try:
            text = decode_source(source)
            if "\0" in text:
                raise cannot("there is a NUL character", text[: text.index("\0")].count("\n") + 1)
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(text, self._file)
                return tree, compile(text, self._file, "exec", dont_inherit=True)
        except (SyntaxError, UnicodeDecodeError) as error:
            if line := _not_utf8(source):
                raise cannot("there is a byte that is not UTF-8; save it so", line) from None
            what = error.msg if isinstance(error, SyntaxError) else str(error)
            raise cannot(one_line(what), getattr(error, "lineno", None)) from None
        except (RecursionError, MemoryError):
            raise cannot("it is nested too deeply", None) from None

    def _run(self, what: str, do: Callable[[], Any], warnings_are: Any = "error") -> Any:
        """Return what the code returns; what it raises, or warns of, is `Trouble`."""
        try:
            with warnings.catch_warnings(action=warnings_are):
                return do()
        except NotImplementedError:
            raise Trouble(UNWRITTEN, f"{what} is not written yet") from None
        except BaseException as error:
            frames = traceback.walk_tb(error.__traceback__)
            lines = [line for frame, line in frames if frame.f_code.co_filename == self._file]
            kind, did = "raised", misfit(error, self._file, self._tree) or told(error)
            if isinstance(error, Warning):
                kind, did = "warning", f"warns: {one_line(str(error))}"
            at = line_of(self._source, lines[-1] if lines else None)
            raise Trouble(kind, f"{what} {did}{at}") from None


def line_of(source: bytes, number: int | None) -> str:
    """Say which line of a file: ", in line 3: return x"; nothing where that is not known."""
    if not number:
        return ""
    line = b"".join(source.splitlines()[number - 1 : number])
    text = one_line(line.decode(errors="backslashreplace"))
    return f", in line {number}: {clipped(text, 80)}" if text else f", in line {number}"


def _not_utf8(source: bytes) -> int | None:
    """Return the number of the first line that is not UTF-8, if there is one."""
    for number, line in enumerate(source.splitlines(), 1):
        try:
            line.decode()
        except UnicodeDecodeError:
            return number
    return None


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
