"""What is drawn, and its figures, where they are known: and that no single one is honest."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from compare.data.batches import Batch, to_float
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality import drawn as module
from compare.quality.codecs import PCA, Array, code
from compare.quality.drawn import FAINTEST, FITTED, REAL, STANDARD, Figures, Judge, drawn, draws
from compare.quality.gaussian import Gaussian

GREY, WHITE = np.full((1, 8, 8), 51, np.uint8), np.full((1, 8, 8), 255, np.uint8)
FLOAT32 = 1e-6  # a few roundings of numbers of order 1
DRAWS = 2000


class Spy:
    """A codec that keeps four pixels, the last one dead, and remembers what it has decoded."""

    def __init__(self) -> None:
        self.asked: list[Array] = []

    def encode(self, x: Array) -> Array:
        return x[:, 18:22] * np.array([1, 1, 1, 0], np.float32)

    def decode(self, z: Array) -> Array:
        self.asked.append(z)
        return np.tile(z, 16)

    def reconstruct(self, x: Array) -> Array:
        return self.decode(self.encode(x))


class Variational(Spy):
    """The same, whose latents are drawn with a variance of 0.3."""

    def posterior(self, x: Array) -> tuple[Array, Array]:
        mean = self.encode(x)
        return mean, np.full_like(mean, np.log(0.3))


@pytest.fixture(scope="module")
def judge(digits: Dataset) -> Judge:
    """Return who judges: the training images, and the classifier."""
    return Judge(digits)


@pytest.fixture
def alone(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Return a data set of one white image to train on, where there is no torch."""
    monkeypatch.setattr(module, "available", lambda: False)
    return replace(digits, train_images=WHITE, train_labels=digits.train_labels[:1])


def distance(figures: Figures) -> tuple[float, float]:
    return figures["rms"], figures["relative"]


def test_a_training_image_is_at_no_distance(digits: Dataset, judge: Judge) -> None:
    figures = judge.figures(to_float(digits.train_images[:50]))
    assert distance(figures) == pytest.approx((0, 0), abs=FLOAT32)


def test_a_faint_image_is_near_and_yet_relatively_far(alone: Dataset) -> None:
    judge = Judge(alone)
    faint = to_float(GREY) / 10  # 0.02 everywhere; the only real image is white
    assert distance(judge.figures(faint)) == pytest.approx((0.98, 49), rel=FLOAT32)
    assert distance(judge.figures(to_float(GREY))) == pytest.approx((0.8, 4), rel=FLOAT32)


def test_a_black_image_divides_by_no_zero(alone: Dataset) -> None:
    black = Judge(alone).figures(np.zeros((1, 64), np.float32))
    assert distance(black) == pytest.approx((1, 8 / FAINTEST), rel=FLOAT32)


def test_the_nearest_of_several_counts(alone: Dataset) -> None:
    several = replace(alone, train_images=np.concatenate([WHITE, GREY]))
    assert Judge(several).figures(to_float(GREY))["rms"] == pytest.approx(0, abs=FLOAT32)


def test_without_torch_what_needs_it_is_left_out(alone: Dataset) -> None:
    judge = Judge(alone)
    assert judge.accuracy is None
    for figures in judge.yardsticks.values():
        assert (figures["confidence"], figures["frechet"]) == (None, None)
        assert figures["relative"] > 0


def test_training_images_are_at_no_frechet_distance_and_test_images_at_less_than_others(
    digits: Dataset, judge: Judge
) -> None:
    real = judge.figures(to_float(digits.train_images))["frechet"]
    test, mean, noise = (figures["frechet"] for figures in judge.yardsticks.values())
    assert None not in (real, test, mean, noise)
    # Against the features' own scale: the mean image's distance is all of their variance, and more.
    assert cast(float, real) < 1e-6 * cast(float, mean)
    assert cast(float, test) < 0.2 * min(cast(float, mean), cast(float, noise))


def test_confidence_alone_is_not_honest(judge: Judge) -> None:
    real, mean, _ = (figures["confidence"] for figures in judge.yardsticks.values())
    assert judge.accuracy is not None and judge.accuracy > 0.93
    # The classifier is surer of the mean of all digits, which is none, than of digits.
    assert cast(float, mean) > cast(float, real)


@pytest.mark.parametrize(("spy", "about"), [(Spy(), 0), (Variational(), 0.3)])
def test_random_latents_have_the_mean_and_covariance_they_should(
    digits_config: Config, digits: Dataset, test: Batch, spy: Spy, about: float
) -> None:
    seen = code(spy, digits.train_images, test)
    spy.asked.clear()
    draws(digits_config, spy, seen.fitted, DRAWS)
    standard, fitted = spy.asked
    trained = to_float(digits.train_images)[:, 18:22] * [1, 1, 1, 0]
    for made, mean, covariance in (
        (standard, np.zeros(4), np.eye(4)),
        (fitted, trained.mean(axis=0), np.cov(trained, rowvar=False) + about * np.eye(4)),
    ):
        sigma = np.sqrt(np.diag(covariance))
        five_sigma = 5 / np.sqrt(DRAWS)  # of a mean; of a covariance at most √2 times as much
        assert made.shape == (DRAWS, 4)
        assert np.all(abs(made.mean(axis=0) - mean) <= five_sigma * sigma + FLOAT32)
        off = abs(np.cov(made, rowvar=False) - covariance)
        assert np.all(off <= 2**0.5 * five_sigma * np.outer(sigma, sigma) + FLOAT32)


def test_all_that_is_drawn_is_judged_and_as_many_as_there_are_test_images(
    digits_config: Config, digits: Dataset, test: Batch, judge: Judge, pca: PCA
) -> None:
    seen = code(pca, digits.train_images, test)
    judged = drawn(digits_config, pca, seen, judge)
    images = draws(digits_config, pca, seen.fitted, len(test.clean))
    assert list(judged) == [STANDARD, FITTED, "reconstructed"]
    assert judged[STANDARD] == judge.figures(images[STANDARD])
    assert judged["reconstructed"] == judge.figures(pca.reconstruct(test.clean))
    assert judge.yardsticks[REAL] == judge.figures(test.clean)


def test_the_seed_alone_decides_the_draws_and_fewer_are_the_first_of_more(
    digits_config: Config,
) -> None:
    fitted = Gaussian(np.zeros(3), np.eye(3))

    def asked(config: Config, n: int) -> list[Array]:
        spy = Spy()
        draws(config, spy, fitted, n)
        return spy.asked

    first = asked(digits_config, 20)
    for a, again, few, other in zip(
        first,
        asked(replace(digits_config, lr=0.1, epochs=2), 20),
        asked(digits_config, 6),
        asked(replace(digits_config, seed=7), 20),
        strict=True,
    ):
        np.testing.assert_array_equal(a, again)
        np.testing.assert_allclose(a[:6], few, rtol=FLOAT32)
        assert not np.array_equal(a, other)
