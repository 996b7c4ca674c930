"""The codes of some test images with their places in the plane, and what the sides make of a few: plain arrays."""

from collections.abc import Mapping

import numpy as np

from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality.codec import spread_out
from compare.quality.embedding import embed
from compare.sides.interface import Array, AutoencoderSide

POINTS = 2000  # test images whose codes are kept
INSPECTED = 24  # of them, the first, with their noise and what the sides make of it


def latent_map(
    config: Config,
    dataset: Dataset,
    sides: Mapping[str, AutoencoderSide],
    places: Mapping[str, Array],
    method: str,
) -> dict[str, Array]:
    """Return images, labels and, by side, codes (n, latent_dim) and places (n, 2), by PCA and by `method`.

    `places` are those of all test images by `method`. Of the first images there are also "noisy"
    (k, pixels), what each side makes of it, "denoised/SIDE", and its code, "noisy_codes/SIDE".
    """
    test = noisy_test_images(config, dataset.test_images)
    rows = spread_out(len(test.clean), POINTS)
    few = rows[:INSPECTED]
    arrays: dict[str, Array] = {
        "images": dataset.test_images[rows],
        "labels": dataset.test_labels[rows],
        "noisy": test.noisy[few],
    }
    for label, side in sides.items():
        codes = side.encode(test.clean)
        arrays[f"codes/{label}"] = codes[rows].astype(np.float32)
        arrays[f"{method}/{label}"] = places[label][rows]
        if method == "UMAP":
            arrays[f"PCA/{label}"] = embed(codes, method="pca")[0][rows]
        noisy_codes = side.encode(test.noisy[few])
        arrays[f"noisy_codes/{label}"] = noisy_codes.astype(np.float32)
        arrays[f"denoised/{label}"] = side.decode(noisy_codes).astype(np.float32)
    return arrays
