"""What the trained sides make of a few images, as plain arrays: the raw material of the article's pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.data.streams import Purpose, stream
from compare.quality.decoded import shaped_like
from compare.quality.embedding import embed
from compare.sides.interface import AutoencoderSide

Images = NDArray[np.floating]

EXAMPLES = 8  # the article shows the first eight test images
SAMPLES = 6  # and six decoded random latents


@dataclass(frozen=True)
class Samples:
    """Images are (n, height, width) in [0, 1]; what is by side has the side's label as its key."""

    original: Images
    noisy: Images
    reconstructed: dict[str, Images]
    denoised: dict[str, Images]
    standard_samples: dict[str, Images]  # decoded from N(0, I), the same latents for every side
    fitted_samples: dict[
        str, Images
    ]  # decoded from a Gaussian with mean and covariance of the side's own latents
    latents: dict[str, NDArray[np.float32]]  # (n_test, 2), of the clean test images
    labels: NDArray[np.uint8]  # (n_test,)
    method: str  # what brought the latents into the plane


def take_samples(
    config: Config, dataset: Dataset, sides: Mapping[str, AutoencoderSide], *, method: str = "umap"
) -> Samples:
    """Ask every side for its pictures. `method` is "umap" or "pca"."""
    test = noisy_test_images(config, dataset.test_images)
    shape = (-1, *dataset.test_images.shape[1:])
    clean, noisy = test.clean[:EXAMPLES], test.noisy[:EXAMPLES]
    normal = stream(Purpose.SAMPLES, config.seed).standard_normal((SAMPLES, config.latent_dim))
    fitted, latents, used = {}, {}, method
    for label, side in sides.items():
        z = side.encode(test.clean)
        latents[label], used = embed(z, method=method)
        fitted[label] = side.decode(shaped_like(z, normal)).reshape(shape)
    return Samples(
        clean.reshape(shape),
        noisy.reshape(shape),
        {label: side.reconstruct(clean).reshape(shape) for label, side in sides.items()},
        {label: side.reconstruct(noisy).reshape(shape) for label, side in sides.items()},
        {label: side.decode(normal).reshape(shape) for label, side in sides.items()},
        fitted,
        latents,
        dataset.test_labels,
        used,
    )
