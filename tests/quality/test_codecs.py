"""Codecs and errors whose values are known; the linear ones against slower ways to them."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from compare.data.batches import Batch, epoch_batches, noisy_test_images, to_float
from compare.data.config import Config
from compare.data.datasets import Dataset, load
from compare.quality import codecs
from compare.quality.codecs import CHUNK, PCA, Array, Wiener, code, error, spread_out

FLOAT32 = 1e-4  # what float32 sums over some thousand images may cost pixels of order 1, with room
EPS = float(np.finfo(np.float32).eps)


class Negative:
    """A codec whose latents are minus the images, and whose images are one minus the latents."""

    def encode(self, x: Array) -> Array:
        return -x

    def decode(self, z: Array) -> Array:
        return 1 - z

    def reconstruct(self, x: Array) -> Array:
        return 1 + x


def test_what_a_codec_makes_of_each_image_is_kept(
    digits: Dataset, test: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "CHUNK", 500)  # 1,200 images in three parts, the last one short
    coded = code(Negative(), digits.train_images, test)
    wanted = (
        -to_float(digits.train_images),
        -test.clean,
        -test.noisy,
        1 + test.clean,
        1 + test.noisy,
    )
    for seen, want in zip(coded[:5], wanted, strict=True):
        assert np.array_equal(seen, want)
    assert not np.any(coded.train_variance) and not np.any(coded.noisy_variance)


@pytest.mark.parametrize(("n", "most", "rows"), [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (1, 1, [0])])
def test_a_subset_is_spread_over_the_whole(n: int, most: int, rows: list[int]) -> None:
    assert spread_out(n, most).tolist() == rows


@pytest.mark.parametrize(("off", "psnr"), [(1.0, 0), (0.1, 20), (0.01, 40)])
def test_images_off_by_a_constant(off: float, psnr: float) -> None:
    target = np.zeros((3, 5), np.float32)
    measured = error(target + np.float32(off), target)
    # the constant, its square and the mean are rounded
    assert measured["mse"] == pytest.approx(off**2, rel=4 * EPS)
    assert measured["psnr"] == pytest.approx(psnr, abs=40 * EPS)


def test_nothing_lost_has_no_psnr() -> None:
    target = np.full((3, 5), 0.3, np.float32)
    assert error(target, target) == {"mse": 0, "psnr": None}


def test_pca_is_the_projection_on_the_first_singular_vectors(
    digits_config: Config, digits: Dataset, pca: PCA
) -> None:
    x = to_float(digits.train_images).astype(np.float64)
    vectors = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][: digits_config.latent_dim]
    projected = x.mean(axis=0) + (x - x.mean(axis=0)) @ vectors.T @ vectors
    reconstructed = pca.reconstruct(to_float(digits.train_images))
    np.testing.assert_allclose(reconstructed, projected, atol=FLOAT32)


@pytest.mark.parametrize(
    ("latent_dim", "n_images", "width"), [(1, 9, 1), (64, 70, 64), (1000, 70, 64), (20, 9, 9)]
)
def test_pca_has_the_networks_width_where_the_data_can(
    latent_dim: int, n_images: int, width: int, digits: Dataset
) -> None:
    pca = PCA(Config(latent_dim=latent_dim), digits.train_images[:n_images])
    assert pca.encode(to_float(digits.test_images)).shape == (len(digits.test_images), width)


@pytest.mark.parametrize("clip", [True, False])
def test_wiener_is_the_regression_of_clean_on_noisy_images(
    clip: bool, digits_config: Config, digits: Dataset
) -> None:
    digits_config = replace(digits_config, clip=clip)
    (pairs,) = epoch_batches(replace(digits_config, batch_size=CHUNK), digits.train_images, epoch=0)
    slow = LinearRegression().fit(pairs.noisy.astype(np.float64), pairs.clean.astype(np.float64))
    test = noisy_test_images(digits_config, digits.test_images)
    denoised = Wiener(digits_config, digits.train_images).denoise(test.noisy)
    np.testing.assert_allclose(denoised, slow.predict(test.noisy), atol=FLOAT32)


def test_wiener_leaves_images_alone_that_have_no_noise(
    digits_config: Config, digits: Dataset
) -> None:
    clean = to_float(digits.test_images)
    seen = to_float(digits.train_images).any(axis=0)  # a pixel black in all of training stays black
    denoised = Wiener(replace(digits_config, noise=0), digits.train_images).denoise(clean)
    np.testing.assert_allclose(denoised, clean * seen, atol=FLOAT32)


def test_a_projection_loses_what_the_discarded_components_held(
    digits_config: Config, digits: Dataset, pca: PCA
) -> None:
    clean = to_float(digits.train_images)
    variances = np.linalg.eigvalsh(np.cov(clean, rowvar=False, bias=True))[::-1]
    lost = variances[digits_config.latent_dim :].sum() / clean.shape[1]
    measured = error(pca.reconstruct(clean), clean)["mse"]
    assert measured == pytest.approx(lost, rel=FLOAT32)


@pytest.mark.skipif(
    "AE_DATA_ROOT" not in os.environ, reason="AE_DATA_ROOT names no folder with MNIST"
)
def test_on_mnist_the_wiener_filter_beats_ten_components_and_both_beat_the_noise() -> None:
    mnist, digits_config = load("mnist", Path(os.environ["AE_DATA_ROOT"])), Config(data="mnist")
    test = noisy_test_images(digits_config, mnist.test_images)
    pca = error(PCA(digits_config, mnist.train_images).reconstruct(test.noisy), test.clean)["mse"]
    wiener = error(Wiener(digits_config, mnist.train_images).denoise(test.noisy), test.clean)["mse"]
    assert 2 * wiener < pca < error(test.noisy, test.clean)["mse"]
