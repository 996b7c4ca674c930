"""What the latent space knows of classes that no training step has named, and what lies between.

Every distance here is Euclidean, as it is in the article's picture of the latent space.
"""

from itertools import combinations
from typing import TypedDict

import numpy as np

from compare.data.datasets import DIGITS, Dataset
from compare.quality.codecs import Array, Coded, spread_out

NEIGHBOURS = 5
TRUSTED = 2000  # test images judged for trustworthiness, which compares every one with every other
# Of the digits, those that the article says lie near, and those that it says lie apart.
ARTICLE = {"3, 5 and 8": (3, 5, 8), "0, 1, 2 and 6": (0, 1, 2, 6)}


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


class Variances(TypedDict):
    """The least and the greatest variance of a latent, over all images; N(0, I) has 1 throughout.

    That of a latent that is drawn is of the draws: of the mean, and about it.
    """

    clean: list[float]  # over clean training images
    noisy: list[float]  # over noisy test images


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


def variances(coded: Coded) -> Variances:
    """Return how far a codec's latents spread."""
    clean, noisy = (of.covariance.diagonal() for of in (coded.fitted, coded.noisy))
    return {
        "clean": [float(clean.min()), float(clean.max())],
        "noisy": [float(noisy.min()), float(noisy.max())],
    }
