"""Distances to real images that are known, and what the random latents are made of."""

from dataclasses import replace

import numpy as np
import pytest

from compare.data.batches import noisy_test_images, to_float
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality.codec import Array, look
from compare.quality.decoded import FAINTEST, SAMPLES, Distance, RealImages, samples

GREY, WHITE = np.full((1, 8, 8), 51, np.uint8), np.full((1, 8, 8), 255, np.uint8)
FLOAT32 = 1e-6  # a few roundings of numbers of order 1


class Spy:
    """A codec that keeps four pixels, of which the last is dead, and remembers what it was asked to decode."""

    def __init__(self) -> None:
        self.asked: list[Array] = []

    def encode(self, x: Array) -> Array:
        return x[:, 18:22] * np.array([1, 1, 1, 0], np.float32)

    def decode(self, z: Array) -> Array:
        self.asked.append(z)
        return np.tile(z, 16)

    def reconstruct(self, x: Array) -> Array:
        return self.decode(self.encode(x))


def judge(digits_config: Config, digits: Dataset, spy: Spy) -> dict[str, Distance]:
    test = noisy_test_images(digits_config, digits.test_images)
    seen = look(spy, digits.train_images, test)
    spy.asked.clear()
    return samples(digits_config, spy, seen, test.clean, RealImages(digits.train_images))


def test_a_training_image_is_at_no_distance(digits: Dataset) -> None:
    distance = RealImages(digits.train_images).distance(to_float(digits.train_images[:50]))
    assert distance == pytest.approx({"rms": 0, "relative": 0}, abs=FLOAT32)


def test_a_faint_image_is_near_and_yet_relatively_far() -> None:
    faint = to_float(GREY) / 10  # 0.02 everywhere; the only real image is white
    real = RealImages(WHITE)
    assert real.distance(faint) == pytest.approx({"rms": 0.98, "relative": 49}, rel=FLOAT32)
    assert real.distance(to_float(GREY)) == pytest.approx({"rms": 0.8, "relative": 4}, rel=FLOAT32)


def test_a_black_image_divides_by_no_zero() -> None:
    black = RealImages(WHITE).distance(np.zeros((1, 64), np.float32))
    assert black == pytest.approx({"rms": 1, "relative": 8 / FAINTEST}, rel=FLOAT32)


def test_the_nearest_of_several_counts() -> None:
    assert RealImages(np.concatenate([WHITE, GREY])).distance(to_float(GREY))[
        "rms"
    ] == pytest.approx(0, abs=FLOAT32)


def test_random_latents_have_the_mean_and_covariance_they_should(
    digits_config: Config, digits: Dataset
) -> None:
    spy = Spy()
    judge(digits_config, digits, spy)
    standard, fitted = spy.asked
    trained = spy.encode(to_float(digits.train_images))
    for drawn, mean, covariance in (
        (standard, np.zeros(4), np.eye(4)),
        (fitted, trained.mean(axis=0), np.cov(trained, rowvar=False)),
    ):
        sigma = np.sqrt(np.diag(covariance))
        five_sigma = 5 / np.sqrt(SAMPLES)  # of a mean; of a covariance at most √2 times as much
        assert drawn.shape == (SAMPLES, 4)
        assert np.all(abs(drawn.mean(axis=0) - mean) <= five_sigma * sigma + FLOAT32)
        off = abs(np.cov(drawn, rowvar=False) - covariance)
        assert np.all(off <= 2**0.5 * five_sigma * np.outer(sigma, sigma) + FLOAT32)


def test_test_images_are_judged_as_they_are_and_as_they_come_back(
    digits_config: Config, digits: Dataset
) -> None:
    spy, clean, real = Spy(), to_float(digits.test_images), RealImages(digits.train_images)
    judged = judge(digits_config, digits, spy)
    assert judged["test images"] == real.distance(clean)
    assert judged["reconstructed test images"] == real.distance(spy.reconstruct(clean))


def test_the_seed_alone_decides_the_draws(digits_config: Config, digits: Dataset) -> None:
    first, again, other = Spy(), Spy(), Spy()
    judged = judge(digits_config, digits, first)
    assert judge(replace(digits_config, lr=0.1, epochs=2), digits, again) == judged
    judge(replace(digits_config, seed=7), digits, other)
    for a, b, c in zip(first.asked, again.asked, other.asked, strict=True):
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)
