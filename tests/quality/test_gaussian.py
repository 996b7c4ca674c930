"""Normal numbers take the mean and the covariance of latents, dead ones included."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compare.quality.decoded import shaped_like


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
    latents = rng.standard_normal((50, width)) @ rng.standard_normal(
        (width, width)
    ) + rng.standard_normal(width)
    latents[:, : min(dead, width)] = 3
    shaped = shaped_like(latents, white(rng, 40, width))
    scale = np.abs(latents).max()
    rounding = (
        100 * width * np.finfo(float).eps
    )  # sums of 40 to 50 rows, three products of this width
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
