"""Codecs: what is asked of them, what one makes of a data set, and the linear ones to compare with.

Images are rows (n, pixels) in [0, 1], unless they are bytes (n, height, width).
"""

import math
from dataclasses import replace
from typing import NamedTuple, Protocol, TypedDict, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from compare.data.batches import Batch, Images, epoch_batches, to_float
from compare.data.config import Config
from compare.quality.gaussian import Gaussian

Array = NDArray[np.floating]

CHUNK = 4096  # training images that are floats at one time: 13 MB of MNIST, all of which is 188 MB


class Codec(Protocol):
    """Anything that compresses images (n, pixels) into latents (n, latent) and back."""

    def encode(self, x: Array) -> Array:
        """Map images to latents; to their means, where they are drawn."""

    def decode(self, z: Array) -> Array:
        """Map latents to images."""

    def reconstruct(self, x: Array) -> Array:
        """Return decode(encode(x))."""


@runtime_checkable
class Variational(Codec, Protocol):
    """A codec whose latents are drawn, each from a Gaussian of its image's own."""

    def posterior(self, x: Array) -> tuple[Array, Array]:
        """Map images to the means, which are `encode`'s, and the log-variances of their latents."""


class Coded(NamedTuple):
    """What one codec makes of a data set: computed once, used by every question.

    A latent that is drawn is represented by its mean.
    """

    train_latents: Array  # (n_train, latent), of the clean training images
    latents: Array  # (n_test, latent), of the clean test images
    noisy_latents: Array  # (n_test, latent), of the noisy test images
    reconstructed: Array  # (n_test, pixels), the clean test images there and back
    denoised: Array  # (n_test, pixels), the noisy test images there and back
    train_variance: Array | float = 0.0  # (latent,), of a drawn latent about its mean, on average
    noisy_variance: Array | float = 0.0  # the same, of the noisy test images'

    @property
    def finite(self) -> bool:
        """Whether all that the codec makes is: a training that diverged may end otherwise."""
        return all(bool(np.isfinite(values).all()) for values in self)

    @property
    def fitted(self) -> Gaussian:
        """The Gaussian fitted to the latents of the clean training images."""
        return Gaussian.of(self.train_latents, self.train_variance)

    @property
    def noisy(self) -> Gaussian:
        """The same for the noisy test images: training has seen noisy images alone."""
        return Gaussian.of(self.noisy_latents, self.noisy_variance)


def code(codec: Codec, train_images: Images, test: Batch) -> Coded:
    """Give a codec the training images, as bytes, and the test images, clean and noisy."""
    chunks = np.split(train_images, range(CHUNK, len(train_images), CHUNK))
    parts = [posterior(codec, to_float(images)) for images in chunks]
    train, train_variance = (np.concatenate(of) for of in zip(*parts, strict=True))
    latents, (noisy, noisy_variance) = codec.encode(test.clean), posterior(codec, test.noisy)
    return Coded(
        *(train, latents, noisy, codec.decode(latents), codec.decode(noisy)),
        *(train_variance.mean(axis=0), noisy_variance.mean(axis=0)),
    )


def posterior(codec: Codec, x: Array) -> tuple[Array, Array]:
    """Return mean and variance of each image's latent, (n, latent); 0 where it is not drawn."""
    if isinstance(codec, Variational):
        mean, logvar = codec.posterior(x)
        return mean, np.exp(logvar)
    latents = codec.encode(x)
    return latents, np.zeros_like(latents)


def spread_out(n: int, most: int) -> NDArray[np.intp]:
    """Return at most `most` of the rows 0 … n−1, evenly spaced.

    Not the first ones: the two halves of MNIST's test set come from different writers.
    """
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)


class Error(TypedDict):
    """The distance of a set of images from their targets, whose pixels lie in [0, 1]."""

    mse: float  # the mean squared error of a pixel, over all pixels of all images
    psnr: float | None  # −10 log₁₀(mse): decibels against the peak of 1; None where nothing is lost


def error(images: Array, targets: Array) -> Error:
    """Compare two sets of images."""
    from sklearn.metrics import mean_squared_error

    mse = float(mean_squared_error(targets, images))
    return {"mse": mse, "psnr": -10 * math.log10(mse) if mse > 0 else None}


class PCA:
    """The best linear codec of clean images: what the bottleneck allows without any curve.

    It has `latent_dim` components, or as many as the data can have where that is fewer.
    """

    def __init__(self, config: Config, train_images: Images) -> None:
        from sklearn.decomposition import PCA as Components

        x = to_float(train_images)
        # By the 784 × 784 covariances: exact enough, and 60,000 images take seconds.
        components = Components(min(config.latent_dim, *x.shape), svd_solver="covariance_eigh")
        self._pca = components.fit(x)

    def encode(self, x: Array) -> Array:
        """Map images to their components (n, latent)."""
        z: Array = self._pca.transform(x)
        return z

    def decode(self, z: Array) -> Array:
        """Map components (n, latent) to images, which may leave [0, 1]."""
        y: Array = self._pca.inverse_transform(z)
        return y

    def reconstruct(self, x: Array) -> Array:
        """Return decode(encode(x))."""
        return self.decode(self.encode(x))


class Wiener:
    """The best affine map from noisy to clean images: a full matrix, so it is no codec.

    The textbook's C(C + σ²I)⁻¹ holds for noise that ignores the image. Clipped noise does not
    (black pixels only brighten), so the map is fitted to noisy training images, one draw of the
    config's own noise for each.
    """

    def __init__(self, config: Config, train_images: Images) -> None:
        pixels = train_images[0].size
        gram = np.zeros((pixels + 1, pixels + 1))  # sums in float64
        cross = np.zeros((pixels + 1, pixels))
        large_batches = replace(config, batch_size=CHUNK, dtype="float32")
        for batch in epoch_batches(large_batches, train_images, epoch=0):
            x = _with_ones(batch.noisy)
            gram += x.T @ x
            cross += x.T @ batch.clean
        # Least squares and not solve: without noise, a pixel that is always black makes the Gram
        # matrix singular.
        self._weight = np.linalg.lstsq(gram, cross)[0].astype(np.float32)  # (pixels + 1, pixels)

    def denoise(self, x: Array) -> Array:
        """Map noisy images to their estimates, which may leave [0, 1]."""
        y: Array = _with_ones(x) @ self._weight
        return y


def _with_ones(x: Array) -> Array:
    """Append the column that makes a linear map affine."""
    return np.pad(x, ((0, 0), (0, 1)), constant_values=1)
