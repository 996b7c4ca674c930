"""How far images are from where they should be, pixel by pixel."""

import math
from typing import TypedDict

from compare.experiment.quality.codec import Array


class Error(TypedDict):
    """The distance of a set of images from their targets, whose pixels lie in [0, 1]."""

    mse: float  # the mean squared error of a pixel, over all pixels of all images
    psnr: float | None  # −10 log₁₀(mse): decibels against the peak of 1; None where nothing is lost


class Pixels(TypedDict):
    """The errors of one method on the test images, against the clean ones."""

    denoised: Error  # given the noisy image
    clean: Error | None  # given the clean image itself; None where no method is at work


def error(images: Array, targets: Array) -> Error:
    """Compare two sets of images (n, pixels)."""
    from sklearn.metrics import mean_squared_error

    mse = float(mean_squared_error(targets, images))
    return {"mse": mse, "psnr": -10 * math.log10(mse) if mse > 0 else None}
