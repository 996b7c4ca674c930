"""The search for a mistake that explains every failure of a result.

A mistake is told only where the result with that mistake in it is the one that came, in every case
that failed. That is the claim's own test: undo the mistake, and the result is right.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from compare.check.candidates.factors import Factor, named
from compare.check.failures import Candidate, Failure, Mistake, Undoing
from compare.check.mistakes import multiple
from compare.sides.interface import Array

ENTRIES = 3  # that a result has at least; of fewer, too many things are multiples
ALONG = "along axis {}"


class Search:
    """The failures of one result, and the mistakes that explain the first but for a factor."""

    def __init__(self, failures: list[Failure]) -> None:
        self.failures = failures
        first = failures[0]
        of_true = factor_of(first, first.true)
        self._telling = first.got.size >= ENTRIES and of_true is None
        self._nearly: list[Candidate] = []

    def first(self, candidates: Iterable[Candidate]) -> str:
        """Return what the first mistake says that explains all failures, or nothing."""
        first, *rest = self.failures
        for say, mistake in candidates:
            wrong, undone = first.made_by(mistake), isinstance(mistake, Undoing)
            if wrong is None:
                continue
            if first.is_like(wrong, undone=undone):
                if all(f.is_explained_by(mistake) for f in rest):
                    return words(say)
            elif self._telling and not undone and factor_of(first, wrong) is not None:
                self._nearly.append((say, mistake))
        return ""

    def up_to_a_factor(self) -> str:
        """Return what two mistakes at once say: one of those tried, and a factor."""
        for say, mistake in self._nearly:
            if factor := named_factor(self.failures, mistake):
                both = _both(mistake, factor)
                if all(f.is_explained_by(both) for f in self.failures):
                    return f"{words(say)}; and then {factor.say}"
        return ""


def words(say: str | Callable[[], str]) -> str:
    """Return what a candidate says."""
    return say if isinstance(say, str) else say()


def _both(mistake: Mistake, factor: Factor) -> Mistake:
    return lambda f: np.asarray(mistake(f) * factor.by(f))


def factor_of(failure: Failure, wrong: Array) -> float | None:
    """Return what times a result gives the one that came, or None."""
    if not wrong.shape == failure.got.shape == failure.true.shape:
        return None
    finite = failure.judged & np.isfinite(failure.got) & np.isfinite(wrong)
    factor = _times(failure.got[finite], wrong[finite])
    if not factor or not np.isfinite(factor) or not failure.is_like(factor * wrong):
        return None
    return factor


def _times(one: Array, other: Array) -> float:
    """Return how many times another array one is; of large ones the squares would overflow."""
    size = float(np.abs(other).max(initial=0)) or 1.0
    return multiple(one / size, other / size)


def named_factor(failures: list[Failure], mistake: Mistake) -> Factor | None:
    """Return what, times a mistake's result, gives the one that came, if it has a name."""
    found = {}
    for i, f in enumerate(failures):
        wrong = f.made_by(mistake)
        factor = None if wrong is None else factor_of(f, wrong)
        if factor is not None:
            found[i] = factor
    return _named(failures, found)


def _named(failures: list[Failure], found: Mapping[int, float]) -> Factor | None:
    """Return the name of a factor, of those cases where it can be measured: others may overflow."""
    if 0 not in found:
        return None
    return named([failures[i] for i in found], list(found.values()))


def part_factor(failures: list[Failure], without: Mistake) -> Factor | None:
    """Return what a part is multiplied by, if it has a name: of what there would be without it."""
    found = {}
    for i, f in enumerate(failures):
        rest = f.made_by(without)
        if rest is None or rest.shape != f.true.shape:
            return None
        factor = 1 + _times((f.got - f.true)[f.judged], (f.true - rest)[f.judged])
        if np.isfinite(factor) and f.is_like(rest + factor * (f.true - rest)):
            found[i] = factor
        elif not i:
            return None
    return _named(failures, found)


def of(change: Callable[..., Array], *arguments: object) -> Mistake:
    """Return the mistake that changes what is right."""
    return lambda f: change(f.true, *arguments)
