"""A reference with its operations, and the results that it has with one of them changed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compare.check.failures import Candidate, Failure, Mistake
from compare.check.recording import Args, At, Change, Made, Operation, Recording, Run, Value
from compare.check.reference import Reference
from compare.errors import UserError
from compare.sides.interface import Array, Shape

MOST_WORK = 90_000  # operations that are done again, for one verdict
Some = Iterator[Candidate]


class Rewriting:
    """A reference with its operations, for all the results of one verdict: each is done once."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.left = MOST_WORK
        self._recordings: dict[tuple[Shape, ...], Recording] = {}
        self._made: dict[Any, Made] = {}
        self._results: dict[Any, Mapping[str, Array] | None] = {}
        self._listed: dict[Any, list[Candidate]] = {}

    def recording(self, f: Failure) -> Recording:
        """Return the operations for operands of a case's shapes."""
        shapes = tuple(x.shape for x in f.operands.values())
        if shapes not in self._recordings:
            self._recordings[shapes] = Recording(self.reference, f.operands)
        return self._recordings[shapes]

    def made(self, f: Failure) -> Made:
        """Return all values of a case, as they should be."""
        case = id(f.trial), f.dtype
        if case not in self._made:
            self._made[case] = self.recording(f).run(f.operands)
        return self._made[case]

    def result(self, f: Failure, number: int, key: str, change: Change, *, derived: bool) -> Array:
        """Return the result of a case with a change, which has a key of its own.

        `derived`: with the derivative of what is changed. Raises `ValueError` where there is none.
        """
        recording = self.recording(f)

        def results() -> Mapping[str, Array]:
            self.left -= len(recording.operations) * (2 if derived else 1)
            if derived:
                return recording.derived(f.operands, number, change)
            return recording.again(self.made(f), number, change)

        return self.once(f, (number, key, derived), results)

    def once(self, f: Failure, key: Any, results: Callable[[], Mapping[str, Array]]) -> Array:
        """Return a case's result among those of all its tensors, which are computed once.

        Raises `ValueError` where they cannot be.
        """
        of = id(f.trial), f.dtype, key
        if of not in self._results:
            try:
                self._results[of] = results()
            except (UserError, RuntimeError, TypeError, ValueError, LookupError, AttributeError):
                self._results[of] = None
        found = self._results[of]
        if found is None:
            raise ValueError("it cannot be changed so")
        return found[f.tensor]

    def listed(self, f: Failure, key: Any, candidates: Callable[[], Some]) -> list[Candidate]:
        """Return candidates that are the same for all tensors of a case, made once."""
        of = id(f.trial), f.dtype, key
        if of not in self._listed:
            self._listed[of] = list(candidates())
        return self._listed[of]


@dataclass(frozen=True)
class Place:
    """An operation that is changed, in the search for what explains a failure."""

    rewriting: Rewriting
    failure: Failure
    number: int
    derived: bool

    @property
    def operation(self) -> Operation:
        """The operation itself, for the operands of the failure."""
        return self.rewriting.recording(self.failure).operations[self.number]

    def mistake(self, key: str, change: Change) -> Mistake:
        """Return what a change makes of the results; its key tells it from others."""
        own = self.rewriting.recording(self.failure)

        def wrong(f: Failure) -> Array:
            recording = self.rewriting.recording(f)
            number = recording.like(Value(self.number), own).number

            def changed(run: Run, args: Args, at: At) -> Any:
                return change(run, args, lambda x: at(recording.like(x, own)))

            return self.rewriting.result(f, number, key, changed, derived=self.derived)

        return wrong
