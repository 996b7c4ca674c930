"""Trainings that come to nothing: numbers that are no longer finite, and errors that no learning has brought down."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from compare.data.batches import Batch, to_float
from compare.sides.interface import Side, State

FALLING = 0.99  # of the epoch before: an error above that is not on its way down


def first_not_finite(side: Side, start: State, batches: Iterable[Batch]) -> tuple[int, str] | None:
    """Return the first step from `start` on, counted from 0, that has a tensor with NaN or infinity, and its name.

    The name is the first of that step in causal order. Observed steps compute the same as
    unobserved ones, bit for bit, so a training need not look at every tensor as it goes. Returns
    None where all are finite.
    """
    side.load(dict(start))
    for number, batch in enumerate(batches):
        for name, value in side.observe(batch).items():
            if not np.isfinite(value).all():
                return number, name
    return None


def fruitless(errors: list[float], images: NDArray[np.uint8]) -> str | None:
    """Say, of the error per pixel on test `images` after each epoch, that nothing has been learnt, where that is so.

    The measure is the error of whoever answers every image with the mean one, the best that ignores
    its input.
    """
    least = float(to_float(images).var(axis=0, dtype=np.float64).mean())
    if errors[-1] <= least:
        return None
    if len(errors) == 1:
        advice = "give it more --epochs; where that does not help, another --lr"
    elif errors[-1] < FALLING * errors[-2]:
        advice = "it falls: give it more --epochs"
    else:
        advice = "it does not fall: the training diverges, try a smaller --lr"
    return f"its test error, {errors[-1]:.3g} a pixel, is above that of the mean image, {least:.3g}; {advice}"
