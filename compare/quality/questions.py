"""Every question of this room, asked of every codec and of PCA: quality.json, and its tables."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from compare.data.batches import noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.quality.codecs import PCA, Array, Codec, Error, Wiener, code, error
from compare.quality.drawn import YARDSTICKS, Figures, Judge, drawn
from compare.quality.latent_space import (
    Classes,
    Neighbours,
    Variances,
    classes,
    neighbours,
    variances,
)
from compare.quality.uses import Storage, anomalies, compression, detection, lossless
from compare.tables import Table

SAMPLES = (
    "",
    "denoised MSE",
    "Fréchet",
    "nearest, relative",
    "confidence",
    "nearest, RMS",
)


class Pixels(TypedDict):
    """The errors of one method on the test images, against the clean ones."""

    denoised: Error  # given the noisy image
    clean: Error | None  # given the clean image itself; None where no method is at work


class Quality(TypedDict):
    """One entry to a question; in each, one entry to a codec by its name, "PCA" last."""

    pixels: dict[str, Pixels]  # and also "noisy input" and "Wiener filter", which are no codecs
    neighbours: dict[str, Neighbours]
    classes: dict[str, Classes]
    variances: dict[str, Variances]
    samples: dict[str, dict[str, Figures]]  # codec or "no network", kind of image: see `drawn`
    classifier: dict[str, float | None]  # "accuracy" of the test images; None where there is none
    compression: dict[str, dict[str, Storage]]  # codec or "lossless", form of storage
    anomalies: dict[str, dict[str, float]]  # codec, kind of strange image: see `uses.detection`


def measure(config: Config, dataset: Dataset, codecs: Mapping[str, Codec]) -> Quality:
    """Measure trained codecs, and the linear baselines, on a data set's test images.

    The noise of the test images and every random draw depend on the config alone, so all codecs see
    the same. The values are plain Python numbers, strings, lists, dicts and None, ready for JSON.
    Raises `UserError` for a codec that answers with anything infinite or not a number.
    """
    test = noisy_test_images(config, dataset.test_images)
    judge = Judge(dataset)
    strange = anomalies(config, test.clean)

    def errors(denoised: Array, reconstructed: Array) -> Pixels:
        return {"denoised": error(denoised, test.clean), "clean": error(reconstructed, test.clean)}

    quality: Quality = {
        "pixels": {"noisy input": {"denoised": error(test.noisy, test.clean), "clean": None}},
        "neighbours": {},
        "classes": {},
        "variances": {},
        "samples": {YARDSTICKS: judge.yardsticks},
        "classifier": {"accuracy": judge.accuracy},
        "compression": {"lossless": lossless(dataset.test_images)},
        "anomalies": {},
    }
    for name, codec in {**codecs, "PCA": PCA(config, dataset.train_images)}.items():
        coded = code(codec, dataset.train_images, test)
        if not coded.finite:
            raise UserError(
                f"{name} has diverged: its outputs are not finite; "
                "train it again with a smaller --lr"
            )
        quality["pixels"][name] = errors(coded.denoised, coded.reconstructed)
        quality["neighbours"][name] = neighbours(coded, dataset, test.clean)
        quality["classes"][name] = classes(coded, dataset)
        quality["samples"][name] = drawn(config, codec, coded, judge)
        quality["variances"][name] = variances(coded)
        quality["compression"][name] = compression(codec, coded, test.clean)
        quality["anomalies"][name] = detection(codec, coded, test.clean, strange)
    wiener = Wiener(config, dataset.train_images)
    denoised, clean = wiener.denoise(test.noisy), wiener.denoise(test.clean)
    quality["pixels"]["Wiener filter"] = errors(denoised, clean)
    return quality


def tables(quality: Quality) -> list[Table]:
    """Return one table or two to a question, with measured numbers to three significant digits."""
    spreads = "in within-class spreads"
    return [
        errors_table(quality),
        neighbours_table(quality),
        drawn_table(quality),
        Table(
            "Variance of a latent, the least and the greatest, over clean training images and over "
            "noisy test images (N(0, I) has 1 throughout)",
            ("", "clean: least", "greatest", "noisy: least", "greatest"),
            [_row(name, *of["clean"], *of["noisy"]) for name, of in quality["variances"].items()],
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


def errors_table(quality: Quality) -> Table:
    """Return what each method makes of noisy and of clean images, pixel by pixel."""
    return Table(
        "Error per pixel on the test images "
        "(the Wiener filter is a full matrix: it has no bottleneck)",
        ("", "denoised: MSE", "denoised: PSNR, dB", "clean in: MSE", "clean in: PSNR, dB"),
        [
            _row(name, *_numbers(of["denoised"]), *_numbers(of["clean"]))
            for name, of in quality["pixels"].items()
        ],
    )


def neighbours_table(quality: Quality) -> Table:
    """Return whether neighbours in the latent space belong together."""
    return Table(
        "Neighbours in the latent space",
        ("", "5-NN accuracy, clean", "5-NN accuracy, noisy", "trustworthiness"),
        [
            _row(name, of["clean_accuracy"], of["noisy_accuracy"], of["trustworthiness"])
            for name, of in quality["neighbours"].items()
        ],
    )


def drawn_table(quality: Quality) -> Table:
    """Return how good what the codecs draw looks, and what each makes of noisy images."""
    denoised = {name: of["denoised"]["mse"] for name, of in quality["pixels"].items()}
    return samples_table(quality["samples"], denoised, quality["classifier"]["accuracy"])


def samples_table(
    samples: Mapping[str, Mapping[str, Figures]],
    denoised: Mapping[str, float],
    accuracy: float | None,
) -> Table:
    """Return how good what is drawn looks, and what that costs: each name's denoised MSE.

    A name without one, as `YARDSTICKS`, is not shown. The accuracy is the classifier's.
    """
    rows = [
        _row(
            f"{name}, {kind}" if name in denoised else kind,
            *(denoised.get(name), of["frechet"], of["relative"], of["confidence"], of["rms"]),
        )
        for name, kinds in samples.items()
        for kind, of in kinds.items()
    ]
    return Table("Decoded random latents, beside real images", SAMPLES, rows, _caveat(accuracy))


def _caveat(accuracy: float | None) -> str:
    """Say what the figures of samples are, and why no single one is honest."""
    by_classifier = (
        "Fréchet distance and confidence need torch, and are left out."
        if accuracy is None
        else "The Fréchet distance compares mean and covariance with those of the training images, "
        f"in the features of a classifier that recognizes {accuracy:.1%} of the test images. It "
        "looks at no single image, and its unit is that classifier's. The confidence is the "
        "probability that this classifier gives its most probable class, on average. It cannot "
        "answer “none of these”, so it can be confident about what is no image at all."
    )
    return (
        f"No single number tells how good images look. {by_classifier} Nearest, RMS, is the "
        "distance to the nearest training image per pixel; smears do well by it, because what is "
        "nearly black is near to many images. Nearest, relative, divides it by the RMS of the "
        "image itself (beyond 1, plain black would be nearer); blurs do well by it, and sharp new "
        "images badly. Both are medians."
    )


def _row(title: str, *values: float | None) -> tuple[str, ...]:
    """Return a title and numbers as text: counts, and what is large, whole; others to 3 digits."""
    return title, *map(digits, values)


def digits(value: float | None) -> str:
    """Return a number to three significant digits, a count or a large number whole."""
    if value is None:
        return "–"
    whole = isinstance(value, int) or abs(value) >= 1000
    return f"{value:.0f}" if whole else f"{value:#.3g}".removesuffix(".")


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
