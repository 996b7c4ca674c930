"""What the latent space knows of classes that no training step has named, and what lies between.

Every distance here is Euclidean, as it is in the article's picture of the latent space.
"""

from itertools import combinations
from typing import TypedDict

import numpy as np

from compare.data.batches import Images, Purpose, stream, to_float
from compare.data.config import Config
from compare.data.datasets import DIGITS, Dataset
from compare.quality.codecs import Array, Codec, Coded, spread_out

NEIGHBOURS = 5
TRUSTED = 2000  # test images judged for trustworthiness, which compares every one with every other
# Of the digits, those that the article says lie near, and those that it says lie apart.
ARTICLE = {"3, 5 and 8": (3, 5, 8), "0, 1, 2 and 6": (0, 1, 2, 6)}
SAMPLES = 1000  # images of each kind, where the test set has as many
FAINTEST = 1 / 255  # the least norm of an image: of one pixel one level above black


class Neighbours(TypedDict):
    """Whether neighbours in the latent space belong together, each in [0, 1]."""

    clean_accuracy: float  # of clean test images, classified by the 5 nearest clean training images
    noisy_accuracy: float  # of noisy test images, classified by the same
    trustworthiness: float  # 1 when the 5 nearest in the latent space are the nearest as images too


class Classes(TypedDict):
    """Where the classes of the clean test images lie in the latent space.

    The unit is the within-class spread: the root mean square distance of an image's latent from the
    centroid of its own class. At 2, two centroids are twice as far apart as an image is from its
    own.
    """

    distances: list[list[float]]  # (class, class), between centroids
    nearest: dict[str, str]  # the other class with the nearest centroid, by class, in their order
    mean_distance: dict[str, float]  # over "all pairs"; for digits, also over those of each group


class Distance(TypedDict):
    """How far images of one kind are from the nearest training image: medians over the images."""

    rms: float  # the root mean square difference of a pixel
    relative: float  # as a share of the image's own RMS: beyond 1, plain black would be nearer


def neighbours(coded: Coded, dataset: Dataset, clean: Array) -> Neighbours:
    """Judge the latents of the test images, whose clean images (n, pixels) are given too."""
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(NEIGHBOURS).fit(coded.train_latents, dataset.train_labels)
    rows = spread_out(len(clean), TRUSTED)
    trust = trustworthiness(clean[rows], coded.latents[rows], n_neighbors=NEIGHBOURS)
    return {
        "clean_accuracy": float(classifier.score(coded.latents, dataset.test_labels)),
        "noisy_accuracy": float(classifier.score(coded.noisy_latents, dataset.test_labels)),
        "trustworthiness": float(trust),
    }


def classes(coded: Coded, dataset: Dataset) -> Classes:
    """Measure the distances between the class centroids of the clean test images."""
    from scipy.spatial.distance import cdist

    names, labels, latents = dataset.class_names, dataset.test_labels, coded.latents
    centroids = np.stack([latents[labels == c].mean(axis=0) for c in range(len(names))])
    spread = np.sqrt(np.square(latents - centroids[labels]).sum(axis=1).mean())
    distances = cdist(centroids, centroids) / (spread or 1.0)  # 0: all images have one latent
    others = (distances + np.diag(np.full(len(names), np.inf))).argmin(axis=1)
    groups = {"all pairs": range(len(names)), **(ARTICLE if names == DIGITS else {})}
    return {
        "distances": distances.tolist(),
        "nearest": {name: names[other] for name, other in zip(names, others, strict=True)},
        "mean_distance": {
            group: float(np.mean([distances[pair] for pair in combinations(members, 2)]))
            for group, members in groups.items()
        },
    }


class RealImages:
    """The training images, for the distance to the nearest of them.

    The distance alone has a blind spot: what is blurred or nearly black is close to many an image,
    and so may nonsense be. Hence a second number, relative to the image itself.
    """

    def __init__(self, train_images: Images) -> None:
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
    config: Config, codec: Codec, coded: Coded, clean: Array, real: RealImages
) -> dict[str, Distance]:
    """Return how far four kinds of images are from the training images, by kind.

    Latents drawn from N(0, I) and decoded, as in the article; the same for the Gaussian with the
    mean and the covariance of the training latents; reconstructed test images, which are as
    blurred; and the test images (n, pixels) themselves.
    """
    rng = stream(Purpose.SAMPLES, config.seed)
    standard, normal = rng.standard_normal((2, SAMPLES, coded.train_latents.shape[1]))
    fitted = shaped_like(coded.train_latents, normal)
    rows = spread_out(len(clean), SAMPLES)
    kinds = {
        "decoded N(0, I)": codec.decode(standard.astype(np.float32)),
        "decoded fitted Gaussian": codec.decode(fitted.astype(np.float32)),
        "reconstructed test images": coded.reconstructed[rows],
        "test images": clean[rows],
    }
    return {kind: real.distance(images) for kind, images in kinds.items()}


def shaped_like(latents: Array, normal: Array) -> Array:
    """Give standard normal rows (m, d) the mean and the covariance of the latents (n, d).

    By the symmetric square root of the covariance: unlike Cholesky's it exists where a dead latent
    makes it singular, and unlike plain eigenvectors, of any sign and order, it takes nearly equal
    latents to nearly equal rows.
    """
    variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(latents, rowvar=False)))
    root = (directions * np.sqrt(np.maximum(variances, 0))) @ directions.T
    shaped: Array = latents.mean(axis=0) + normal @ root
    return shaped
