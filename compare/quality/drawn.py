"""What a decoder draws, judged by figures of which no single one is honest.

The distance to the nearest training image flatters smears: nearly black is near to many an image.
Relative to the image's own norm it does not, and still prefers a blur to a real image that it has
never seen. A classifier's confidence is high on some images that are no digits at all. The Fréchet
distance compares means and covariances of features: it looks at no image, and its unit is that
classifier's own.
"""

from typing import TypedDict

import numpy as np

from compare.data.batches import Purpose, stream, to_float
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality.classifier import Classifier, available
from compare.quality.codecs import Array, Codec, Coded, spread_out
from compare.quality.gaussian import Gaussian, frechet

NEAREST = 1000  # images of a kind whose nearest training image is looked for
FAINTEST = 1 / 255  # the least norm of an image: of one pixel one level above black
SEED = 0  # of the noise that is judged: it is of the data set, and of no experiment
STANDARD, FITTED = "N(0, I)", "fitted Gaussian"  # what latents are drawn from
YARDSTICKS, REAL = "no network", "test images"  # whose figures are the measure of the others


class Figures(TypedDict):
    """How images of one kind compare with the training images; None where there is no torch."""

    rms: float  # of a pixel's difference to the nearest training image: the median
    relative: float  # the same over the image's own RMS, its median: beyond 1, black is nearer
    confidence: float | None  # the classifier's, its mean: the probability of its best class
    frechet: float | None  # to the training images, squared, between the classifier's features


class Judge:
    """The training images of a data set, and the classifier trained on them.

    `yardsticks` are the figures of the test images themselves, and of as many of two kinds that are
    no digits: the mean of them all, over and over, and uniform noise.
    """

    def __init__(self, dataset: Dataset) -> None:
        from sklearn.neighbors import NearestNeighbors

        train = to_float(dataset.train_images)
        self._index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(train)
        self._classifier = Classifier(dataset) if available() else None
        test = to_float(dataset.test_images)
        self.accuracy: float | None = None  # the classifier's, of the test images
        if self._classifier:
            self._real = Gaussian.of(self._classifier(train).features)
            classes = self._classifier(test).probabilities.argmax(axis=1)
            self.accuracy = float(np.mean(classes == dataset.test_labels))
        kinds = {
            REAL: test,
            "their mean, repeated": np.tile(test.mean(axis=0), (len(test), 1)),
            "uniform noise": stream(Purpose.UNIFORM, SEED).random(test.shape, np.float32),
        }
        self.yardsticks = {kind: self.figures(images) for kind, images in kinds.items()}

    def figures(self, images: Array) -> Figures:
        """Judge images (n, pixels) of one kind. The Fréchet distance falls as n grows."""
        some = images[spread_out(len(images), NEAREST)].astype(np.float32, copy=False)
        distances = self._index.kneighbors(some)[0][:, 0]
        norms = np.maximum(np.linalg.norm(some, axis=1), FAINTEST)
        seen = self._classifier(images) if self._classifier else None
        return {
            "rms": float(np.median(distances)) / images.shape[1] ** 0.5,
            "relative": float(np.median(distances / norms)),
            "confidence": float(seen.probabilities.max(axis=1).mean()) if seen else None,
            "frechet": frechet(Gaussian.of(seen.features), self._real) if seen else None,
        }


def draws(config: Config, codec: Codec, fitted: Gaussian, n: int) -> dict[str, Array]:
    """Return n images, (n, pixels), decoded from N(0, I), as in the article, and from another.

    The normal numbers are the same for every codec of this width; the first are those of fewer.
    """
    normal = stream(Purpose.SAMPLES, config.seed).standard_normal((n, len(fitted.mean)))
    return {
        STANDARD: codec.decode(normal.astype(np.float32)),
        FITTED: codec.decode(fitted.shape(normal).astype(np.float32)),
    }


def drawn(config: Config, codec: Codec, coded: Coded, judge: Judge) -> dict[str, Figures]:
    """Judge what a codec draws, as many images as there are test images, by kind.

    Also the reconstructed test images, which are as blurred.
    """
    kinds = draws(config, codec, coded.fitted, len(coded.latents))
    kinds["reconstructed"] = coded.reconstructed
    return {kind: judge.figures(images) for kind, images in kinds.items()}
