"""A data set small enough to measure in a second: scikit-learn's digits as they are, 8 × 8."""

import numpy as np
import pytest

from compare.data.config import Config
from compare.data.datasets import Dataset

TRAIN = 1200


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """1,200 images to train on and the other 597 to test on."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.rint(pixels.reshape(-1, 8, 8) / 16 * 255).astype(np.uint8)
    labels = labels.astype(np.uint8)
    return Dataset(
        "digits",
        tuple("0123456789"),
        images[:TRAIN],
        labels[:TRAIN],
        images[TRAIN:],
        labels[TRAIN:],
    )


@pytest.fixture(scope="session")
def digits_config() -> Config:
    """The article's, but for a bottleneck that fits 64 pixels."""
    return Config(latent_dim=6)
