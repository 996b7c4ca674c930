"""What lets the page decode by itself: the decoders' weights, codes, and images to compare."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.report.page import png
from compare.report.page.parts import Part

SPRITE_COLUMNS = 50  # images beside each other in the one picture that holds them all
LARGEST = 3_000_000  # bytes of all decoders' weights: a page stays below 8 MB
WEIGHTS = ("fc3.weight", "fc3.bias", "fc4.weight", "fc4.bias")


def map_data(latent_map: Part) -> dict[str, Any]:
    """Return codes, places, labels and images for the page's scripts."""
    arrays, header = latent_map.arrays, latent_map.header
    sides = [name.removeprefix("codes/") for name in arrays if name.startswith("codes/")]
    methods = [method for method in (header["method"], "PCA") if f"{method}/{sides[0]}" in arrays]
    images = arrays["images"]
    few = len(arrays["noisy"])
    return {
        "sides": sides,
        "methods": list(dict.fromkeys(methods)),
        "classes": header["class_names"],
        "labels": arrays["labels"].tolist(),
        "width": images.shape[2],
        "height": images.shape[1],
        "latent": arrays[f"codes/{sides[0]}"].shape[1],
        "columns": SPRITE_COLUMNS,
        "sprite": sprite(images, SPRITE_COLUMNS),
        "codes": {side: floats(arrays[f"codes/{side}"]) for side in sides},
        "places": {
            method: {side: floats(_in_unit_square(arrays[f"{method}/{side}"])) for side in sides}
            for method in methods
        },
        "clean": floats(images[:few] / np.float32(255)),
        "noisy": floats(arrays["noisy"]),
        "denoised": {side: floats(arrays[f"denoised/{side}"]) for side in sides},
        "noisyCodes": {side: floats(arrays[f"noisy_codes/{side}"]) for side in sides},
    }


def decoder_data(
    parameters: Mapping[str, Mapping[str, NDArray[np.floating]]], sides: Sequence[str]
) -> dict[str, Any] | None:
    """Return the decoders' weights for the scripts; None where they lack or are too large."""
    if (
        not parameters.keys() >= set(sides)
        or 4 * sum(of[name].size for of in parameters.values() for name in WEIGHTS) > LARGEST
    ):
        return None
    return {side: {name: floats(of[name]) for name in WEIGHTS} for side, of in parameters.items()}


def floats(array: NDArray[np.floating]) -> str:
    """Return numbers as little-endian float32 in base64, row by row."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def sprite(images: NDArray[np.uint8], columns: int) -> str:
    """Set images (n, height, width) into one picture, so many to a line; return its data URI."""
    n, height, width = images.shape
    lines = -(-n // columns)
    sheet = np.zeros((lines * columns, height, width), np.uint8)
    sheet[:n] = images
    grid = sheet.reshape(lines, columns, height, width).swapaxes(1, 2)
    return png.png(grid.reshape(lines * height, columns * width))


def _in_unit_square(places: NDArray[np.floating]) -> NDArray[np.floating]:
    """Move and scale places (n, 2) into [0, 1]², at one scale in both directions."""
    low, high = places.min(axis=0), places.max(axis=0)
    size = float(np.max(high - low)) or 1.0
    scaled: NDArray[np.floating] = (places - (low + high) / 2) / size + 0.5
    return scaled
