"""The mistakes that people make, each computed, and held against every case that failed.

A mistake is told only where the result with that mistake in it is the one that came, in every case
that failed. That is the claim's own test: undo the mistake, and the result is right.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

import numpy as np

from compare.check.bounds import norm, unit_roundoff
from compare.check.failures import Candidate, Failure, Mistake, Undoing, first_that_fits
from compare.check.mistakes import EXPLAINED, number_in_words, simple_fraction
from compare.check.reference import DY, Reference
from compare.check.rewritten import rewritten
from compare.sides.interface import Array

MOST_ENTRIES = 256  # of a result, each of which is differentiated alone
ROUNDED = 64  # roundings: a factor that is 1 to within so many is no mistake of anybody's
ALONG = "along axis {}"


@np.errstate(all="ignore")  # of what is infinite where it is large
def diagnosed(failures: list[Failure], reference: Reference) -> str:
    """Say in what way a result is wrong in all cases given, or nothing."""

    # Most candidates fall at the first, and a factor is read off it: a small one of many digits.
    def simplest(f: Failure) -> tuple[bool, bool, int]:
        return not np.isfinite(f.got).all(), f.dtype == "float32", f.got.size

    if any(f.got.shape != f.true.shape for f in failures):
        return _misshapen(failures)  # of the example, which comes first
    failures = sorted(failures, key=simplest)
    first = failures[0]
    if np.isfinite(first.got[first.judged]).all():
        for some in (
            _arithmetic(failures),
            _rearranged(first),
            _mixed_up(first),
            _left_over(),
            _limited(failures),
            _other_operands(first, reference),
            _own_entries(first, reference),
            rewritten(first, reference),
        ):
            if say := first_that_fits(some, failures):
                return say + (_for(failures) and f", only{_for(failures)}")
    return _where(failures)


def _of(change: Callable[..., Array], *arguments: object) -> Mistake:
    """Return the mistake that changes what is right."""
    return lambda f: change(f.true, *arguments)


def _arithmetic(failures: list[Failure]) -> Iterator[Candidate]:
    """Yield multiples of what is right, named by sizes where these differ, and other functions."""
    yield "it is zero", _of(np.zeros_like)
    first = failures[0]
    factor = _multiple(first.got[first.judged], first.true[first.judged])
    telling = first.true.size > 1 or len(failures) > 1 or simple_fraction(factor)
    if telling and abs(factor - 1) > ROUNDED * unit_roundoff(first.dtype):
        say = f"it is {number_in_words(factor)} times what it should be"
        yield say + _size_of(factor, first), _of(np.multiply, factor)
    for name in _sizes(first):
        for power, say in ((-1, "divided by"), (1, "multiplied by")):
            yield f"it is {say} the number of {name}", _powered(name, power)
            yield f"it is {say} the root of the number of {name}", _powered(name, power / 2)
    for say, function in {
        "the absolute value": np.abs,
        "the sign": np.sign,
        "the square": np.square,
        "the root": np.sqrt,
        "one over": np.reciprocal,
        "the exponential": np.exp,
        "the logarithm": np.log,
    }.items():
        yield f"it is {say} of what it should be", _of(function)
    added = float((first.got - first.true)[first.judged].mean())
    yield f"{number_in_words(added)} is added", _of(np.add, added)


def _powered(size: str, power: float) -> Mistake:
    return lambda f: f.true * _sizes(f)[size] ** power


def _sizes(failure: Failure) -> dict[str, int]:
    """Return the sizes that a mean may be over, by what they are called."""
    sizes: dict[str, int] = {}
    for name, x in failure.operands.items():
        if x.ndim:
            sizes |= {f"rows of {name}": x.shape[0], f"columns of {name}": x.shape[-1]}
            sizes |= {f"entries of {name}": x.size}
            sizes |= {f"entries of a row of {name}": x.size // len(x)}
            if x.ndim > 2:
                sizes |= {f"entries of a channel of {name}": x.size // x.shape[1]}
    return sizes


def _size_of(factor: float, failure: Failure) -> str:
    """Say whose size a factor is made of."""
    for name, size in _sizes(failure).items():
        roots = () if simple_fraction(factor) else (size**-0.5, size**0.5)
        powers = (1 / size, size, *roots)
        if size > 2 and any(abs(factor / value - 1) < EXPLAINED**2 for value in powers):
            return f" ({name}: {size})"
    return ""


def _rearranged(failure: Failure) -> Iterator[Candidate]:
    """Yield what is right in another order, or summed and spread again."""
    yield "it is the transpose of what it should be", _of(np.transpose)
    yield "it is reshaped where it should be transposed", _of(_reshaped)
    for axis in range(failure.true.ndim):
        along = ALONG.format(axis)
        yield f"it is in reverse order {along}", _of(np.flip, axis)
        for shift in (1, -1):
            yield f"it is shifted by one {along}", _of(np.roll, shift, axis)
        if failure.true.ndim > 1:
            yield f"every entry is the sum {along}", _of(_spread, np.sum, axis)
            yield f"every entry is the mean {along}", _of(_spread, np.mean, axis)
        yield f"its mean {along} is taken away", _of(_centred, axis)
        yield f"it is added up {along}, entry by entry", _of(np.cumsum, axis)
    for axes in combinations(range(failure.true.ndim), 2):
        along = " and ".join(map(ALONG.format, axes))
        yield f"it is in reverse order {along}", _of(np.flip, axes)
        yield f"its axes {axes[0]} and {axes[1]} are swapped", _of(np.swapaxes, *axes)
    yield "every entry is the sum of all", _of(_spread, np.sum, None)
    yield "every entry is the mean of all", _of(_spread, np.mean, None)


def _reshaped(x: Array) -> Array:
    return np.ascontiguousarray(x.T).reshape(x.shape)


def _spread(x: Array, over: Callable[..., Array], axis: int | None) -> Array:
    return np.asarray(over(x, axis=axis, keepdims=True) + np.zeros_like(x))


def _centred(x: Array, axis: int) -> Array:
    return np.asarray(x - x.mean(axis, keepdims=True))


def _mixed_up(failure: Failure) -> Iterator[Candidate]:
    """Yield what comes of one of the operands, or of another result."""
    rows = next((size for size in _sizes(failure) if size.startswith("rows of")), "")
    for name, array in failure.arrays.items():
        yield f"it is {name} itself", _taking(name, lambda _, x: x)
        for axis in range(array.ndim):
            along = ALONG.format(axis)
            for say, over in (("sum", np.sum), ("mean", np.mean), ("largest", np.max)):
                for keepdims in (False, True):
                    reduced = _reduced(name, over, axis, keepdims=keepdims)
                    yield f"it is the {say} of {name} {along}", reduced
                    if rows and over is np.sum:
                        divided = f"{along}, divided by the number of {rows}"
                        yield f"it is the sum of {name} {divided}", _divided(reduced, rows)
        if array.shape == failure.true.shape == failure.got.shape:
            yield _added(name, (failure.got - failure.true)[failure.judged], array[failure.judged])
        for say, factor in FACTORS.items():
            what = say.format(name)
            yield f"the factor {what} is missing", Undoing(_with_factor(name, factor))
            twice = _times(name, factor, lambda f: f.true)
            yield f"it is multiplied by {what} once too often", twice


FACTORS: dict[str, Callable[[Array], Array]] = {
    "{}": lambda x: x,
    "1 − {}": lambda x: 1 - x,
    "1 − {}²": lambda x: 1 - x**2,
    "{} > 0": lambda x: (x > 0) * 1.0,
    "exp({})": np.exp,
}


def _taking(name: str, make: Callable[[Array, Array], Array]) -> Mistake:
    """Return the mistake that makes something of what is right and of an array with a name."""
    return lambda f: make(f.true, f.arrays[name])


def _reduced(name: str, over: Callable[..., Array], axis: int, *, keepdims: bool) -> Mistake:
    return _taking(name, lambda _, x: over(x, axis=axis, keepdims=keepdims))


def _divided(mistake: Mistake, size: str) -> Mistake:
    return lambda f: np.asarray(mistake(f) / _sizes(f)[size])


def _times(
    name: str, factor: Callable[[Array], Array], what: Callable[[Failure], Array]
) -> Mistake:
    return lambda f: np.asarray(what(f) * factor(f.arrays[name]))


def _with_factor(name: str, factor: Callable[[Array], Array]) -> Mistake:
    """Return the correction of a missing factor: where that is zero, something has to be."""

    def correct(f: Failure) -> Array:
        by = factor(f.arrays[name]) + np.zeros_like(f.got)
        if np.count_nonzero(f.got[by == 0]) < np.count_nonzero(by == 0) / 2:
            raise ValueError("the factor is there")
        return np.asarray(f.got * by)

    return correct


def _added(name: str, error: Array, array: Array) -> Candidate:
    share = _multiple(error, array)
    times = "" if abs(share - 1) < EXPLAINED else f"{number_in_words(share)} times "
    return f"{times}{name} is added", _taking(name, lambda true, x: true + share * x)


def _left_over() -> Iterator[Candidate]:
    """Yield what the calls before may have left."""
    yield "it is the result of the call before", lambda f: f.before[-1][f.tensor]
    yield "the result of the call before is added", lambda f: f.true + f.before[-1][f.tensor]
    yield "the results of all calls before are added", _accumulated


def _accumulated(f: Failure) -> Array:
    return np.sum([f.true, *(old[f.tensor] for old in f.before)], axis=0) if f.before else f.true


def _limited(failures: list[Failure]) -> Iterator[Candidate]:
    """Yield what a limit makes of it: on each entry, or on the norm."""
    least = min(float(f.got.min()) for f in failures)
    most = max(float(f.got.max()) for f in failures)
    longest = max(norm(f.got) for f in failures)
    yield f"it is clipped to at most {most:.4g}", _of(np.minimum, most)
    yield f"it is clipped to at least {least:.4g}", _of(np.maximum, least)
    yield f"it is clipped to between {least:.4g} and {most:.4g}", _of(np.clip, least, most)
    clipped = _of(lambda true: true * min(1, longest / (norm(true) or 1)))
    yield f"its norm is clipped to {longest:.4g}", clipped


CHANGES: dict[str, Callable[[Array], Array]] = {
    "were zero": np.zeros_like,
    "were one": np.ones_like,
    "had the other sign": np.negative,
    "were its absolute value": np.abs,
    "were its own square": np.square,
    "were its own root": np.sqrt,
    "were half of it": lambda x: x / 2,
    "were twice of it": lambda x: 2 * x,
    "were its exponential": np.exp,
    "were its transpose": np.transpose,
    "were reshaped where it should be transposed": _reshaped,
    "had one value, its mean": lambda x: np.full_like(x, x.mean()),
    "were rounded to float32": lambda x: x.astype(np.float32).astype(np.float64),
    "were rounded to float16": lambda x: x.astype(np.float16).astype(np.float64),
}
ROWS_OF_DY: dict[str, Callable[[Array], Array]] = {
    "the last row of dy is left out": lambda dy: _rows(dy, slice(None, -1)),
    "the first row of dy is left out": lambda dy: _rows(dy, slice(1, None)),
    "it is of the last row of dy alone": lambda dy: _rows(dy, slice(-1, None)),
    "it is of the first row of dy alone": lambda dy: _rows(dy, slice(None, 1)),
    "it is of the last column of dy alone": lambda dy: _rows(dy.T, slice(-1, None)).T,
    "it is of the first column of dy alone": lambda dy: _rows(dy.T, slice(None, 1)).T,
}


def _rows(x: Array, kept: slice) -> Array:
    """Return an array with all its rows zero but some."""
    some = np.zeros_like(x)
    some[kept] = x[kept]
    return some


def _other_operands(failure: Failure, reference: Reference) -> Iterator[Candidate]:
    """Yield what the reference makes of other operands, or of another `DY`."""

    def when(*changed: tuple[str, str, Callable[[Array], Array]]) -> Mistake:
        """Return what comes where operands are made of some."""

        def wrong(f: Failure) -> Array:
            other = {name: change(f.operands[of]) for name, of, change in changed}
            return reference.results({**f.operands, **other}, "float64")[f.tensor]

        return wrong

    backward = failure.tensor != reference.value
    real = [k for k, x in failure.operands.items() if x.dtype.kind == "f" and (backward or k != DY)]
    if backward and failure.operands[DY].ndim:
        for say, kept in ROWS_OF_DY.items():
            yield say, when((DY, DY, kept))
    for name in real:
        for say, change in CHANGES.items():
            yield f"it is as if {name} {say}", when((name, name, change))
        axes = range(failure.operands[name].ndim)
        for some in (*combinations(axes, 1), *combinations(axes, 2)):
            along = " and ".join(map(ALONG.format, some))
            say = f"it is as if {name} were in reverse order {along}"
            yield say, when((name, name, partial(np.flip, axis=some)))
    if backward:
        for name in real[: real.index(DY)] if DY in real else ():
            say = f"the derivative is taken at {reference.value}, not at {name}"
            yield say, _at_the_value(name, reference)
    yield "rows and columns are exchanged", _exchanged(reference)
    for a, b in combinations(real, 2):
        to_b, to_a = (a, b, np.copy), (b, a, np.copy)
        yield f"{a} and {b} are taken for each other", when(to_b, to_a)
        yield f"{b} stands in the place of {a}", when(to_b)
        yield f"{a} stands in the place of {b}", when(to_a)


def _at_the_value(name: str, reference: Reference) -> Mistake:
    def wrong(f: Failure) -> Array:
        value = f.trial.truths[f.dtype].true[reference.value]
        return reference.results({**f.operands, name: value}, "float64")[f.tensor]

    return wrong


def _exchanged(reference: Reference) -> Mistake:
    """Return what comes where all operands, and the result, are transposed."""

    def wrong(f: Failure) -> Array:
        turned = {name: np.transpose(x) for name, x in f.operands.items()}
        return np.transpose(reference.results(turned, "float64")[f.tensor])

    return wrong


def _own_entries(failure: Failure, reference: Reference) -> Iterator[Candidate]:
    """Yield the gradient where each entry of the value depends on its own entry alone."""
    if failure.operands[DY].shape != failure.true.shape or failure.true.size > MOST_ENTRIES:
        return

    def wrong(f: Failure) -> Array:
        own = np.zeros(f.true.shape)
        for index in np.ndindex(own.shape):
            dy = np.zeros_like(own)
            dy[index] = f.operands[DY][index]
            own[index] = reference.results({**f.operands, DY: dy}, "float64")[f.tensor][index]
        return own

    yield f"it is as if each entry of {reference.value} depended on that very entry alone", wrong


def _misshapen(failures: list[Failure]) -> str:
    """Say which shape came and which is needed, and how the one came of the other."""
    misshapen = [f for f in failures if f.got.shape != f.true.shape]
    first = misshapen[0]
    needed = f"its shape is {first.got.shape}, and {first.true.shape} is needed{_for(misshapen)}"
    reasons: list[Candidate] = [
        ("it is the transpose of what it should be", _of(np.transpose)),
        ("it is summed over everything", _of(np.sum)),
        ("it is flat", _of(np.ravel)),
        ("it has an axis of length one too many or too few", lambda f: f.true.reshape(f.got.shape)),
    ]
    axes = range(first.true.ndim)
    reasons += [(f"it is summed {ALONG.format(axis)}", _of(np.sum, axis)) for axis in axes]
    reasons += [
        (f"it is not summed {ALONG.format(axis)}", _summed(axis, keepdims=keepdims))
        for axis in range(first.got.ndim)
        for keepdims in (False, True)
    ]
    reasons += [
        (f"it is {name} summed {ALONG.format(axis)}", _operand_summed(name, axis))
        for name, x in first.operands.items()
        for axis in range(x.ndim)
    ]
    arrays = [c for c in _mixed_up(first) if c[0].startswith("it is ")]
    if say := first_that_fits([*reasons, *arrays], failures):
        return f"{needed}: {say}"
    return needed


def _operand_summed(name: str, axis: int) -> Mistake:
    return lambda f: np.asarray(f.operands[name].sum(axis))


def _summed(axis: int, *, keepdims: bool) -> Mistake:
    return Undoing(lambda f: np.asarray(f.got.sum(axis, keepdims=keepdims)))


def _where(failures: list[Failure]) -> str:
    """Say where the wrong entries are, or on which operands, where all of them share that."""
    if not any(np.isfinite(f.got[f.wrong]).any() for f in failures):
        kinds = {"NaN" if np.isnan(f.got[f.wrong]).all() else "infinite" for f in failures}
        return f"it is {' or '.join(sorted(kinds))} where the reference is finite{_for(failures)}"
    if all(f.dtype == "float64" and _in_float32(f) for f in failures):
        return "it is right to the digits of float32 alone"
    for name, x in failures[0].operands.items():
        if x.shape == failures[0].true.shape and not any(
            f.operands[name][f.wrong].any() for f in failures
        ):
            return f"it is wrong only where {name} is zero"
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
    return f"it is wrong only{_for(failures)}" if _for(failures) else ""


def _in_float32(failure: Failure) -> bool:
    """Whether an error is as small as roundings to float32 are."""
    got, true = failure.got[failure.judged], failure.true[failure.judged]
    return bool(norm(got - true) <= np.finfo(np.float32).eps * norm(true))


def _lines(wrong: Array, axis: int) -> list[int] | None:
    """Return where along an axis entries are wrong, where that is not everywhere."""
    lines = wrong.any(axis=tuple(i for i in range(wrong.ndim) if i != axis))
    return None if lines.all() else np.flatnonzero(lines).tolist()


def _for(failures: list[Failure]) -> str:
    """Say on which operands alone it fails, where these are of one kind or two."""
    kinds = dict.fromkeys(f.trial.kind for f in failures)
    return f" for {' and '.join(kinds)}" if len(kinds) <= 2 else ""


def _multiple(of: Array, array: Array) -> float:
    """Return how many times `array` is the nearest to `of`."""
    size = float((array * array).sum())
    return float((of * array).sum()) / size if size else 1.0
