"""Latent spaces laid out by hand: what is near, and how far, is known."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from compare.data.batches import to_float
from compare.data.datasets import Dataset
from compare.quality.codecs import Array, Coded
from compare.quality.latent_space import classes, neighbours, variances

ROUNDING = 1e-12  # float64 arithmetic on numbers of order 1


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


def test_the_variance_of_a_latent_that_is_drawn_is_that_of_the_draws() -> None:
    means = np.tile([[-3.0, -1.0], [3.0, 1.0]], (50, 1))  # of variances 9 and 1, and n / (n - 1)
    seen = coded(means, means, means / 2)._replace(
        train_variance=np.array([0.5, 2.0]), noisy_variance=1.0
    )
    found = variances(seen)
    assert found["clean"] == pytest.approx((100 / 99 + 2, 900 / 99 + 0.5), rel=ROUNDING)
    assert found["noisy"] == pytest.approx((25 / 99 + 1, 225 / 99 + 1), rel=ROUNDING)
