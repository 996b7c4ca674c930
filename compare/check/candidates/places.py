"""Where a result is wrong: on which operands, at which of them, in which entries."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from compare.check.bounds import norm
from compare.check.candidates.arithmetic import arithmetic
from compare.check.candidates.mixed_up import mixed_up
from compare.check.candidates.order import misplaced
from compare.check.candidates.search import ALONG, Search
from compare.check.failures import Failure
from compare.sides.interface import Array

LEAST = 12  # wrong entries: that fewer are all of one sign may be chance
TIES = ("operands with zeros", "small whole numbers", "constant rows")
SIDES: dict[str, Callable[[Array], Array]] = {
    "zero": lambda x: x == 0,
    "negative": lambda x: x < 0,
    "positive": lambda x: x > 0,
    "not positive": lambda x: x <= 0,
    "not negative": lambda x: x >= 0,
}


def for_(failures: list[Failure]) -> str:
    """Say on which operands alone it fails, where these are of one kind or two."""
    kinds = dict.fromkeys(f.trial.kind for f in failures)
    return f" for {' and '.join(kinds)}" if len(kinds) <= 2 else ""


def where(failures: list[Failure]) -> str:
    """Say where the wrong entries are, and what they are, where all failures share that."""
    if not any(np.isfinite(f.got[f.wrong]).any() for f in failures):
        kinds = {"NaN" if np.isnan(f.got[f.wrong]).all() else "infinite" for f in failures}
        return f"it is {' or '.join(sorted(kinds))} where the reference is finite{for_(failures)}"
    if all(f.dtype == "float64" and _in_float32(f) for f in failures):
        return "it is right to the digits of float32 alone"
    named, due = _sides(failures)
    for say, entries in named:
        if _all_within(entries, failures, chance=not say.endswith("zero")):
            return _within(say, entries, failures)
    for name, x in failures[0].operands.items():
        if all(f.trial.regime in TIES and _ties(f.operands[name]) for f in failures) and x.ndim:
            return f"it is wrong only where entries of {name} are equal"
    for say, entries in due:
        if _all_within(entries, failures, chance=not say.endswith("zero")):
            return _within(say, entries, failures)
    if said := _along_an_axis(failures) or _beyond(failures):
        return said
    if say := Search(failures).first(misplaced(failures[0])):
        return say
    if not any(f.got[f.wrong].any() for f in failures):
        return "it is zero wherever it is wrong, and right elsewhere"
    return f"it is wrong only{for_(failures)}" if for_(failures) else ""


def _alike(failures: list[Failure]) -> list[str]:
    """Return the names of the operands that have an entry for each of a result's, in every case."""
    return [
        name
        for name, x in failures[0].operands.items()
        if x.dtype.kind == "f" and all(f.operands[name].shape == f.true.shape for f in failures)
    ]


Side = tuple[str, Callable[[Failure], Array]]


def _sides(failures: list[Failure]) -> tuple[list[Side], list[Side]]:
    """Return where an operand, or what it should be, has a sign; in words, and the entries."""
    named: list[Side] = [
        (f"where {name} is {side}", partial(_on_a_side, of, name))
        for side, of in SIDES.items()
        for name in _alike(failures)
    ]
    due: list[Side] = [
        (f"where it should be {side}", partial(_on_a_side, of, "")) for side, of in SIDES.items()
    ]
    return named, due


def _on_a_side(of: Callable[[Array], Array], name: str, f: Failure) -> Array:
    return of(f.arrays[name] if name else f.true)


def _all_within(
    entries: Callable[[Failure], Array], failures: list[Failure], *, chance: bool
) -> bool:
    """Whether all that is wrong lies in some of the entries, and something right does not.

    `chance`: of few entries, all may lie there by chance.
    """
    if any((f.wrong & ~entries(f)).any() for f in failures):
        return False
    wrong = sum(np.count_nonzero(f.wrong) for f in failures)
    return bool(wrong >= LEAST or not chance) and any(
        (f.judged & ~entries(f)).any() for f in failures
    )


def _within(say: str, entries: Callable[[Failure], Array], failures: list[Failure]) -> str:
    """Say what is wrong in some of the entries."""
    some = [replace(f, within=entries(f)) for f in failures]
    search = Search(some)
    found = not say.endswith("zero") and (
        search.first(arithmetic(some)) or search.first(mixed_up(some[0]))
    )
    return f"{say}, {found}" if found else f"it is wrong only {say}"


def _along_an_axis(failures: list[Failure]) -> str:
    for axis in range(failures[0].true.ndim):
        lines = [_lines(f.wrong, axis) for f in failures]
        if None in lines:
            continue
        along, places = ALONG.format(axis), lines[0] or []
        if all(found == places for found in lines) and len(places) <= len(failures[0].wrong) / 2:
            which = ", ".join(map(str, places[:4])) + (", …" if len(places) > 4 else "")
            return f"it is wrong only at {which} {along}"
        if all(
            found == [f.wrong.shape[axis] - 1] for found, f in zip(lines, failures, strict=True)
        ):
            return f"it is wrong only at the last place {along}"
    return ""


def _beyond(failures: list[Failure]) -> str:
    """Say beyond what size of an operand it is wrong, where that is so of every entry."""
    for name in _alike(failures):
        for say, size in ((name, np.asarray), (f"−{name}", np.negative), (f"|{name}|", np.abs)):
            wrong = min(float(size(f.arrays[name])[f.wrong].min()) for f in failures)
            right = [size(f.arrays[name])[~f.wrong & f.judged] for f in failures]
            if sum(one.size for one in right) >= LEAST and all(
                (one < wrong).all() for one in right
            ):
                return f"it is wrong only where {say} is {wrong:.4g} or more"
    return ""


def _ties(x: Array) -> bool:
    return len(np.unique(x)) < x.size


def _in_float32(failure: Failure) -> bool:
    """Whether an error is as small as roundings to float32 are."""
    got, true = failure.got[failure.judged], failure.true[failure.judged]
    return bool(norm(got - true) <= np.finfo(np.float32).eps * norm(true))


def _lines(wrong: Array, axis: int) -> list[int] | None:
    """Return where along an axis entries are wrong, where that is not everywhere."""
    lines = wrong.any(axis=tuple(i for i in range(wrong.ndim) if i != axis))
    return None if lines.all() else np.flatnonzero(lines).tolist()
