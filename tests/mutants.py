"""Mutation testing of the harness: a change of numpy_ae that alters a result fails the check.

    python -m tests.mutants [--report docs/mutants.md]

Each mutant is one change of one operator, constant, name, operand or statement of one file,
compiled in memory and judged in a forked child, so that torch is imported once. It is first shown
to a small network and, if it survives, to the one of the defaults. What still survives is listed;
what a person has found to alter no result stands in `equivalent_mutants` with the reason, and is
shown to the small network alone. Refusals
of what does not fit are left out: they alter nothing that a check computes, and have tests of their
own (tests/numpy_ae/test_refusals.py).
"""

import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import click
import numpy as np

from tests.equivalent_mutants import EQUIVALENT

PACKAGE = Path(__file__).parent.parent / "numpy_ae"
FILES = ("layers", "loss", "model", "optim", "train", "vae", "support")
DEADLINE = (
    400  # seconds for one mutant, on a busy machine: one that does not end has altered something
)
CAUGHT, SURVIVED = 0, 3  # exit codes of a child; any other is an exception, and so is caught

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
}
NAMES = {
    "maximum": "minimum",
    "minimum": "maximum",
    "sqrt": "square",
    "exp": "expm1",
    "multiply": "add",
    "divide": "multiply",
    "zeros_like": "ones_like",
    "forward": "__init__",
}

REFUSES = ("expect", "floating", "common_prefix")  # how the names of functions begin that refuse

LEAST = 0.98  # of the mutants that alter something: the share that has to be caught


class Mutant(NamedTuple):
    """One changed file: its name, the line, the old and the new code, and the whole source."""

    file: str
    line: int
    old: str
    new: str
    source: str


def mutants(file: str) -> Iterator[Mutant]:
    """Yield every mutant of a file of numpy_ae."""
    yield from mutants_of(file, (PACKAGE / f"{file}.py").read_text())


