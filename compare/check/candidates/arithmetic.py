"""Mistakes that are a function of what is right: a factor, a power, a limit, something added."""

from collections.abc import Callable, Iterator

import numpy as np

from compare.check.bounds import norm
from compare.check.candidates.search import named_factor, of
from compare.check.failures import Candidate, Failure
from compare.sides.interface import Array

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "the absolute value": np.abs,
    "the sign": np.sign,
    "the square": np.square,
    "the root": np.sqrt,
    "one over": np.reciprocal,
    "the exponential": np.exp,
    "the logarithm": np.log,
    "tanh": np.tanh,
    "the sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "the positive part": lambda x: np.maximum(x, 0),
    "1 −": lambda x: 1 - x,
}


def arithmetic(failures: list[Failure]) -> Iterator[Candidate]:
    """Yield multiples of what is right, and other functions of it."""
    yield "it is zero", of(np.zeros_like)
    first = failures[0]
    factor = named_factor(failures, lambda f: f.true)
    if factor and (first.true.size > 1 or len(failures) > 1):
        yield factor.say, lambda f: factor.by(f) * f.true
    for say, function in FUNCTIONS.items():
        yield f"it is {say} of what it should be".replace("− of", "−"), of(function)
    added = float(np.median((first.got - first.true)[first.judged]))
    for digits in (1, 4):
        few = float(f"{added:.{digits}g}")
        yield f"{few:g} is added", of(np.add, few)


def limited(failures: list[Failure]) -> Iterator[Candidate]:
    """Yield what a limit makes of it: on each entry, or on the norm."""
    least = min(float(f.got.min()) for f in failures)
    most = max(float(f.got.max()) for f in failures)
    longest = max(norm(f.got) for f in failures)
    yield f"it is clipped to at most {most:.4g}", of(np.minimum, most)
    yield f"it is clipped to at least {least:.4g}", of(np.maximum, least)
    yield f"it is clipped to between {least:.4g} and {most:.4g}", of(np.clip, least, most)
    clipped = of(lambda true: true * min(1, longest / (norm(true) or 1)))
    yield f"its norm is clipped to {longest:.4g}", clipped


def left_over() -> Iterator[Candidate]:
    """Yield what the calls before may have left."""
    yield "it is the result of the call before", lambda f: f.before[-1][f.tensor]
    yield "the result of the call before is added", lambda f: f.true + f.before[-1][f.tensor]
    yield (
        "the results of all calls before are added",
        lambda f: np.sum([f.true, *(old[f.tensor] for old in f.before)], axis=0),
    )
