"""Fault injection: one function of the NumPy side with a passage of its text replaced, for a while.

What is injected is what a person might have written there, so a fault is shown as the change of the
source that it is.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from operator import attrgetter
from types import FunctionType
from typing import Any
from unittest.mock import patch

import numpy_ae
from compare.data.batches import Batch
from compare.sides.interface import Trace
from compare.sides.numpy_side import NumpySide

PARTS = {"Adam.step": ("Adam._update", "Adam.step")}  # of what is told as one function

Changes = Sequence[tuple[str, str]]  # old text, new text


@dataclass(frozen=True)
class Fault:
    """A fault: its name, what is changed, what a right sentence names, and how to inject it."""

    name: str
    what: str
    operation: str
    inject: Callable[[], AbstractContextManager[Any]]
    changes: Changes = ()  # of the operation's source; none where data are wrong


def wrong_code(name: str, operation: str, *changes: tuple[str, str]) -> Fault:
    """Return the fault of writing, in a function of `numpy_ae`, new texts for old ones."""
    what = "; ".join(f"{_one_line(old)} → {_one_line(new) or 'nothing'}" for old, new in changes)
    return Fault(name, what, operation, lambda: rewritten(operation, changes), changes)


def wrong_data(name: str, what: str, change: Callable[[Batch], Batch]) -> Fault:
    """Return the fault of giving the NumPy side other batches than the reference is given."""
    return Fault(name, what, "data", lambda: _changed_batches(change))


def rewritten(operation: str, changes: Changes) -> AbstractContextManager[Any]:
    """Return a context in which a function ("Linear.forward") is its own source, changed.

    Raises `ValueError` for a text that the function does not hold exactly once: then the source has
    moved on.
    """
    function, source = changed(operation, changes)
    owner_name, _, _ = operation.rpartition(".")  # it may have inherited the function
    owner = getattr(numpy_ae, owner_name) if owner_name else numpy_ae.train
    method, namespace = function.__name__, dict[str, Any]()
    code = compile(source, inspect.getsourcefile(function) or method, "exec")
    exec(code, function.__globals__, namespace)
    return patch.object(owner, method, namespace[method])


def changed(operation: str, changes: Changes) -> tuple[FunctionType, str]:
    """Return the function that does an operation, and its source changed, as `rewritten` has it."""
    for part in PARTS.get(operation, (operation,)):
        function = attrgetter(part)(numpy_ae if "." in part else numpy_ae.train)
        source = textwrap.dedent(inspect.getsource(function))
        missing = [old for old, _ in changes if source.count(old) != 1]
        if not missing:
            for old, new in changes:
                source = source.replace(old, new)
            return function, source
    raise ValueError(f"{operation} does not hold {missing[0]!r} exactly once")


@contextmanager
def _changed_batches(change: Callable[[Batch], Batch]) -> Iterator[None]:
    observe, fit = NumpySide.observe, NumpySide.fit

    def observe_changed(side: NumpySide, batch: Batch) -> Trace:
        return observe(side, change(batch))

    def fit_changed(side: NumpySide, batches: Iterable[Batch]) -> Iterator[float]:
        return fit(side, map(change, batches))

    with patch.multiple(NumpySide, observe=observe_changed, fit=fit_changed):
        yield


def _one_line(text: str) -> str:
    return " ⏎ ".join(line.strip() for line in text.splitlines())
