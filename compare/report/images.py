"""The figures made of images: the data, reconstructions, denoising, random samples, settings."""

from collections.abc import Mapping, Sequence
from math import isfinite
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from compare.quality.drawn import REAL, YARDSTICKS
from compare.report.rows import Row, draw_rows
from compare.report.style import INK, QUIET, Sides, colours, styled

EXAMPLES = 12  # images of a class in the data set's figure


@styled
def dataset(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    class_names: Sequence[str],
    origin: str,
) -> Figure:
    """Draw each class's first examples; `images` is (n, height, width), `labels` (n,)."""
    rows = []
    for label, name in enumerate(class_names):
        members = images[labels == label]
        rows.append(Row(name, members[:EXAMPLES] / 255, f"{len(members):,}"))
    title = f"The training data: {len(images):,} images in {len(class_names)} classes"
    caption = f"The first of each class, and its count. From {origin}."
    return draw_rows(rows, title, caption)


@styled
def reconstructions(original: NDArray[np.floating], sides: Sides) -> Figure:
    """Draw clean images (k, height, width) above what each side makes of them."""
    return draw_rows(
        [Row("Original", original), *_side_rows(original, sides)],
        "Clean images through the bottleneck",
        "What the latent does not hold comes back as an average, a blur. Training showed noisy "
        "input only.",
    )


@styled
def denoising(original: NDArray[np.floating], noisy: NDArray[np.floating], sides: Sides) -> Figure:
    """Draw clean images (k, height, width), the noisy ones, and what each side makes of those."""
    return draw_rows(
        [
            Row("Original", original),
            Row("Noisy", noisy, _mse_note(noisy, original)),
            *_side_rows(original, sides),
        ],
        "Noisy images through the bottleneck",
        "Each network saw the noisy row alone. MSE is per pixel, of the row against the originals.",
    )


@styled
def random_samples(
    real: NDArray[np.floating],
    drawn: Mapping[str, Sides],
    notes: Mapping[tuple[str, str], str] | None = None,
) -> Figure:
    """Draw what each side, or setting, decodes from each kind of random latents, below real images.

    `drawn` holds images (k, height, width) by kind and by side; a note stands beside (side, kind),
    and beside the real images for (`YARDSTICKS`, `REAL`).
    """
    palette, notes = colours(next(iter(drawn.values()))), notes or {}
    rows = [
        Row(broken(f"{label}, {kind}"), drawn[kind][label], notes.get((label, kind), ""), colour)
        for label, colour in palette.items()
        for kind in drawn
    ]
    k = max(len(row.images) for row in rows)
    return draw_rows(
        [Row("Test images", real[:k], notes.get((YARDSTICKS, REAL), "")), *rows],
        "Decoded random latents",
        "An autoencoder's codes need not fill N(0, I). The fitted Gaussian has their mean and "
        "covariance.",
    )


@styled
def explore(
    settings: Sequence[tuple[str, NDArray[np.floating], float]],
    original: NDArray[np.floating],
    noisy: Mapping[str, NDArray[np.floating]],
) -> Figure:
    """Draw a row of denoised images per setting, with the test error as a bar beside it.

    A setting is (label, images (k, height, width), test MSE per pixel); an MSE that is not finite
    gets no bar. `noisy` holds the input of the settings, under a label for each noise that there
    was.
    """
    finite = [mse for _, _, mse in settings if isfinite(mse)] or [1.0]
    least = f"{min(finite):.4f}"  # what looks equal counts as equal
    rows = [Row("Original", original), *(Row(label, images) for label, images in noisy.items())]
    for label, images, mse in settings:
        bar = mse / max(finite) if isfinite(mse) else 0.0
        note = f"{mse:.4f}"
        rows.append(Row(broken(label), images, note, INK if note == least else QUIET, bar))
    return draw_rows(
        rows,
        "The same training under other settings",
        "Denoised test images, and the MSE per pixel over the whole test set. The least is dark.",
    )


def broken(label: str) -> str:
    """Break a label's line between settings, never inside one."""
    whole = label.replace(" ", "\xa0").replace(",\xa0", ", ").replace("(0, I)", "(0,\xa0I)")
    return fill(whole, 26, break_on_hyphens=False).replace("\xa0", " ")


def _side_rows(original: NDArray[np.floating], sides: Sides) -> list[Row]:
    palette = colours(sides)
    return [
        Row(label, made, _mse_note(made, original), palette[label]) for label, made in sides.items()
    ]


def _mse_note(images: NDArray[np.floating], original: NDArray[np.floating]) -> str:
    return f"MSE {np.mean((images - original) ** 2, dtype=np.float64):.4f}"
