"""A wrong result, and whether a mistake explains it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from compare.check.bounds import norm, unit_roundoff
from compare.check.mistakes import EXPLAINED
from compare.check.regimes import Trial
from compare.errors import UserError
from compare.sides.interface import Array

ROUNDED = 16  # units of the largest operand, or of one, that rounding may leave of a zero


@dataclass(frozen=True)
class Failure:
    """A result that is wrong: in what trial and dtype, and what came."""

    trial: Trial
    dtype: str
    tensor: str
    got: Array = field(repr=False)
    before: tuple[Mapping[str, Array], ...] = ()  # what was true in the calls before it
    within: Array | None = field(repr=False, default=None)  # entries; of the others nothing is said

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
        judged = self.trial.truths[self.dtype].judged[self.tensor]
        return judged if self.within is None else judged & self.within

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

    @cached_property
    def is_rounding(self) -> bool:
        """Whether all that came is of the size of roundings, where zero is due."""
        largest = max((float(np.abs(x).max()) for x in self.operands.values()), default=0.0)
        most = ROUNDED * unit_roundoff(self.dtype) * max(1.0, largest)
        return not self.true.any() and bool((np.abs(self.got) <= most).all())

    def is_explained_by(self, mistake: "Mistake") -> bool:
        """Whether the result with a mistake in it is the one that came, or undoing it is right."""
        wrong = self.made_by(mistake)
        return wrong is not None and self.is_like(wrong, undone=isinstance(mistake, Undoing))

    def made_by(self, mistake: "Mistake") -> Array | None:
        """Return what a mistake makes of this, or None where it cannot be made of it."""
        try:
            return np.asarray(mistake(self))
        except (UserError, RuntimeError, ValueError, TypeError, LookupError):
            return None

    def is_like(self, wrong: Array, *, undone: bool = False) -> bool:
        """Whether a result is the one that came; if `undone`, whether it is what is true.

        Up to rounding, which may be larger than that of what is right, as the mistake's own result
        may be; and no more than a small part of the error is left.
        """
        expected = self.true if undone else self.got
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
Candidate = tuple[str | Callable[[], str], Mistake]  # what to say, at once or if it fits
