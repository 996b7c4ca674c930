"""Gaussians whose distance is known, and rows that are given a mean and a covariance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.quality.gaussian import Gaussian, frechet

EPS = float(np.finfo(float).eps)


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
    shaped = Gaussian.of(latents).shape(white(rng, 40, width))
    scale = np.abs(latents).max()
    # sums of 40 to 50 rows, three products of this width
    rounding = 100 * width * EPS
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
        Gaussian.of(moved).shape(normal),
        Gaussian.of(latents).shape(normal),
        rtol=0,
        atol=several * step,
    )


def test_latents_that_are_drawn_have_the_variance_about_their_means_too() -> None:
    means = np.random.default_rng(0).standard_normal((30, 3))
    about = np.array([0.1, 0.2, 0.3])
    drawn, alone = Gaussian.of(means, about), Gaussian.of(means)
    np.testing.assert_array_equal(drawn.mean, alone.mean)
    np.testing.assert_array_equal(drawn.covariance, alone.covariance + np.diag(about))


def test_the_distance_of_gaussians_that_commute_is_that_of_their_deviations() -> None:
    a = Gaussian(np.array([0.0, 1.0]), np.diag([4.0, 9.0]))
    b = Gaussian(np.array([3.0, 5.0]), np.diag([1.0, 25.0]))
    assert frechet(a, b) == pytest.approx(9 + 16 + (2 - 1) ** 2 + (3 - 5) ** 2, rel=100 * EPS)


def test_the_distance_is_symmetric_and_no_rotation_changes_it() -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((90, 5)) @ rng.standard_normal((5, 5)) for _ in range(2))
    turn = np.linalg.qr(rng.standard_normal((5, 5))).Q
    there = frechet(Gaussian.of(x), Gaussian.of(y + 1))
    assert there == pytest.approx(frechet(Gaussian.of(y + 1), Gaussian.of(x)), rel=1e4 * EPS)
    turned = frechet(Gaussian.of(x @ turn), Gaussian.of((y + 1) @ turn))
    assert turned == pytest.approx(there, rel=1e4 * EPS)


@pytest.mark.parametrize("width", [1, 5])
def test_a_gaussian_is_at_no_distance_from_itself_however_thin(width: int) -> None:
    points = np.random.default_rng(0).standard_normal((60, width))
    points[:, 0] = 2  # constant
    ours = Gaussian.of(points)
    # a root of what rounding leaves where there should be zero
    assert 0 <= frechet(ours, ours) <= width * EPS**0.5
