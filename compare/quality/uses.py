"""The article's other uses of an autoencoder, tried: compression and anomaly detection."""

import zlib
from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from compare.data.batches import Images, Purpose, stream
from compare.data.config import Config
from compare.quality.codecs import Array, Codec, Coded, Error, error


class Storage(TypedDict):
    """One way to store the clean test images. The codec itself is not counted."""

    bytes_per_image: float
    error: Error


def lossless(images: Images) -> dict[str, Storage]:
    """Return what storing test images without loss costs, raw and by zlib, one by one."""
    exact: Error = {"mse": 0.0, "psnr": None}
    deflated = [len(zlib.compress(image.tobytes(), level=9)) for image in images]
    return {
        "raw": {"bytes_per_image": images[0].nbytes, "error": exact},
        "zlib": {"bytes_per_image": float(np.mean(deflated)), "error": exact},
    }


def compression(codec: Codec, coded: Coded, clean: Array) -> dict[str, Storage]:
    """Return what storing latents costs, as float32 and as one byte per number.

    The 256 levels of a latent are spaced evenly over its range on the training images; test latents
    beyond are cut.
    """
    from sklearn.preprocessing import MinMaxScaler

    floats = coded.latents.astype(np.float32)
    levels = MinMaxScaler((0, 255), clip=True).fit(coded.train_latents)
    codes = np.rint(levels.transform(coded.latents)).astype(np.uint8)
    restored = codec.decode(levels.inverse_transform(codes).astype(np.float32))
    return {
        "float32": {
            "bytes_per_image": floats[0].nbytes,
            "error": error(coded.reconstructed, clean),
        },
        "8-bit": {"bytes_per_image": codes[0].nbytes, "error": error(restored, clean)},
    }


def anomalies(config: Config, clean: Array) -> dict[str, Array]:
    """Make of test images (n, pixels) as many images of each kind that a detector should catch.

    Halves are swapped between images: the left of one beside the right of another. A few of these
    do make a digit. Uniform noise is as bright, on average, as the images.
    """
    rng = stream(Purpose.SAMPLES, config.seed, step=1)  # step 0 draws latents
    side = int(clean.shape[1] ** 0.5)
    left = np.arange(clean.shape[1]) % side < side // 2
    return {
        "swapped halves": np.where(left, clean, rng.permutation(clean)),
        "inverted": 1 - clean,
        "shuffled pixels": rng.permuted(clean, axis=1),
        "uniform noise": rng.random(clean.shape, np.float32) * (2 * clean.mean()),
    }


def detection(
    codec: Codec, coded: Coded, clean: Array, strange: Mapping[str, Array]
) -> dict[str, float]:
    """Return how well the reconstruction error tells each kind of strange images from test images.

    That is the area under the ROC curve: the chance that a strange image is reconstructed worse
    than a test image.
    """
    from sklearn.metrics import roc_auc_score

    is_strange = np.repeat([0, 1], len(clean))
    normal = _errors(clean, coded.reconstructed)
    errors = {kind: _errors(images, codec.reconstruct(images)) for kind, images in strange.items()}
    return {
        kind: float(roc_auc_score(is_strange, np.append(normal, of))) for kind, of in errors.items()
    }


def _errors(images: Array, reconstructed: Array) -> Array:
    """Return the mean squared error of each image, (n,)."""
    means: Array = np.square(images - reconstructed).mean(axis=1)
    return means
