"""The bundled digits look like MNIST's, and nothing of the test digits is in the training part."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import center_of_mass
from sklearn.datasets import load_digits

from compare.data import digits
from compare.data.datasets import Dataset

N_TRAIN, N_TEST = 1437, 360  # source digits: one in five of the 1,797 is a test digit

Drawn = tuple[digits.Images, digits.Labels, digits.Images, digits.Labels]


@pytest.fixture(scope="module")
def drawn(bundled: Dataset) -> Drawn:
    """Return images and labels to train on, then those to test on."""
    train = bundled.train_images, bundled.train_labels
    return *train, bundled.test_images, bundled.test_labels


@pytest.fixture(scope="module")
def unchanged(drawn: Drawn) -> tuple[digits.Images, digits.Labels]:
    """Return what should be the sources themselves, first those to train on."""
    train_images, train_labels, test_images, test_labels = drawn
    images = np.concatenate([train_images[:N_TRAIN], test_images[:N_TEST]])
    return images, np.concatenate([train_labels[:N_TRAIN], test_labels[:N_TEST]])


def correlation(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return Pearson's correlation of images `a` with images `b`, (len(a), len(b))."""
    rows = [images.reshape(len(images), -1).astype(np.float32) for images in (a, b)]
    centred = [row - row.mean(axis=1, keepdims=True) for row in rows]
    unit = [row / np.linalg.norm(row, axis=1, keepdims=True) for row in centred]
    product: NDArray[np.float32] = unit[0] @ unit[1].T
    return product


def test_the_arrays_have_the_shapes_of_a_data_set(drawn: Drawn) -> None:
    train_images, train_labels, test_images, test_labels = drawn
    assert (train_images.shape, train_labels.shape) == ((8 * N_TRAIN, 28, 28), (8 * N_TRAIN,))
    assert (test_images.shape, test_labels.shape) == ((5 * N_TEST, 28, 28), (5 * N_TEST,))
    assert all(array.dtype == np.uint8 for array in drawn)


def test_every_call_gives_the_same_bytes(drawn: Drawn) -> None:
    for first, second in zip(drawn, digits.load(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_unchanged_digits_are_all_the_sources_once_each_with_their_labels(
    unchanged: tuple[digits.Images, digits.Labels],
) -> None:
    images, labels = unchanged
    # 8 × 8 source pixels, now of 5 × 5 each
    ink = images[:, 4:24, 4:24].repeat(2, axis=1).repeat(2, axis=2)
    sources = load_digits()
    nearest = correlation(ink.reshape(-1, 8, 5, 8, 5).mean((2, 4)), sources.images).argmax(axis=1)
    np.testing.assert_array_equal(np.sort(nearest), np.arange(len(sources.images)))
    np.testing.assert_array_equal(labels, sources.target[nearest])


def test_a_copy_differs_from_its_source_and_resembles_it_more_than_it_does_others(
    drawn: Drawn, unchanged: tuple[digits.Images, digits.Labels]
) -> None:
    images, _ = unchanged
    for copies, sources in (
        (drawn[0][N_TRAIN:], slice(N_TRAIN)),
        (drawn[2][N_TEST:], slice(N_TRAIN, None)),
    ):
        originals = images[sources]
        to_all = correlation(copies[: len(originals)], images)
        to_own = np.diag(to_all[:, sources])
        rank = np.count_nonzero(to_all > to_own[:, None], axis=1)
        assert to_own.max() < 1
        assert np.median(rank) < len(images) / 100  # half of `images` for a copy of something else


def test_a_copy_has_the_label_of_its_source(drawn: Drawn) -> None:
    for labels, n in ((drawn[1], N_TRAIN), (drawn[3], N_TEST)):
        np.testing.assert_array_equal(labels, np.resize(labels[:n], len(labels)))


def test_each_class_has_its_share_of_test_digits(drawn: Drawn) -> None:
    _, train_labels, _, test_labels = drawn
    train, test = np.bincount(train_labels[:N_TRAIN]), np.bincount(test_labels[:N_TEST])
    assert np.abs(test - (train + test) / 5).max() <= 1


def test_digits_are_as_large_as_those_of_mnist_and_in_the_middle(drawn: Drawn) -> None:
    for images in (drawn[0], drawn[2]):
        visible = images > 64
        assert np.median(visible.any(axis=2).sum(axis=1)) == 20  # rows, as in MNIST
        assert 10 <= np.median(visible.any(axis=1).sum(axis=1)) <= 20
        centres = np.array([center_of_mass(image) for image in images[:500]])
        np.testing.assert_allclose(centres.mean(axis=0), 13.5, atol=0.5)


def test_digits_are_full_white_strokes_with_grey_edges_on_black(drawn: Drawn) -> None:
    images = drawn[0]
    assert (images.max(axis=(1, 2)) == 255).mean() > 0.99
    assert 0.75 < (images == 0).mean() < 0.85  # MNIST: 0.81
    assert 0.4 < np.mean(images[images > 0] < 250) < 0.7  # MNIST: 0.61
