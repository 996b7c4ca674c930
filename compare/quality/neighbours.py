"""What the latent space knows of classes that no training step has named: neighbours, and which classes are near.

Every distance here is Euclidean, as it is in the article's picture of the latent space.
"""

from itertools import combinations
from typing import TypedDict

import numpy as np

from compare.data.datasets import Dataset
from compare.quality.codec import Array, View, spread_out

NEIGHBOURS = 5
TRUSTED = 2000  # test images judged for trustworthiness, which sorts every one by its distance to every other
DIGITS = tuple("0123456789")
ARTICLE = {
    "3, 5 and 8": (3, 5, 8),
    "0, 1, 2 and 6": (0, 1, 2, 6),
}  # said to lie near, said to lie apart


class Neighbours(TypedDict):
    """Whether neighbours in the latent space belong together, each in [0, 1]."""

    clean_accuracy: (
        float  # of clean test images, named by the 5 nearest of the clean training images
    )
    noisy_accuracy: float  # of noisy test images, named by the same
    trustworthiness: float  # 1 when the 5 nearest in the latent space are the nearest as images too


class Classes(TypedDict):
    """Where the classes of the clean test images lie in the latent space.

    The unit is the within-class spread: the root mean square distance of an image's latent from the
    centroid of its own class. At 2, two centroids are twice as far apart as an image is from its
    own.
    """

    distances: list[list[float]]  # (class, class), between centroids
    nearest: dict[
        str, str
    ]  # to every class the other one whose centroid is nearest; in the order of `distances`
    mean_distance: dict[
        str, float
    ]  # over "all pairs" and, for digits, over the pairs of each group of the article


def neighbours(view: View, dataset: Dataset, clean: Array) -> Neighbours:
    """Judge the latents by the labels, and by the clean test images (n, pixels) themselves."""
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(NEIGHBOURS).fit(view.train_latents, dataset.train_labels)
    rows = spread_out(len(clean), TRUSTED)
    return {
        "clean_accuracy": float(classifier.score(view.latents, dataset.test_labels)),
        "noisy_accuracy": float(classifier.score(view.noisy_latents, dataset.test_labels)),
        "trustworthiness": float(
            trustworthiness(clean[rows], view.latents[rows], n_neighbors=NEIGHBOURS)
        ),
    }


def classes(view: View, dataset: Dataset) -> Classes:
    """Measure the distances between the class centroids of the clean test images."""
    from scipy.spatial.distance import cdist

    names, labels = dataset.class_names, dataset.test_labels
    centroids = np.stack([view.latents[labels == c].mean(axis=0) for c in range(len(names))])
    spread = np.sqrt(np.square(view.latents - centroids[labels]).sum(axis=1).mean())
    distances = cdist(centroids, centroids) / (
        spread or 1.0
    )  # without a spread all images have one latent
    others = distances + np.diag(np.full(len(names), np.inf))
    groups = {"all pairs": tuple(range(len(names)))} | (
        ARTICLE if dataset.class_names == DIGITS else {}
    )
    return {
        "distances": distances.tolist(),
        "nearest": {name: names[c] for name, c in zip(names, others.argmin(axis=1), strict=True)},
        "mean_distance": {
            group: float(np.mean([distances[pair] for pair in combinations(members, 2)]))
            for group, members in groups.items()
        },
    }
