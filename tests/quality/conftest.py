"""A data set small enough to measure in a second: scikit-learn's digits as they are, 8 × 8."""

import numpy as np
import pytest

from compare.data.batches import Batch, noisy_test_images
from compare.data.config import Config
from compare.data.datasets import DIGITS, Dataset
from compare.quality.codecs import PCA
from compare.quality.questions import Quality, measure

TRAIN = 1200


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """1,200 images to train on and the other 597 to test on."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.rint(pixels.reshape(-1, 8, 8) / 16 * 255).astype(np.uint8)
    labels = labels.astype(np.uint8)
    train, test = (images[:TRAIN], labels[:TRAIN]), (images[TRAIN:], labels[TRAIN:])
    return Dataset("digits", DIGITS, *train, *test)


@pytest.fixture(scope="session")
def digits_config() -> Config:
    """The article's, but for a bottleneck that fits 64 pixels."""
    return Config(latent_dim=6)


@pytest.fixture(scope="session")
def test(digits_config: Config, digits: Dataset) -> Batch:
    """The test images, noisy and clean."""
    return noisy_test_images(digits_config, digits.test_images)


@pytest.fixture(scope="session")
def pca(digits_config: Config, digits: Dataset) -> PCA:
    """The linear codec, which is quick to make."""
    return PCA(digits_config, digits.train_images)


@pytest.fixture(scope="session")
def quality(digits_config: Config, digits: Dataset, pca: PCA) -> Quality:
    """What is measured of one codec, which is PCA, beside PCA."""
    return measure(digits_config, digits, {"mine": pca})
