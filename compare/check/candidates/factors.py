"""The names of factors: a number, or a number of rows, columns, entries, that differs by case."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations

from compare.check.bounds import norm, unit_roundoff
from compare.check.failures import Failure
from compare.check.mistakes import EXPLAINED, number_in_words, simple_fraction

ROUNDED = 64  # roundings: a factor that is 1 to within so many is no mistake of anybody's
SAME = EXPLAINED**2  # factors are the same to within this part of them


@dataclass(frozen=True)
class Factor:
    """A factor in words, and what it is in one case."""

    say: str
    by: Callable[[Failure], float]


def sizes(failure: Failure) -> dict[str, float]:
    """Return what a mean may be over, by what it is called."""
    found: dict[str, float] = {}
    for name, x in failure.operands.items():
        if not x.ndim:
            continue
        found |= {f"the number of rows of {name}": x.shape[0]}
        found |= {f"the number of columns of {name}": x.shape[-1]}
        found |= {f"the number of entries of {name}": x.size}
        found |= {f"the number of entries of a row of {name}": x.size // len(x)}
        if x.ndim > 2:
            found |= {f"the number of channels of {name}": x.shape[1]}
            found |= {f"the number of entries of a channel of {name}": x.size // x.shape[1]}
            found |= {f"the number of pixels of an image of {name}": x[0, 0].size}
        if x.dtype.kind == "f" and x.min() >= 0 and x.any():
            found |= {f"the mean of {name}": float(x.mean())}
    return found


def named(failures: list[Failure], factors: Sequence[float]) -> Factor | None:
    """Return the simplest name of what a result is multiplied by in each case, or None."""
    first, near = factors[0], [SAME + _rounding(f) for f in failures]
    if _same(factors, near):
        if abs(first - 1) <= ROUNDED * unit_roundoff(failures[0].dtype):
            return None
        times = number_in_words(first)
        return Factor(
            f"it is {times} times what it should be{_size(first, failures[0])}", lambda f: first
        )
    return next(_by_size(failures, factors, near), None)


def _rounding(f: Failure) -> float:
    """Return what part of a result may be rounding."""
    part = norm(f.allowed[f.judged]) / (norm(f.true[f.judged]) or 1.0)
    return part if part < 1 else 1.0


def _by_size(
    failures: list[Failure], factors: Sequence[float], near: Sequence[float]
) -> Iterator[Factor]:
    found = [sizes(f) for f in failures]
    names = [name for name in found[0] if all(name in one for one in found)]
    for name in names:
        for power in (-1.0, 1.0, -0.5, 0.5):
            numbers = [c / one[name] ** power for c, one in zip(factors, found, strict=True)]
            number = 1.0 if abs(numbers[0] - 1) < SAME else numbers[0]
            if _same(numbers, near) and (number == 1 or simple_fraction(number)):
                root = "" if abs(power) == 1 else "the root of "
                did = "multiplied" if power > 0 else "divided"
                times = (
                    "" if number == 1 else f"{number_in_words(number)} times what it should be, "
                )
                yield Factor(
                    f"it is {times}{did} by {root}{name}", partial(_powered, name, power, number)
                )
    for a, b in permutations(names, 2):
        if _same([c * one[a] / one[b] for c, one in zip(factors, found, strict=True)], near, 1.0):
            yield Factor(f"it is divided by {a}, not by {b}", partial(_ratio, a, b))


def _powered(name: str, power: float, number: float, failure: Failure) -> float:
    return float(number * sizes(failure)[name] ** power)


def _ratio(a: str, b: str, failure: Failure) -> float:
    found = sizes(failure)
    return found[b] / found[a]


def _same(numbers: Sequence[float], near: Sequence[float], as_: float | None = None) -> bool:
    wanted = numbers[0] if as_ is None else as_
    pairs = zip(numbers, near, strict=True)
    return all(abs(number - wanted) <= part * abs(wanted) for number, part in pairs)


def _size(factor: float, failure: Failure) -> str:
    """Say whose size a factor is made of."""
    for name, size in sizes(failure).items():
        roots = () if simple_fraction(factor) else (size**-0.5, size**0.5)
        powers = (1 / size, size, *roots)
        if size > 2 and any(abs(factor / value - 1) < SAME for value in powers):
            return f" ({name.removeprefix('the number of ')}: {size})"
    return ""
