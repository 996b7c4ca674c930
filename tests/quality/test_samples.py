"""The pictures' and the latent map's arrays: of the same test images and latents on every side."""

from dataclasses import replace

import numpy as np
import pytest

from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality import samples as module
from compare.quality.drawn import STANDARD
from compare.quality.samples import latent_map, take_samples
from compare.sides.interface import Array, AutoencoderSide
from compare.sides.subject import LABELS, make_side

# of a pixel in float32: BLAS sums 8 images in another order than 40, and NumPy than torch
ROUNDING = 1e-5


@pytest.fixture
def sides(config: Config) -> dict[str, AutoencoderSide]:
    """Return both, untrained."""
    return {label: make_side(name, config) for name, label in LABELS.items()}


def test_every_side_shows_the_same_images_in_the_shape_of_an_image(
    config: Config, dataset: Dataset, sides: dict[str, AutoencoderSide]
) -> None:
    show = take_samples(config, dataset, sides, method="pca")
    test = noisy_test_images(config, dataset.test_images)
    first = test.each(lambda array: array[:8].reshape(8, 28, 28))
    np.testing.assert_array_equal(show.original, first.clean)
    np.testing.assert_array_equal(show.noisy, first.noisy)
    assert show.method == "PCA"
    for label, side in sides.items():
        np.testing.assert_allclose(
            show.reconstructed[label].reshape(8, -1),
            side.reconstruct(test.clean)[:8],
            atol=ROUNDING,
        )
        np.testing.assert_allclose(
            show.denoised[label].reshape(8, -1), side.reconstruct(test.noisy)[:8], atol=ROUNDING
        )
        assert {show.drawn[kind][label].shape for kind in show.drawn} == {(8, 28, 28)}
        assert show.latents[label].shape == (40, 2)
    for pictures in show.drawn.values():  # of the same latents
        np.testing.assert_allclose(pictures["NumPy"], pictures["PyTorch"], atol=ROUNDING)


def test_the_random_latents_are_of_the_seed(
    config: Config, dataset: Dataset, sides: dict[str, AutoencoderSide]
) -> None:
    first, again, other = (
        take_samples(replace(config, seed=seed), dataset, sides, method="pca").drawn[STANDARD]
        for seed in (42, 42, 43)
    )
    np.testing.assert_array_equal(first["NumPy"], again["NumPy"])
    assert not np.array_equal(first["NumPy"], other["NumPy"])


class Recorder:
    """A side whose latents are given, and which keeps what it is asked to decode."""

    def __init__(self, latents: Array) -> None:
        self.latents = latents
        self.decoded: list[Array] = []

    def encode(self, x: Array) -> Array:
        """Return the latents given."""
        return self.latents

    def decode(self, z: Array) -> Array:
        """Keep the latents."""
        self.decoded.append(z)
        return np.zeros((len(z), 784))

    def reconstruct(self, x: Array) -> Array:
        """Return the images."""
        return x


def test_fitted_samples_have_the_mean_and_covariance_of_the_latents_a_dead_one_included(
    config: Config, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 20_000
    monkeypatch.setattr(module, "SAMPLES", count)
    latents = np.random.default_rng(0).standard_normal((40, 3)) @ [
        [2, 1, 0],
        [0, 0.5, 0],
        [0, 0, 0],
    ] + [1, -3, 5]
    side = Recorder(latents)
    take_samples(config, dataset, {"NumPy": side}, method="pca")  # type: ignore[dict-item]  # all of a side that it asks
    standard, fitted = side.decoded
    error = 5 / count**0.5  # standard deviations of a mean
    np.testing.assert_allclose(fitted.mean(axis=0), latents.mean(axis=0), atol=3 * error)
    np.testing.assert_allclose(np.cov(fitted.T), np.cov(latents.T), atol=10 * error)
    np.testing.assert_allclose(np.cov(standard.T), np.eye(3), atol=2 * error)


@pytest.mark.parametrize("method", ["UMAP", "PCA", "latent"])
def test_codes_places_and_images_are_of_the_same_rows(
    config: Config, dataset: Dataset, sides: dict[str, AutoencoderSide], method: str
) -> None:
    test = noisy_test_images(config, dataset.test_images)
    places = {label: np.arange(80.0, dtype=np.float32).reshape(40, 2) for label in sides}
    kept = latent_map(config, dataset, sides, places, method)
    np.testing.assert_array_equal(kept["images"], dataset.test_images)
    np.testing.assert_array_equal(kept["labels"], dataset.test_labels)
    np.testing.assert_array_equal(kept["noisy"], test.noisy[:24])
    for label, side in sides.items():
        np.testing.assert_allclose(kept[f"codes/{label}"], side.encode(test.clean), atol=ROUNDING)
        np.testing.assert_allclose(
            kept[f"denoised/{label}"], side.reconstruct(test.noisy)[:24], atol=ROUNDING
        )
        np.testing.assert_array_equal(kept[f"{method}/{label}"], places[label])
        assert (f"PCA/{label}" in kept) == (method != "latent")
