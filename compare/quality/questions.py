"""Every question of this room, asked of every codec and of PCA: quality.json, and its tables."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.quality.codecs import PCA, Array, Codec, Error, Wiener, code, error
from compare.quality.latent_space import (
    Classes,
    Distance,
    Neighbours,
    RealImages,
    classes,
    neighbours,
    samples,
)
from compare.quality.uses import Storage, anomalies, compression, detection, lossless
from compare.tables import Table


class Pixels(TypedDict):
    """The errors of one method on the test images, against the clean ones."""

    denoised: Error  # given the noisy image
    clean: Error | None  # given the clean image itself; None where no method is at work


class Quality(TypedDict):
    """One entry to a question; in each, one entry to a codec by its name, "PCA" last."""

    pixels: dict[str, Pixels]  # and also "noisy input" and "Wiener filter", which are no codecs
    neighbours: dict[str, Neighbours]
    classes: dict[str, Classes]
    samples: dict[str, dict[str, Distance]]  # codec, kind of image: see `latent_space.samples`
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

    def errors(denoised: Array, reconstructed: Array) -> Pixels:
        return {"denoised": error(denoised, test.clean), "clean": error(reconstructed, test.clean)}

    quality: Quality = {
        "pixels": {"noisy input": {"denoised": error(test.noisy, test.clean), "clean": None}},
        "neighbours": {},
        "classes": {},
        "samples": {},
        "compression": {"lossless": lossless(dataset.test_images)},
        "anomalies": {},
    }
    for name, codec in {**codecs, "PCA": PCA(config, dataset.train_images)}.items():
        coded = code(codec, dataset.train_images, test)
        if not all(np.isfinite(values).all() for values in coded):
            raise UserError(
                f"{name} has diverged: its outputs are not finite; "
                "train it again with a smaller --lr"
            )
        quality["pixels"][name] = errors(coded.denoised, coded.reconstructed)
        quality["neighbours"][name] = neighbours(coded, dataset, test.clean)
        quality["classes"][name] = classes(coded, dataset)
        quality["samples"][name] = samples(config, codec, coded, test.clean, real)
        quality["compression"][name] = compression(codec, coded, test.clean)
        quality["anomalies"][name] = detection(codec, coded, test.clean, strange)
    wiener = Wiener(config, dataset.train_images)
    denoised, clean = wiener.denoise(test.noisy), wiener.denoise(test.clean)
    quality["pixels"]["Wiener filter"] = errors(denoised, clean)
    return quality


def tables(quality: Quality) -> list[Table]:
    """Return one table or two to a question, with measured numbers to three significant digits."""
    samples, spreads = quality["samples"].items(), "in within-class spreads"
    rms = {name: {kind: of["rms"] for kind, of in kinds.items()} for name, kinds in samples}
    relative = {
        name: {kind: of["relative"] for kind, of in kinds.items()} for name, kinds in samples
    }
    return [
        Table(
            "Error per pixel on the test images "
            "(the Wiener filter is a full matrix: it has no bottleneck)",
            ("", "denoised: MSE", "denoised: PSNR, dB", "clean in: MSE", "clean in: PSNR, dB"),
            [
                _row(name, *_numbers(of["denoised"]), *_numbers(of["clean"]))
                for name, of in quality["pixels"].items()
            ],
        ),
        Table(
            "Neighbours in the latent space",
            ("", "5-NN accuracy, clean", "5-NN accuracy, noisy", "trustworthiness"),
            [
                _row(name, of["clean_accuracy"], of["noisy_accuracy"], of["trustworthiness"])
                for name, of in quality["neighbours"].items()
            ],
        ),
        Table(
            f"Nearest other class, and its distance {spreads}",
            ("class", *quality["classes"]),
            _nearest(list(quality["classes"].values())),
        ),
        _by_codec(
            f"Mean distance between the centroids of two classes, {spreads}",
            "classes",
            {name: of["mean_distance"] for name, of in quality["classes"].items()},
        ),
        _by_codec("Distance to the nearest training image, RMS per pixel (median)", "images", rms),
        _by_codec(
            "The same as a share of the image's own RMS (beyond 1, plain black would be nearer)",
            "images",
            relative,
        ),
        Table(
            "Compression of the clean test images",
            ("", "stored as", "bytes per image", "MSE", "PSNR, dB"),
            [
                (name, *_row(form, of["bytes_per_image"], *_numbers(of["error"])))
                for name, forms in quality["compression"].items()
                for form, of in forms.items()
            ],
        ),
        _by_codec(
            "Anomaly detection: area under the ROC curve", "strange images", quality["anomalies"]
        ),
    ]


def _row(title: str, *values: float | None) -> tuple[str, ...]:
    """Return a title and numbers as text: a count whole, others to three digits."""
    texts = (f"{x:#.3g}".removesuffix(".") if isinstance(x, float) else x for x in values)
    return title, *("–" if text is None else str(text) for text in texts)


def _numbers(of: Error | None) -> tuple[float | None, float | None]:
    return (of["mse"], of["psnr"]) if of else (None, None)


def _nearest(codecs: Sequence[Classes]) -> list[tuple[str, ...]]:
    """Return a row to each class: which other one is nearest, by each codec, and how far away."""
    names = list(codecs[0]["nearest"])

    def near(of: Classes, name: str) -> str:
        nearest, distances = of["nearest"][name], of["distances"][names.index(name)]
        return " at ".join(_row(nearest, distances[names.index(nearest)]))

    return [(name, *(near(of, name) for of in codecs)) for name in names]


def _by_codec(title: str, corner: str, values: Mapping[str, Mapping[str, float]]) -> Table:
    """Turn {codec: {row: value}} into a table with a column to each codec."""
    rows = next(iter(values.values()))
    return Table(
        title, (corner, *values), [_row(row, *(of[row] for of in values.values())) for row in rows]
    )
