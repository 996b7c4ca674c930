"""What the trained sides make of test images, as plain arrays: for the pictures and the page."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality.codecs import Array, posterior, spread_out
from compare.quality.drawn import draws
from compare.quality.embedding import Points, embed, mixed
from compare.quality.gaussian import Gaussian
from compare.sides.interface import AutoencoderSide

EXAMPLES = 8  # the article shows the first eight test images
SAMPLES = 8  # decoded random latents of each kind
POINTS = 2000  # test images on the latent map
INSPECTED = 24  # of them, the first, with their noise and what the sides make of it

BySide = dict[str, Array]


@dataclass(frozen=True)
class Samples:
    """Images are (n, height, width) in [0, 1]; what is by side has the side's label as its key."""

    original: Array
    noisy: Array
    real: Array  # test images, as many as are drawn of a kind
    reconstructed: BySide
    denoised: BySide
    drawn: dict[str, BySide]  # decoded random latents, by kind: see `drawn.draws`
    latents: dict[str, Points]  # (n_test, 2), of the clean test images
    labels: NDArray[np.uint8]  # (n_test,)
    mixed: tuple[int, ...]  # the classes that lie among others in the plane, of any side's
    method: str  # that placed the latents in the plane


def take_samples(
    config: Config, dataset: Dataset, sides: Mapping[str, AutoencoderSide], *, method: str = "umap"
) -> Samples:
    """Ask every side for its pictures. `method` is "umap" or "pca"."""
    test = noisy_test_images(config, dataset.test_images)
    shape = (-1, *dataset.test_images.shape[1:])
    clean, noisy = test.clean[:EXAMPLES], test.noisy[:EXAMPLES]
    drawn: dict[str, BySide] = {}
    latents, used = {}, method
    for label, side in sides.items():
        z, variance = posterior(side, test.clean)
        latents[label], used = embed(z, method=method)
        fitted = Gaussian.of(z, variance.mean(axis=0))
        for kind, images in draws(config, side, fitted, SAMPLES).items():
            drawn.setdefault(kind, {})[label] = images.reshape(shape)
    return Samples(
        clean.reshape(shape),
        noisy.reshape(shape),
        test.clean[:SAMPLES].reshape(shape),
        {label: side.reconstruct(clean).reshape(shape) for label, side in sides.items()},
        {label: side.reconstruct(noisy).reshape(shape) for label, side in sides.items()},
        drawn,
        latents,
        dataset.test_labels,
        tuple(sorted(set().union(*(mixed(at, dataset.test_labels) for at in latents.values())))),
        used,
    )


def latent_map(
    config: Config,
    dataset: Dataset,
    sides: Mapping[str, AutoencoderSide],
    places: Mapping[str, Array],
    method: str,
) -> dict[str, np.ndarray]:
    """Return images, labels and, by side, codes (n, latent_dim) and places (n, 2).

    The places are by PCA and by `method`; `places` are those of all test images by `method`. Of the
    first images there are also "noisy" (k, pixels), what each side makes of it, "denoised/SIDE",
    and its code, "noisy_codes/SIDE".
    """
    test = noisy_test_images(config, dataset.test_images)
    rows = spread_out(len(test.clean), POINTS)
    noisy = test.noisy[rows[:INSPECTED]]
    images, labels = dataset.test_images[rows], dataset.test_labels[rows]
    arrays: dict[str, np.ndarray] = {"images": images, "labels": labels, "noisy": noisy}
    for label, side in sides.items():
        codes, noisy_codes = side.encode(test.clean), side.encode(noisy)
        arrays |= {
            f"codes/{label}": codes[rows].astype(np.float32),
            f"noisy_codes/{label}": noisy_codes.astype(np.float32),
            f"denoised/{label}": side.decode(noisy_codes).astype(np.float32),
            f"{method}/{label}": places[label][rows],
        }
        if method == "UMAP":
            arrays[f"PCA/{label}"] = embed(codes, method="pca")[0][rows]
    return arrays
