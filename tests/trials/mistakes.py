"""The check itself: it names an injected fault, and a healthy network passes."""

from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.random import Generator

from compare import machine
from compare.controls.controls import control
from compare.controls.faults import FAULTS
from compare.controls.healthy import healthy, judge
from compare.data import digits

SEEDS = 2**31  # of random networks; the committed table has those of seed 0


def trial(rng: Generator, folder: Path) -> str:
    """Judge one network, healthy or not; assert that the verdict is right."""
    if rng.integers(2):
        seed, number = int(rng.integers(1, SEEDS)), int(rng.integers(40))
        case = next(islice(healthy(seed), number, None))
        failed = [finding for finding in judge(case, _images()) if not finding.verdict.held]
        assert not failed, f"{case}: {failed[0]}"
        return "healthy, and passed"
    machine.set_threads(1)
    fault = FAULTS[rng.integers(len(FAULTS))]
    found = control(fault, _images())
    assert found.named, f"{fault.operation}, {fault.name}: {found.sentence}"
    return "wrong, and caught and named"


@cache
def _images() -> np.ndarray:
    return digits.load()[0]
