"""Bytes that can be counted, strange images as described, and detectors of known skill."""

import zlib
from dataclasses import replace

import numpy as np
import pytest

from compare.data.batches import Batch, to_float
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality.codecs import Array, Coded, code
from compare.quality.uses import anomalies, compression, detection, lossless


class Copy:
    """A codec that loses nothing: latents are pixels times `scale`, and two more are dead."""

    def __init__(self, scale: float) -> None:
        self.scale = np.float32(scale)

    def encode(self, x: Array) -> Array:
        return np.pad(x * self.scale, ((0, 0), (0, 2)), constant_values=0.25)

    def decode(self, z: Array) -> Array:
        return z[:, :-2] / self.scale

    def reconstruct(self, x: Array) -> Array:
        return self.decode(self.encode(x))


class Darkness:
    """A codec that answers black, so that its error is an image's own brightness."""

    def encode(self, x: Array) -> Array:
        return x[:, :1]

    def decode(self, z: Array) -> Array:
        return np.zeros((len(z), 64), np.float32)

    def reconstruct(self, x: Array) -> Array:
        return np.zeros_like(x)


def test_lossless_storage_is_counted_image_by_image() -> None:
    rng = np.random.default_rng(0)
    images = np.stack(
        [np.zeros((28, 28), np.uint8), rng.integers(0, 256, (28, 28), dtype=np.uint8)]
    )
    stored = lossless(images)
    each = [len(zlib.compress(image.tobytes(), 9)) for image in images]
    assert stored["raw"] == {"bytes_per_image": 784, "error": {"mse": 0, "psnr": None}}
    assert stored["zlib"] == {"bytes_per_image": sum(each) / 2, "error": {"mse": 0, "psnr": None}}


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_eight_bits_cost_a_twelfth_of_a_level_squared(scale: float) -> None:
    clean, copy = np.random.default_rng(0).random((1000, 64), dtype=np.float32), Copy(scale)
    corners = copy.encode(np.stack([np.zeros(64, np.float32), np.ones(64, np.float32)]))
    stored = compression(
        copy, Coded(corners, copy.encode(clean), copy.encode(clean), clean, clean), clean
    )
    assert (stored["float32"]["bytes_per_image"], stored["8-bit"]["bytes_per_image"]) == (
        66 * 4,
        66,
    )
    assert stored["float32"]["error"]["mse"] == 0
    # of a mean of squares of uniform numbers, as a share of it
    five_sigma = 5 * np.sqrt(4 / 5 / clean.size)
    assert stored["8-bit"]["error"]["mse"] == pytest.approx(1 / (12 * 255**2), rel=five_sigma)


def test_latents_beyond_the_training_range_are_cut() -> None:
    copy, clean = Copy(1), np.full((1, 64), 0.5, np.float32)
    dim = copy.encode(np.stack([np.zeros(64), np.full(64, 0.25)]).astype(np.float32))
    seen = Coded(dim, copy.encode(clean), copy.encode(clean), clean, clean)
    assert compression(copy, seen, clean)["8-bit"]["error"]["mse"] == pytest.approx(0.25**2)


def test_strange_images_are_made_of_the_test_images(digits_config: Config, digits: Dataset) -> None:
    clean = to_float(digits.test_images)
    strange = anomalies(digits_config, clean)
    rows = {image.tobytes() for image in clean.reshape(-1, 8, 8)[:, :, 4:]}

    assert {images.shape for images in strange.values()} == {clean.shape}
    assert {images.dtype for images in strange.values()} == {clean.dtype}
    swapped = strange["swapped halves"].reshape(-1, 8, 8)
    assert np.array_equal(swapped[:, :, :4], clean.reshape(-1, 8, 8)[:, :, :4])
    assert {image.tobytes() for image in swapped[:, :, 4:]} == rows
    assert not np.array_equal(swapped, clean.reshape(-1, 8, 8))
    assert np.array_equal(strange["inverted"], 1 - clean)
    shuffled = strange["shuffled pixels"]
    assert np.array_equal(np.sort(shuffled, axis=1), np.sort(clean, axis=1))
    orders = {tuple(image.argsort(kind="stable")) for image in shuffled[:9]}
    assert len(orders) == 9  # each in its own way
    noise = strange["uniform noise"]
    assert noise.min() >= 0
    assert noise.max() <= 2 * clean.mean()
    five_errors = 5 / np.sqrt(3 * noise.size)
    assert noise.mean() == pytest.approx(clean.mean(), rel=five_errors)


def test_strange_images_depend_on_the_seed_alone(digits_config: Config, digits: Dataset) -> None:
    clean = to_float(digits.test_images)
    first, again = anomalies(digits_config, clean), anomalies(replace(digits_config, lr=1), clean)
    other = anomalies(replace(digits_config, seed=7), clean)
    assert all(np.array_equal(first[kind], again[kind]) for kind in first)
    assert [kind for kind in first if np.array_equal(first[kind], other[kind])] == ["inverted"]


def test_a_detector_is_scored_by_how_often_strange_images_cost_more(
    digits: Dataset, test: Batch
) -> None:
    strange = {"brighter": test.clean + 1, "the same": test.clean, "darker": test.clean / 100}
    codec = Darkness()
    seen = code(codec, digits.train_images, test)
    assert detection(codec, seen, test.clean, strange) == {
        "brighter": 1,
        "the same": 0.5,
        "darker": 0,
    }
