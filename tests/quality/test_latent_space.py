"""Latent spaces laid out by hand, and random latents: what is near, and how far, is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from compare.data.batches import Batch, to_float
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality.codecs import Array, Coded, code
from compare.quality.latent_space import (
    FAINTEST,
    SAMPLES,
    Distance,
    RealImages,
    classes,
    neighbours,
    samples,
    shaped_like,
)

ROUNDING = 1e-12  # float64 arithmetic on numbers of order 1
GREY, WHITE = np.full((1, 8, 8), 51, np.uint8), np.full((1, 8, 8), 255, np.uint8)
FLOAT32 = 1e-6  # a few roundings of numbers of order 1


def coded(train_latents: Array, latents: Array, noisy_latents: Array | None = None) -> Coded:
    """What a codec might have made, of which only the latents matter."""
    noisy = latents if noisy_latents is None else noisy_latents
    return Coded(train_latents, latents, noisy, latents, latents)


def one_hot(labels: NDArray[np.uint8]) -> Array:
    return np.equal.outer(labels, np.arange(10)).astype(np.float32)


def on_a_line(digits: Dataset, unit: float = 1.0) -> tuple[Coded, Dataset]:
    """Put class c at (c, 0), its four images one unit around it: the spread is 1."""
    around = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    labels = np.repeat(np.arange(10, dtype=np.uint8), len(around))
    latents = unit * (np.outer(labels, (1, 0)) + np.tile(around, (10, 1)))
    return coded(latents, latents), replace(digits, test_labels=labels)


def test_latents_that_spell_the_class_find_it(digits: Dataset) -> None:
    wrong = one_hot((digits.test_labels + 1) % 10)
    seen = coded(one_hot(digits.train_labels), one_hot(digits.test_labels), wrong)
    judged = neighbours(seen, digits, to_float(digits.test_images))
    assert (judged["clean_accuracy"], judged["noisy_accuracy"]) == (1, 0)


def test_latents_that_are_the_images_are_trustworthy_and_shuffled_ones_are_not(
    digits: Dataset,
) -> None:
    train, test = to_float(digits.train_images), to_float(digits.test_images)
    assert neighbours(coded(train, test), digits, test)["trustworthiness"] == 1
    shuffled = neighbours(coded(train, test[::-1]), digits, test)["trustworthiness"]
    assert shuffled == pytest.approx(0.5, abs=0.05)  # chance, for this many images


def test_a_torn_latent_space_is_trustworthy_still(digits: Dataset) -> None:
    train, test = to_float(digits.train_images), to_float(digits.test_images)
    # two halves: who is near is near as an image
    torn = np.column_stack([test, 100.0 * (np.arange(len(test)) % 2)])
    judged = neighbours(coded(np.pad(train, ((0, 0), (0, 1))), torn), digits, test)
    assert judged["trustworthiness"] > 0.95


def test_distances_are_in_within_class_spreads(digits: Dataset) -> None:
    index = np.arange(10)
    distances = classes(*on_a_line(digits))["distances"]
    np.testing.assert_allclose(distances, abs(index[:, None] - index), atol=ROUNDING)


def test_distances_do_not_depend_on_the_latents_own_unit(digits: Dataset) -> None:
    small, large = (
        np.array(classes(*on_a_line(digits, unit))["distances"]) for unit in (1.0, 1000.0)
    )
    np.testing.assert_allclose(large, small, rtol=ROUNDING)


def test_the_nearest_class_is_another_one(digits: Dataset) -> None:
    seen, dataset = on_a_line(digits)
    # 9 moves to the left of 0
    latents = seen.latents - np.outer(dataset.test_labels == 9, (9.7, 0))
    nearest = classes(coded(latents, latents), dataset)["nearest"]
    assert (nearest["9"], nearest["0"], nearest["8"]) == ("0", "9", "7")
    assert list(nearest) == list(dataset.class_names)


def test_the_articles_groups(digits: Dataset) -> None:
    assert classes(*on_a_line(digits))["mean_distance"] == pytest.approx(
        {
            "all pairs": 11 / 3,
            "3, 5 and 8": (2 + 5 + 3) / 3,
            "0, 1, 2 and 6": (1 + 2 + 6 + 1 + 5 + 4) / 6,
        }
    )


def test_classes_that_are_no_digits_have_no_such_groups(digits: Dataset) -> None:
    seen, dataset = on_a_line(digits)
    clothes = replace(dataset, class_names=tuple("abcdefghij"))
    assert list(classes(seen, clothes)["mean_distance"]) == ["all pairs"]


def test_a_collapsed_latent_space_puts_all_classes_in_one_place(digits: Dataset) -> None:
    latents = np.full((len(digits.test_labels), 2), 0.5)
    assert not np.any(classes(coded(latents, latents), digits)["distances"])


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


@pytest.fixture(scope="module")
def real(digits: Dataset) -> RealImages:
    """Return the training images."""
    return RealImages(digits.train_images)


def judge(
    config: Config, digits: Dataset, test: Batch, real: RealImages, spy: Spy
) -> dict[str, Distance]:
    seen = code(spy, digits.train_images, test)
    spy.asked.clear()
    return samples(config, spy, seen, test.clean, real)


def test_a_training_image_is_at_no_distance(digits: Dataset, real: RealImages) -> None:
    distance = real.distance(to_float(digits.train_images[:50]))
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
    distance = RealImages(np.concatenate([WHITE, GREY])).distance(to_float(GREY))
    assert distance["rms"] == pytest.approx(0, abs=FLOAT32)


def test_random_latents_have_the_mean_and_covariance_they_should(
    digits_config: Config, digits: Dataset, test: Batch, real: RealImages
) -> None:
    spy = Spy()
    judge(digits_config, digits, test, real, spy)
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
    digits_config: Config, digits: Dataset, test: Batch, real: RealImages
) -> None:
    spy = Spy()
    judged = judge(digits_config, digits, test, real, spy)
    assert judged["test images"] == real.distance(test.clean)
    assert judged["reconstructed test images"] == real.distance(spy.reconstruct(test.clean))


def test_the_seed_alone_decides_the_draws(
    digits_config: Config, digits: Dataset, test: Batch, real: RealImages
) -> None:
    first, again, other = Spy(), Spy(), Spy()
    judged = judge(digits_config, digits, test, real, first)
    changed = replace(digits_config, lr=0.1, epochs=2)
    assert judge(changed, digits, test, real, again) == judged
    judge(replace(digits_config, seed=7), digits, test, real, other)
    for a, b, c in zip(first.asked, again.asked, other.asked, strict=True):
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)


def white(rng: np.random.Generator, rows: int, width: int) -> np.ndarray:
    """Return rows whose mean is 0 and whose covariance is the identity, to rounding."""
    drawn = rng.standard_normal((rows, width))
    drawn -= drawn.mean(axis=0)
    rotated: np.ndarray = np.linalg.qr(drawn).Q
    rotated *= np.sqrt(rows - 1)
    return rotated


@given(width=st.integers(1, 12), dead=st.integers(0, 3), seed=st.integers(0, 1000))
def test_mean_and_covariance_are_those_of_the_latents(width: int, dead: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((50, width)) @ rng.standard_normal((width, width))
    latents = mixed + rng.standard_normal(width)
    latents[:, : min(dead, width)] = 3
    shaped = shaped_like(latents, white(rng, 40, width))
    scale = np.abs(latents).max()
    # sums of 40 to 50 rows, three products of this width
    rounding = 100 * width * np.finfo(float).eps
    np.testing.assert_allclose(shaped.mean(axis=0), latents.mean(axis=0), atol=rounding * scale)
    covariance = np.cov(latents, rowvar=False)
    np.testing.assert_allclose(np.cov(shaped, rowvar=False), covariance, atol=rounding * scale**2)


def test_latents_that_differ_by_rounding_give_rows_that_do() -> None:
    rng = np.random.default_rng(0)
    latents, normal = rng.standard_normal((500, 10)), rng.standard_normal((6, 10))
    step = 1e-12
    moved = latents * (1 + step * rng.standard_normal(latents.shape))
    several = 4 * 10  # numbers of size 4 at most, ten of them summed
    np.testing.assert_allclose(
        shaped_like(moved, normal), shaped_like(latents, normal), rtol=0, atol=several * step
    )
