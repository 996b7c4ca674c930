"""A wrong result, and whether a mistake explains it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from compare.check.bounds import norm, unit_roundoff
from compare.check.mistakes import EXPLAINED
from compare.check.regimes import Trial
from compare.errors import UserError
from compare.sides.interface import Array


@dataclass(frozen=True)
class Failure:
    """A result that is wrong: in what trial and dtype, and what came."""

    trial: Trial
    dtype: str
    tensor: str
    got: Array = field(repr=False)
    before: tuple[Mapping[str, Array], ...] = ()  # what was true in the calls before it

    @cached_property
    def true(self) -> Array:
        """What would have been right."""
        return self.trial.truths[self.dtype].true[self.tensor]

    @property
    def allowed(self) -> Array:
        """How far off each entry may be."""
        return self.trial.truths[self.dtype].allowed[self.tensor]

    @property
    def judged(self) -> Array:
        """Which entries can be judged."""
        return self.trial.truths[self.dtype].judged[self.tensor]

    @cached_property
    def operands(self) -> dict[str, Array]:
        """The operands and `DY`, real ones in float64."""
        given = self.trial.operands[self.dtype]
        return {
            name: x.astype(np.float64) if x.dtype.kind == "f" else x for name, x in given.items()
        }

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """What the result may have been mixed up with, by name: operands, and other results."""
        others = {k: x for k, x in self.trial.truths[self.dtype].true.items() if k != self.tensor}
        return {name: x for name, x in {**others, **self.operands}.items() if x.dtype.kind == "f"}

    @cached_property
    def wrong(self) -> Array:
        """Which entries are wrong."""
        off = ~(np.abs(self.got - self.true) <= self.allowed)
        return np.asarray(off & self.judged)

    def is_explained_by(self, mistake: "Mistake") -> bool:
        """Whether the result with a mistake in it is the one that came, or undoing it is right.

        Up to rounding, which may be larger than that of what is right, as the mistake's own result
        may be; and no more than a small part of the error is left.
        """
        undo = isinstance(mistake, Undoing)
        try:
            wrong = np.asarray(mistake(self))
        except (UserError, RuntimeError, ValueError, TypeError, LookupError):
            return False  # it cannot be computed of this
        expected = self.true if undo else self.got
        if wrong.shape != expected.shape:
            return False
        if self.got.shape != self.true.shape:
            left, size = norm(expected - wrong), norm(wrong)
            return bool(left <= unit_roundoff(self.dtype) ** 0.5 * size < np.inf)
        finite = np.isfinite(self.got)
        if np.isfinite(wrong[self.judged & ~finite].astype(self.dtype)).any():
            return False
        left, size, error, true, rounding = (
            norm(x[self.judged & finite])
            for x in (expected - wrong, wrong, self.got - self.true, self.true, self.allowed)
        )
        if not (size < np.inf and left < np.inf):
            return False
        near = unit_roundoff(self.dtype) ** 0.5 * size
        rounding = max(rounding, min(near, rounding * size / (true or 1.0)))
        return bool(left <= max(near, rounding) and left <= max(EXPLAINED * error, rounding))


@dataclass(frozen=True)
class Undoing:
    """A mistake that is told by undoing it: what is right is made of the result."""

    correct: Callable[[Failure], Array]

    def __call__(self, failure: Failure) -> Array:
        """Return the result without the mistake."""
        return self.correct(failure)


Mistake = Callable[[Failure], Array]  # a result with that mistake in it, or `Undoing`
Candidate = tuple[str, Mistake]


def first_that_fits(candidates: Iterable[Candidate], failures: list[Failure]) -> str:
    """Return what the first mistake says that explains all failures, or nothing."""
    return next((s for s, m in candidates if all(f.is_explained_by(m) for f in failures)), "")
