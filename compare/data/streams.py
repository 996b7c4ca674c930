"""Random numbers by address: every draw is a pure function of (purpose, seed, epoch, step).

A counter-based generator makes this possible: Philox turns a key and a counter into random bits, so
step 317 can be replayed without the first 316, and a resumed run sees the batches that an unbroken
one would have seen. Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC
2011).
"""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is for. The number is part of the address: never renumber, only append."""

    WEIGHTS = 0
    ORDER = 1
    NOISE = 2
    TEST_NOISE = 3
    DIGITS = 4
    SAMPLES = 5
    PERTURBED = 6
    CHECK = 7
    UNIFORM = 8


def stream(purpose: Purpose, seed: int, epoch: int = 0, step: int = 0) -> np.random.Generator:
    """Return the generator at one address; two addresses never share a number.

    The key holds (seed, purpose) and the upper half of the 256-bit counter (step, epoch), which
    leaves each address 2**128 blocks of its own in the lower half.
    """
    key = np.array([seed, purpose], dtype=np.uint64)
    counter = np.array([0, 0, step, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
