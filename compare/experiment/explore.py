"""The article's "play around with different values": the same training at every combination of listed values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.errors import UserError
from compare.experiment.batches import noisy_test_images
from compare.experiment.config import Config
from compare.experiment.data import Dataset
from compare.experiment.quality.tables import Table
from compare.experiment.showcase import EXAMPLES
from compare.experiment.training import Training

MOST = 1000  # combinations: each is a training


@dataclass(frozen=True)
class Outcome:
    """What the training at one setting came to, with images (8, height, width) of the test set."""

    original: NDArray[np.floating]
    noisy: NDArray[np.floating]
    denoised: NDArray[np.floating]
    loss: float
    test_mse: float
    seconds: float


def combinations(lists: Mapping[str, Sequence[Any]]) -> dict[str, Config]:
    """Return a config for every combination, under a label that says what varies: "latent-dim 4, noise 0.3"."""
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            raise UserError(f"--{name.replace('_', '-')} has {'a value twice' if values else 'no value'}")
    if (count := math.prod(map(len, lists.values()))) > MOST:
        raise UserError(f"these lists have {count:,} combinations; no more than {MOST:,} are trained at once")
    varied = [name for name, values in lists.items() if len(values) > 1]
    configs = [Config(**dict(zip(lists, values, strict=True))) for values in product(*lists.values())]
    return {
        ", ".join(f"{name.replace('_', '-')} {getattr(config, name)}" for name in varied) or config.data: config
        for config in configs
    }


def outcome(training: Training, dataset: Dataset) -> Outcome:
    """Look at a finished training of one side."""
    ((name, side),) = training.sides.items()
    shape = (EXAMPLES, *dataset.test_images.shape[1:])
    test = noisy_test_images(training.config, dataset.test_images[:EXAMPLES])
    last = training.histories[name][-1]
    return Outcome(
        original=test.clean.reshape(shape),
        noisy=test.noisy.reshape(shape),
        denoised=side.reconstruct(test.noisy).reshape(shape),
        loss=last.loss,
        test_mse=last.test_mse,
        seconds=sum(record.seconds for record in training.histories[name]),
    )


def table(outcomes: Mapping[str, Outcome]) -> Table:
    """Return one row for every setting."""
    return Table(
        "The same training under other settings",
        ("setting", "training loss per image", "denoised test MSE", "seconds"),
        [(label, f"{of.loss:.3f}", f"{of.test_mse:.4f}", f"{of.seconds:.1f}") for label, of in outcomes.items()],
    )
