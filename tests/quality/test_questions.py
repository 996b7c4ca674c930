"""The whole measurement, on codecs that are quick to make."""

import json
from typing import Any

import numpy as np
import pytest

from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.quality.baselines import PCA, Wiener
from compare.quality.codec import Array, Codec, error
from compare.quality.questions import measure


class Constant:
    """A codec that has collapsed: one latent, and one grey image, for everything."""

    def __init__(self, value: float) -> None:
        self.value = np.float32(value)

    def encode(self, x: Array) -> Array:
        return np.full((len(x), 2), self.value)

    def decode(self, z: Array) -> Array:
        return np.full((len(z), 64), self.value)

    def reconstruct(self, x: Array) -> Array:
        return self.decode(self.encode(x))


def leaves(values: Any) -> set[type]:
    """The types of all that is not a container."""
    if isinstance(values, dict | list):
        return set().union(
            *(leaves(v) for v in (values.values() if isinstance(values, dict) else values))
        )
    return {type(values)}


def test_a_codec_that_is_pca_measures_as_pca(digits_config: Config, digits: Dataset) -> None:
    mine: Codec = PCA(digits_config, digits.train_images)
    quality = measure(digits_config, digits, {"mine": mine})
    for question, answers in quality.items():
        assert isinstance(answers, dict)
        assert answers["mine"] == answers["PCA"], question


def test_every_error_is_that_of_its_own_images(digits_config: Config, digits: Dataset) -> None:
    noisy, clean = noisy_test_images(digits_config, digits.test_images)
    pca, wiener = (
        PCA(digits_config, digits.train_images),
        Wiener(digits_config, digits.train_images),
    )
    assert measure(digits_config, digits, {})["pixels"] == {
        "noisy input": {"denoised": error(noisy, clean), "clean": None},
        "PCA": {
            "denoised": error(pca.reconstruct(noisy), clean),
            "clean": error(pca.reconstruct(clean), clean),
        },
        "Wiener filter": {
            "denoised": error(wiener.denoise(noisy), clean),
            "clean": error(wiener.denoise(clean), clean),
        },
    }


def test_two_measurements_are_equal(digits_config: Config, digits: Dataset) -> None:
    assert measure(digits_config, digits, {}) == measure(digits_config, digits, {})


@pytest.mark.parametrize("value", [0, 0.5])
def test_the_values_are_ready_for_json_even_where_a_network_has_collapsed(
    value: float, digits_config: Config, digits: Dataset
) -> None:
    quality = measure(digits_config, digits, {"collapsed": Constant(value)})
    assert leaves(quality) <= {float, int, str, type(None)}
    assert json.loads(json.dumps(quality, allow_nan=False)) == quality
    assert quality["anomalies"]["collapsed"].keys() == quality["anomalies"]["PCA"].keys()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_has_diverged_is_named(
    value: float, digits_config: Config, digits: Dataset
) -> None:
    with pytest.raises(UserError, match="mine has diverged"):
        measure(digits_config, digits, {"mine": Constant(value)})
