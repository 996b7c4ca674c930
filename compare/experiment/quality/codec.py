"""What the questions of this package need of a network, and what one network makes of a data set."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from compare.experiment.batches import Batch, to_float

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
    train_latents = np.concatenate([codec.encode(to_float(train_images[i : i + CHUNK])) for i in starts])
    latents, noisy_latents = codec.encode(test.clean), codec.encode(test.noisy)
    return View(train_latents, latents, noisy_latents, codec.decode(latents), codec.decode(noisy_latents))


def spread_out(n: int, most: int) -> NDArray[np.intp]:
    """Return at most `most` of the rows 0 … n−1, evenly spaced.

    Not the first ones: the two halves of MNIST's test set come from different writers.
    """
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)
