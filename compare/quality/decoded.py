"""Whether decoded random latents are nonsense: how far they are from the nearest image that is real.

The distance alone has a blind spot. What is blurred or nearly black lies close to many an image,
and so may nonsense. Hence a second number, relative to the image itself, and reconstructions,
blurred alike, to compare with.
"""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from compare.data.batches import to_float
from compare.data.config import Config
from compare.data.streams import Purpose, stream
from compare.quality.codec import Array, Codec, View, spread_out

# ---- compare.experiment.quality.samples: '"""Whether decoded random latents are nonsense: how far
# they are from '
SAMPLES = 1000  # images of each kind, where the test set has as many
FAINTEST = (
    1 / 255
)  # the norm of an image with a single pixel one level above black; a black one counts as this


class Distance(TypedDict):
    """How far the images of one kind are from the nearest training image: medians over the images."""

    rms: float  # the root mean square difference of a pixel
    relative: float  # the same as a share of the image's own RMS: beyond 1, plain black would be nearer than any


class RealImages:
    """The training images, to be asked how far the nearest is."""

    def __init__(self, train_images: NDArray[np.uint8]) -> None:
        from sklearn.neighbors import NearestNeighbors

        self._index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(to_float(train_images))

    def distance(self, images: Array) -> Distance:
        """Judge images (n, pixels) of one kind."""
        distances = self._index.kneighbors(images.astype(np.float32, copy=False))[0][:, 0]
        norms = np.maximum(np.linalg.norm(images, axis=1), FAINTEST)
        return {
            "rms": float(np.median(distances)) / images.shape[1] ** 0.5,
            "relative": float(np.median(distances / norms)),
        }


def samples(
    config: Config, codec: Codec, view: View, clean: Array, real: RealImages
) -> dict[str, Distance]:
    """Return how far four kinds of images are from the training images, by kind.

    They are latents drawn from N(0, I) and decoded, as the article does; the same for the Gaussian
    that has the mean and the covariance of the training latents; test images (n, pixels) there and
    back; and the same as they are.
    """
    rng = stream(Purpose.SAMPLES, config.seed)
    standard, normal = rng.standard_normal((2, SAMPLES, view.train_latents.shape[1]))
    fitted = shaped_like(view.train_latents, normal)
    rows = spread_out(len(clean), SAMPLES)
    return {
        "decoded N(0, I)": real.distance(codec.decode(standard.astype(np.float32))),
        "decoded fitted Gaussian": real.distance(codec.decode(fitted.astype(np.float32))),
        "reconstructed test images": real.distance(view.reconstructed[rows]),
        "test images": real.distance(clean[rows]),
    }


# ---- compare.experiment.gaussian: '"""The Gaussian that has the mean and the covariance of some
# latents."'
def shaped_like(
    latents: NDArray[np.floating], normal: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Give standard normal rows (m, d) the mean and the covariance of the latents (n, d).

    By the symmetric square root of the covariance: unlike Cholesky's it exists where a dead latent
    makes it singular, and unlike plain eigenvectors, of any sign and order, it takes nearly equal
    latents to nearly equal rows.
    """
    covariance = np.atleast_2d(np.cov(latents, rowvar=False))
    variances, directions = np.linalg.eigh(covariance)
    root = (directions * np.sqrt(np.maximum(variances, 0))) @ directions.T
    shaped: NDArray[np.floating] = latents.mean(axis=0) + normal @ root
    return shaped
