"""Fault injection: one function of the NumPy side with a passage of its text replaced, for a while.

What is injected is what a person might have written there, so a fault is shown as the change of the
source that it is.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from operator import attrgetter
from types import FunctionType
from typing import Any
from unittest.mock import patch

import numpy_ae
from compare.data.batches import Batch
from compare.sides.interface import Losses, Trace
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
    model: str = "autoencoder"  # the network that it is a fault of
    shared_with: tuple[str, ...] = ()  # other functions that have it, too


def wrong_code(name: str, operation: str, *changes: tuple[str, str]) -> Fault:
    """Return the fault of writing, in a function of `numpy_ae`, new texts for old ones.

    A mistake that functions share is that of all, "Deviation.backward, Deviation.forward", the one
    that a sentence names first before the others.
    """
    what = "; ".join(f"{_one_line(old)} → {_one_line(new) or 'nothing'}" for old, new in changes)
    first, *others = operation.split(", ")
    own = tuple(change for change in changes if not others or change[0] in source_of(first))
    rest = tuple(change for change in changes if change not in own)

    @contextmanager
    def inject() -> Iterator[None]:
        with rewritten(first, own), ExitStack() as stack:
            for other in others:
                stack.enter_context(rewritten(other, rest))
            yield

    return Fault(name, what, first, inject, own, model_of(first), tuple(others))


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
    owner = getattr(numpy_ae, owner_name) if owner_name else inspect.getmodule(function)
    method, namespace = function.__name__, dict[str, Any]()
    code = compile(source, inspect.getsourcefile(function) or method, "exec")
    exec(code, function.__globals__, namespace)
    return patch.object(owner, method, namespace[method])


def changed(operation: str, changes: Changes) -> tuple[FunctionType, str]:
    """Return the function that does an operation, and its source changed, as `rewritten` has it."""
    for part in PARTS.get(operation, (operation,)):
        source = source_of(part)
        missing = [old for old, _ in changes if source.count(old) != 1]
        if not missing:
            for old, new in changes:
                source = source.replace(old, new)
            return attrgetter(part)(numpy_ae), source
    raise ValueError(f"{operation} does not hold {missing[0]!r} exactly once")


def source_of(function: str) -> str:
    """Return the source of a function of `numpy_ae` ("Linear.forward"), without its indent."""
    return textwrap.dedent(inspect.getsource(attrgetter(function)(numpy_ae)))


def model_of(operation: str) -> str:
    """Return which network of a config has a function."""
    of_vae = getattr(numpy_ae, operation.partition(".")[0]).__module__ == "numpy_ae.vae"
    return "vae" if of_vae else "autoencoder"


@contextmanager
def _changed_batches(change: Callable[[Batch], Batch]) -> Iterator[None]:
    observe, fit = NumpySide.observe, NumpySide.fit

    def observe_changed(side: NumpySide, batch: Batch) -> Trace:
        return observe(side, change(batch))

    def fit_changed(side: NumpySide, batches: Iterable[Batch]) -> Iterator[Losses]:
        return fit(side, map(change, batches))

    with patch.multiple(NumpySide, observe=observe_changed, fit=fit_changed):
        yield


def _one_line(text: str) -> str:
    return " ⏎ ".join(line.strip() for line in text.splitlines())
