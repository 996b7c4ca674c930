"""What the questions of this package need of a network, and what one network makes of a data set."""

import math
from typing import NamedTuple, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from compare.data.batches import Batch, to_float

# ---- compare.experiment.quality.codec: '"""What the questions of this package need of a network,
# and what one '
Array = NDArray[np.floating]
CHUNK = 4096  # training images that are floats at one time: 13 MB of 784 pixels, where all of MNIST is 188 MB


class Codec(Protocol):
    """Anything that squeezes images into latents and back. Images are (n, pixels) float32 rows in [0, 1]."""

    def encode(self, x: Array) -> Array:
        """Map images (n, pixels) to latents (n, latent)."""

    def decode(self, z: Array) -> Array:
        """Map latents (n, latent) to images (n, pixels)."""

    def reconstruct(self, x: Array) -> Array:
        """Return decode(encode(x))."""


class View(NamedTuple):
    """What one codec makes of a data set, computed once and looked at by every question."""

    train_latents: Array  # (n_train, latent), of the clean training images
    latents: Array  # (n_test, latent), of the clean test images
    noisy_latents: Array  # (n_test, latent), of the noisy test images
    reconstructed: Array  # (n_test, pixels), the clean test images there and back
    denoised: Array  # (n_test, pixels), the noisy test images there and back


def look(codec: Codec, train_images: NDArray[np.uint8], test: Batch) -> View:
    """Show a codec the training images (n, height, width) and the test images, clean and noisy."""
    starts = range(0, len(train_images), CHUNK)
    train_latents = np.concatenate(
        [codec.encode(to_float(train_images[i : i + CHUNK])) for i in starts]
    )
    latents, noisy_latents = codec.encode(test.clean), codec.encode(test.noisy)
    return View(
        train_latents, latents, noisy_latents, codec.decode(latents), codec.decode(noisy_latents)
    )


def spread_out(n: int, most: int) -> NDArray[np.intp]:
    """Return at most `most` of the rows 0 … n−1, evenly spaced.

    Not the first ones: the two halves of MNIST's test set come from different writers.
    """
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)


# ---- compare.experiment.quality.pixels: '"""How far images are from where they should be, pixel by
# pixel."""'
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
