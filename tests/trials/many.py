"""Trials by the number."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.random import Generator

Trial = Callable[[Generator, Path], str]


def many(trial: Trial, seeds: Iterable[int], folder: Path) -> Counter[str]:
    """Do a trial for each seed, each in a new folder; return how often each outcome came."""
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        own = folder / f"{trial.__module__}-{seed}"
        own.mkdir()
        try:
            outcomes[trial(np.random.default_rng(seed), own)] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    return outcomes
