"""In what way a result is wrong: what is likely first, and what takes long last."""

from collections.abc import Callable, Iterable

import numpy as np

from compare.check.candidates.arithmetic import arithmetic, left_over, limited
from compare.check.candidates.changed_operands import changed_operands
from compare.check.candidates.contributions import examples, overwritten
from compare.check.candidates.mixed_up import exchanged_factors, mixed_up
from compare.check.candidates.order import rearranged
from compare.check.candidates.places import for_, where
from compare.check.candidates.rewriting import Rewriting
from compare.check.candidates.rewritten import rewritten
from compare.check.candidates.search import ENTRIES, Search
from compare.check.candidates.shapes import misshapen
from compare.check.failures import Candidate, Failure
from compare.check.regimes import AGAIN, AS_GIVEN

Candidates = Callable[[], Iterable[Candidate]]


@np.errstate(all="ignore")  # of what is infinite where it is large
def diagnosed(failures: list[Failure], rewriting: Rewriting) -> str:
    """Say in what way a result is wrong in all cases given, or nothing."""

    # Most candidates fall at the first, and a factor is read off it: a small one of many digits.
    def simplest(f: Failure) -> tuple[bool, bool, bool, int]:
        size = sum(x.size for x in f.operands.values())
        return not np.isfinite(f.got).all(), f.dtype == "float32", f.got.size < ENTRIES, size

    if any(f.got.shape != f.true.shape for f in failures):
        return misshapen(failures)  # of the example, which comes first
    telling = [f for f in failures if not f.is_rounding] or failures
    failures = sorted(telling, key=simplest)
    first, reference = failures[0], rewriting.reference
    if not np.isfinite(first.got[first.judged]).all():
        return where(failures)
    search = Search(failures)
    families: tuple[Candidates, ...] = (
        lambda: arithmetic(failures),
        lambda: rearranged(first),
        lambda: mixed_up(first),
        left_over,
        lambda: limited(failures),
        lambda: changed_operands(failures, rewriting),
        lambda: examples(failures, reference),
        lambda: rewritten(failures, rewriting),
        lambda: exchanged_factors(first),
        lambda: overwritten(first, reference),
    )
    found = next((say for family in families if (say := search.first(family()))), "")
    if say := found or search.up_to_a_factor():
        return say + (for_(failures) and f", only{for_(failures)}")
    return _unlike_itself(failures) or where(failures)


def _unlike_itself(failures: list[Failure]) -> str:
    """Say so where the first call, repeated, has another result."""
    by_regime = {(f.trial.regime, f.dtype): f for f in failures}
    for (regime, dtype), again in by_regime.items():
        first = by_regime.get((AS_GIVEN, dtype))
        if regime == AGAIN and first:
            off = np.abs(again.got - first.got)[first.judged]
            if (off > first.allowed[first.judged]).any():
                return "two calls with the same operands have different results"
    return ""