def mutants_of(file: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a source."""
    tree = ast.parse(source)
    for path in _nodes(tree, ()):
        node = _at(tree, path)
        for change in _changes(node):
            mutated = copy.deepcopy(tree)
            if path:
                parent = _at(mutated, path[:-1])
                field, index = path[-1]
                if index is None:
                    setattr(parent, field, change)
                else:
                    getattr(parent, field)[index] = change
            changed = ast.unparse(ast.fix_missing_locations(mutated))
            if changed != ast.unparse(tree):
                line = getattr(node, "lineno", 0)
                yield Mutant(file, line, ast.unparse(node), ast.unparse(change), changed)


Path_ = tuple[tuple[str, int | None], ...]


def _nodes(node: ast.AST, path: Path_) -> Iterator[Path_]:
    """Yield the path to every node that counts: not to annotations, docstrings or imports."""
    yield path
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list"):
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if isinstance(child, ast.AST) and not _left_out(child):
                yield from _nodes(child, (*path, (field, index)))


def _left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name.startswith(REFUSES)
    if isinstance(node, ast.Expr):  # a docstring or a refusal
        return isinstance(node.value, ast.Constant) or ast.unparse(node).startswith(REFUSES)
    if isinstance(node, ast.If):
        return all(isinstance(line, ast.Raise) for line in node.body)
    if isinstance(node, ast.Assign):
        return ast.unparse(node).startswith(("__all__", "Array", "Batch"))  # names of types
    return isinstance(node, ast.Import | ast.ImportFrom | ast.Raise | ast.JoinedStr)


def _at(node: ast.AST, path: Path_) -> ast.AST:
    for field, index in path:
        value = getattr(node, field)
        node = value if index is None else value[index]
    return node


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node may be changed to."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())
    if isinstance(node, ast.BinOp) and isinstance(
        node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow
    ):
        yield _with(node, left=node.right, right=node.left)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
        yield _with(node, ops=[OPERATORS[type(node.ops[0])]()])
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, int | float):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value * 1.001)
        elif isinstance(node.value, str):
            yield ast.Constant(node.value + "_")
    if isinstance(node, ast.Attribute):
        if node.attr == "T":
            yield node.value
        elif node.attr in NAMES:
            yield _with(node, attr=NAMES[node.attr])
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    if isinstance(node, ast.Call) and node.keywords:
        yield _with(node, keywords=node.keywords[1:])
    if isinstance(node, ast.Tuple) and len(node.elts) >= 2 and isinstance(node.ctx, ast.Load):
        yield _with(node, elts=[node.elts[1], node.elts[0], *node.elts[2:]])
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr):
        yield ast.Pass()


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(changed, name, copy.deepcopy(value))
    return changed


class _Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module of numpy_ae another source."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return (
            importlib.util.spec_from_loader(name, self)
            if name == f"numpy_ae.{self.mutant.file}"
            else None
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mutant.source, f"{self.mutant.file} (mutant)", "exec"), module.__dict__)


def survivors(candidates: Iterable[Mutant], jobs: int, images: np.ndarray) -> Iterator[Mutant]:
    """Yield those in spite of which the check holds; judge so many at a time."""
    waiting, running = iter(candidates), dict[int, tuple[Mutant, float]]()
    while True:
        for mutant in islice(waiting, jobs - len(running)):
            running[_start(mutant, images)] = mutant, time.monotonic() + DEADLINE
        if not running:
            return
        for child, (mutant, give_up) in list(running.items()):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                del running[child]
                if os.waitstatus_to_exitcode(status) == SURVIVED:
                    yield mutant
            elif time.monotonic() > give_up:
                os.kill(child, signal.SIGKILL)
        time.sleep(0.02)


def _start(mutant: Mutant, images: np.ndarray) -> int:
    if (child := os.fork()) == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os._exit(_judge(mutant, images))
    return child


def _judge(mutant: Mutant, images: np.ndarray) -> int:
    sys.meta_path.insert(0, _Loader(mutant))
    try:
        from compare.check.stages import check, check_side
        from compare.data.config import Config
        from compare.sides.subject import our_own

        whole = Config(model="vae", beta=0.7) if mutant.file == "vae" else Config()
        small = replace(whole, hidden_dim=24, latent_dim=5, batch_size=32)
        subject = our_own(images)  # the first failure will do, and most fail here
        batches, rows = list(subject.batches(small, 2)), subject.last_rows(small)
        if not all(f.verdict.held for f in check_side(subject.ours(small), small, batches, rows)):
            return CAUGHT
        networks = (small,) if _reason(mutant) else (small, whole)
        held = all(check(config, images, trajectory=False).held for config in networks)
        return SURVIVED if held else CAUGHT
    except BaseException:  # whatever a mutant does, it has been noticed
        return CAUGHT


@click.command()
@click.option(
    "--report", type=click.Path(path_type=Path), help="Write the tables to this file, too."
)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Choice(FILES),
    default=FILES,
    help="Only this file.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=os.cpu_count(), help="Judge so many at a time."
)
def main(report: Path | None, files: Sequence[str], jobs: int) -> None:
    """Judge every mutant; print counts and survivors; exit with 1 where too few are caught."""
    import torch  # once, for all children, as the images

    from compare.data import digits

    torch.set_num_threads(1)
    images, *_ = digits.load()
    judged = [mutant for file in files for mutant in mutants(file)]
    survived = []
    for mutant in survivors(judged, jobs, images):
        survived.append(mutant)
        click.echo(f"survived: {mutant.file}.py:{mutant.line}  {mutant.old}  →  {mutant.new}")
    survived.sort(key=judged.index)
    alike = {mutant: reason for mutant in survived if (reason := _reason(mutant))}
    missed = [mutant for mutant in survived if mutant not in alike]
    text = _tables(files, judged, alike, missed)
    click.echo(text)
    if report:
        report.write_text(text)
    sys.exit(len(missed) > (1 - LEAST) * (len(judged) - len(alike)))


def _reason(mutant: Mutant) -> str | None:
    line = (PACKAGE / f"{mutant.file}.py").read_text().splitlines()[mutant.line - 1]
    for file, part, old, new, reason in EQUIVALENT:
        if (file, old, new) == (mutant.file, mutant.old, mutant.new) and part in line:
            return reason
    return None


def _tables(
    files: Sequence[str],
    judged: Sequence[Mutant],
    alike: Mapping[Mutant, str],
    missed: Sequence[Mutant],
) -> str:
    lines = [
        "# Every small change to `numpy_ae`, and whether the check notices",
        "",
        "Made by `python -m tests.mutants --report docs/mutants.md`: one operator, constant, name, "
        "operand or\nstatement changed at a time, and `check` run: on a small network and, where "
        "that passes, on the\ndefault one. A mutant is caught if the check fails. Those that, by a "
        "person's judgement, alter nothing\nwere tried on the small network alone.",
        "",
    ]
    lines += [
        "| file | mutants | alter nothing | caught | missed |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for file in files:
        all_, same, left = (sum(m.file == file for m in some) for some in (judged, alike, missed))
        lines.append(f"| `numpy_ae/{file}.py` | {all_} | {same} | {all_ - same - left} | {left} |")
    lines += ["", "| missed | was | became |", "| --- | --- | --- |"] if missed else []
    lines += [f"| `{m.file}.py:{m.line}` | `{m.old}` | `{m.new}` |" for m in missed]
    lines += ["", "| alters nothing | was | became | because |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{m.file}.py:{m.line}` | `{m.old}` | `{m.new}` | {reason} |"
        for m, reason in alike.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
