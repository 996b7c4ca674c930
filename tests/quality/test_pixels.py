"""Errors whose value is known without a computer."""

import numpy as np
import pytest

from compare.quality.codec import error

EPS = float(np.finfo(np.float32).eps)


@pytest.mark.parametrize(("off", "psnr"), [(1.0, 0), (0.1, 20), (0.01, 40)])
def test_images_off_by_a_constant(off: float, psnr: float) -> None:
    target = np.zeros((3, 5), np.float32)
    measured = error(target + np.float32(off), target)
    assert measured["mse"] == pytest.approx(
        off**2, rel=4 * EPS
    )  # the constant, its square and the mean are rounded
    assert measured["psnr"] == pytest.approx(psnr, abs=40 * EPS)


def test_nothing_lost_has_no_psnr() -> None:
    target = np.full((3, 5), 0.3, np.float32)
    assert error(target, target) == {"mse": 0, "psnr": None}
