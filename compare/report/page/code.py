"""Lines of the source as the page shows them, with file, line, and their variables marked."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Mark:
    """A stretch of one line that stands for a variable, or for several: "weight bias"."""

    line: int
    start: int
    end: int
    symbol: str


@dataclass(frozen=True)
class Passage:
    """Successive lines of a file, as they stand there but for their common indent."""

    file: str  # "numpy_ae/layers.py"
    first: int  # the number of the first line
    lines: tuple[str, ...]
    marks: tuple[Mark, ...] = ()

    @property
    def where(self) -> str:
        """Return file and lines, as editors take them."""
        last = self.first + len(self.lines) - 1
        return f"{self.file}:{self.first}" + (f"–{last}" if last > self.first else "")

    def html(self) -> Markup:
        """Return the lines with every marked variable in a span that bears its symbol."""
        indent = min(len(line) - len(line.lstrip()) for line in self.lines if line.strip())
        numbered = enumerate(self.lines, start=self.first)
        return Markup("\n").join(self._line(number, line, indent) for number, line in numbered)

    def _line(self, number: int, line: str, indent: int) -> Markup:
        done, parts = indent, []
        for mark in sorted(
            (m for m in self.marks if m.line == number), key=lambda m: (m.start, -m.end)
        ):
            if mark.start < done:  # inside of one that is marked already
                continue
            parts.append(escape(line[done : mark.start]))
            parts.append(
                Markup('<span data-symbol="{}">{}</span>').format(
                    mark.symbol, line[mark.start : mark.end]
                )
            )
            done = mark.end
        return Markup("").join([*parts, escape(line[done:])])


def body(file: str, function: str, names: Mapping[str, str]) -> Passage:
    """Return a function's ("Linear.forward") body without docstring and refusals.

    `names` says which symbol an expression of the code stands for: {"x": "x", "self.weight":
    "weight"}. Raises `LookupError` where the file has no such function.
    """
    statements = [
        s for s in definition(file, function).body if not ast.unparse(s).startswith("expect(")
    ]
    if ast.get_docstring(definition(file, function)) is not None:
        statements = statements[1:]
    return _passage(file, statements, names)


def call(
    file: str,
    function: str,
    callee: str,
    arguments: Sequence[str],
    results: Sequence[str] = (),
    itself: str = "",
) -> Passage:
    """Return the statement of a function that calls `callee` ("self.fc1.forward").

    Its arguments, what it assigns, and the callee itself stand for the symbols given, several where
    a space separates them. Raises `LookupError` where there is no such statement.
    """
    for statement in definition(file, function).body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == callee:
                names = {
                    callee: itself,
                    **dict(zip(map(ast.unparse, node.args), arguments, strict=False)),
                }
                if isinstance(statement, ast.Assign) and statement.value is node:
                    target = statement.targets[0]
                    targets = target.elts if isinstance(target, ast.Tuple) else [target]
                    names |= dict(zip(map(ast.unparse, targets), results, strict=False))
                return _passage(file, [statement], names)
    raise LookupError(f"{function} of {file} does not call {callee}")


def header(file: str, name: str) -> Passage:
    """Return the line in which a file brings in a name: the head of a class, or an import."""
    for node in _tree(file).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        if name in names or (isinstance(node, ast.ClassDef) and node.name == name):
            return Passage(file, node.lineno, (_lines(file)[node.lineno - 1],))
    raise LookupError(f"{file} has no {name}")


def definition(file: str, function: str) -> ast.FunctionDef:
    """Return the syntax tree of a function or method of a file."""
    found: ast.AST = _tree(file)
    for name in function.split("."):
        found = next(
            (
                n
                for n in ast.iter_child_nodes(found)
                if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == name
            ),
            ast.Pass(),
        )
    if not isinstance(found, ast.FunctionDef):
        raise LookupError(f"{file} has no function {function}")
    return found


def _passage(file: str, statements: list[ast.stmt], names: Mapping[str, str]) -> Passage:
    first, last = statements[0].lineno, max(statement.end_lineno or 0 for statement in statements)
    lines = tuple(_lines(file)[first - 1 : last])
    return Passage(file, first, lines, tuple(_marks(file, statements, names)))


def _marks(file: str, statements: list[ast.stmt], names: Mapping[str, str]) -> Iterator[Mark]:
    for statement in statements:
        for node in ast.walk(statement):
            if (
                not isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
                or node.end_col_offset is None
            ):
                continue
            symbol = names.get(ast.unparse(node))
            if symbol:
                line = _lines(file)[node.lineno - 1].encode()  # a syntax tree counts bytes
                start, end = (
                    len(line[:offset].decode()) for offset in (node.col_offset, node.end_col_offset)
                )
                yield Mark(node.lineno, start, end, symbol)


@cache
def _lines(file: str) -> list[str]:
    return (ROOT / file).read_text(encoding="utf-8").splitlines()


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse("\n".join(_lines(file)))
