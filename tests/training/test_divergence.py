"""A training that has come to nothing is told so, with what to try."""

import numpy as np
import pytest

from compare.data.datasets import Dataset
from compare.training.divergence import fruitless


def test_the_measure_is_the_error_of_the_mean_image(dataset: Dataset) -> None:
    images = dataset.test_images.reshape(len(dataset.test_images), -1) / 255
    error = float(np.square(images - images.mean(axis=0)).mean())
    assert fruitless([error * 0.999], dataset.test_images) is None
    assert fruitless([error * 1.001], dataset.test_images) is not None


@pytest.mark.parametrize(
    ("errors", "advice"),
    [
        ([0.9], "another --lr"),
        ([0.5, 0.6], "try a smaller --lr"),
        ([0.6, 0.5], "give it more --epochs"),
    ],
)
def test_it_says_what_to_try(dataset: Dataset, errors: list[float], advice: str) -> None:
    assert str(fruitless(errors, dataset.test_images)).endswith(advice)
