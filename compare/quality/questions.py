"""Every question of this package, asked of every codec and of PCA: what becomes quality.json."""

from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.quality.baselines import PCA, Wiener
from compare.quality.codec import Codec, Pixels, error, look
from compare.quality.decoded import Distance, RealImages, samples
from compare.quality.neighbours import Classes, Neighbours, classes, neighbours
from compare.quality.uses import Storage, anomalies, compression, detection, lossless


class Quality(TypedDict):
    """One entry to a question; in each, one entry to a codec by its name, the last of them "PCA"."""

    pixels: dict[str, Pixels]  # and also "noisy input" and "Wiener filter", which are no codecs
    neighbours: dict[str, Neighbours]
    classes: dict[str, Classes]
    samples: dict[str, dict[str, Distance]]  # codec, kind of image: see `samples.samples`
    compression: dict[str, dict[str, Storage]]  # codec or "lossless", form of storage
    anomalies: dict[str, dict[str, float]]  # codec, kind of strange image: see `uses.detection`


def measure(config: Config, dataset: Dataset, codecs: Mapping[str, Codec]) -> Quality:
    """Measure trained codecs, and the linear baselines, on a data set's test images.

    The noise of the test images and every random draw depend on the config alone, so all codecs see
    the same. The values are plain Python numbers, strings, lists, dicts and None, ready for JSON.
    Raises `UserError` for a codec that answers with anything infinite or not a number.
    """
    test = noisy_test_images(config, dataset.test_images)
    real = RealImages(dataset.train_images)
    strange = anomalies(config, test.clean)
    quality: Quality = {
        "pixels": {"noisy input": {"denoised": error(test.noisy, test.clean), "clean": None}},
        "neighbours": {},
        "classes": {},
        "samples": {},
        "compression": {"lossless": lossless(dataset.test_images, test.clean)},
        "anomalies": {},
    }
    for name, codec in {**codecs, "PCA": PCA(config, dataset.train_images)}.items():
        view = look(codec, dataset.train_images, test)
        if not all(np.isfinite(values).all() for values in view):
            raise UserError(
                f"{name} has diverged: its outputs are not finite; train it again with a smaller --lr"
            )
        quality["pixels"][name] = {
            "denoised": error(view.denoised, test.clean),
            "clean": error(view.reconstructed, test.clean),
        }
        quality["neighbours"][name] = neighbours(view, dataset, test.clean)
        quality["classes"][name] = classes(view, dataset)
        quality["samples"][name] = samples(config, codec, view, test.clean, real)
        quality["compression"][name] = compression(codec, view, test.clean)
        quality["anomalies"][name] = detection(codec, view, test.clean, strange)
    wiener = Wiener(config, dataset.train_images)
    quality["pixels"]["Wiener filter"] = {
        "denoised": error(wiener.denoise(test.noisy), test.clean),
        "clean": error(wiener.denoise(test.clean), test.clean),
    }
    return quality
