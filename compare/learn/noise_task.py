"""The exercise 11: noise is random, so what is judged is how it is distributed."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from compare.learn.tasks import Case, Task
from compare.sides.interface import Array

SIZE = (80, 50)  # enough for the estimates below to be sharp
ERRORS = 6.0  # standard errors: a right noise goes beyond them once in 500 million draws
LITTLE, MUCH = 0.02, 0.8  # factors: with the one nothing is clipped, with the other a lot
INSIDE = (0.3, 0.7)  # 15 of the little deviations fit between these and what is cut

Again = Callable[[Case], Array]


def noise_task() -> Task:
    """Return the task to add noise."""
    return Task(
        "add_noise",
        ("noisy",),
        _cases,
        arguments=lambda of: {
            "x": of["x"],
            "factor": of["factor"],
            "rng": np.random.default_rng(of["seed of rng"]),
        },
        complain=_complaints,
    )


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for dtype in ("float32", "float64"):
        for size, factor in (((1, 3), LITTLE), (SIZE, LITTLE), (SIZE, MUCH)):
            x, seed = rng.uniform(*INSIDE, size).astype(dtype), int(rng.integers(2**32))
            yield Case(dtype, {"x": x, "factor": factor, "seed of rng": seed})


def _complaints(case: Case, noisy: Array, again: Again) -> Iterator[str]:
    """Yield what is wrong with noisy images."""
    x, factor, seed = case.operands.values()
    if noisy.shape != x.shape:
        yield f"noisy has shape {noisy.shape}, and {x.shape} is needed, as x has"
        return
    if not np.isfinite(noisy).all() or noisy.min() < 0 or noisy.max() > 1:
        yield f"noisy goes from {noisy.min():.3g} to {noisy.max():.3g}: clip it to [0, 1]"
    if not np.array_equal(noisy, again(case)):
        yield "of two equal generators it makes different noise: draw from rng and nothing else"
    if np.array_equal(noisy, x):
        yield "there is no noise"
    other = case._replace(operands={**case.operands, "seed of rng": seed + 1})
    if np.array_equal(noisy, again(other)):
        yield "whatever rng is, the noise is the same: draw from rng"
    if noisy.size > x.shape[1]:
        yield from (_clipped if factor == MUCH else _distributed)(x, noisy, factor)
    if noisy.dtype != case.dtype:
        yield f"noisy is {noisy.dtype} where x is {case.dtype}: the noise needs the dtype of x"


def _distributed(x: Array, noisy: Array, factor: float) -> Iterator[str]:
    z = (noisy - x.astype(np.float64)) / factor
    if np.ptp(z, axis=0).max() < 0.01:
        yield "every row gets the same noise, and every pixel should have its own"
    if np.ptp(z, axis=1).max() < 0.01:
        yield "all pixels of a row get the same noise, and every pixel should have its own"
    if z.min() >= 0:
        yield "the noise is nowhere below zero: it is not normal, or clipped before it is added"
    if noisy.min() <= 0 or noisy.max() >= 1:
        yield f"some pixels are 0 or 1, too far for a factor of {factor}: is it left out?"
    error = ERRORS / math.sqrt(z.size)  # of the mean; the others are multiples of it
    if abs(z.mean()) > error:
        yield f"the mean of the noise is {z.mean():.3g}, and should be 0"
    if abs(z.std() - 1) > error / math.sqrt(2):
        wanted = "it should be factor, which is"
        yield f"the noise has a standard deviation of {factor * z.std():.3g}; {wanted} {factor}"
    if abs((z**4).mean() - 3) > error * math.sqrt(96):
        yield "the noise is not normal: large values are too rare or too frequent"


def _clipped(x: Array, noisy: Array, factor: float) -> Iterator[str]:
    """Yield what is wrong where much is cut: about as many pixels should be 0, and 1, as are."""
    for limit, beyond in ((0, x), (1, 1 - x)):
        expected = np.mean([math.erfc(of / factor / math.sqrt(2)) / 2 for of in beyond.ravel()])
        if abs((noisy == limit).mean() - expected) > ERRORS / 2 / math.sqrt(x.size):
            yield f"of the pixels {(noisy == limit).mean():.0%} are {limit}, not {expected:.0%}"
