"""What linear algebra alone achieves: the yardsticks without which an error says little."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compare.data.batches import epoch_batches, to_float
from compare.data.config import Config
from compare.quality.codec import CHUNK, Array


class PCA:
    """The best linear codec of clean images: the network's bottleneck, and nothing curved around it.

    It has `latent_dim` components, or as many as the data can have where that is fewer.
    """

    def __init__(self, config: Config, train_images: NDArray[np.uint8]) -> None:
        from sklearn.decomposition import PCA as Components

        x = to_float(train_images)
        # 784 × 784 covariances rather than a decomposition of all images: exact enough, and 60,000
        # take seconds.
        self._pca = Components(min(config.latent_dim, *x.shape), svd_solver="covariance_eigh").fit(
            x
        )

    def encode(self, x: Array) -> Array:
        """Map images (n, pixels) to their components (n, latent)."""
        z: Array = self._pca.transform(x)
        return z

    def decode(self, z: Array) -> Array:
        """Map components (n, latent) to images (n, pixels), which may leave [0, 1]."""
        y: Array = self._pca.inverse_transform(z)
        return y

    def reconstruct(self, x: Array) -> Array:
        """Return decode(encode(x))."""
        return self.decode(self.encode(x))


class Wiener:
    """The best affine map from noisy to clean images: a full matrix, with no bottleneck, so it is no codec.

    The textbook's C(C + σ²I)⁻¹ holds for noise that ignores the image. Clipped noise does not
    (black pixels only brighten), so the map is fitted to noisy training images, one draw of the
    config's own noise for each.
    """

    def __init__(self, config: Config, train_images: NDArray[np.uint8]) -> None:
        pixels = train_images[0].size
        gram, cross = (
            np.zeros((pixels + 1, pixels + 1)),
            np.zeros((pixels + 1, pixels)),
        )  # float64 sums
        large_batches = replace(config, batch_size=CHUNK, dtype="float32")
        for noisy, clean in epoch_batches(large_batches, train_images, epoch=0):
            x = _with_ones(noisy)
            gram += x.T @ x
            cross += x.T @ clean
        # Least squares and not solve: without noise, a pixel that is always black makes the Gram
        # matrix singular.
        self._weight = np.linalg.lstsq(gram, cross)[0].astype(np.float32)  # (pixels + 1, pixels)

    def denoise(self, x: Array) -> Array:
        """Map noisy images (n, pixels) to their estimates (n, pixels), which may leave [0, 1]."""
        y: Array = _with_ones(x) @ self._weight
        return y


def _with_ones(x: Array) -> Array:
    """Append the column that makes a linear map affine."""
    return np.pad(x, ((0, 0), (0, 1)), constant_values=1)
