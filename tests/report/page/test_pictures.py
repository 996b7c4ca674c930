"""Pictures in the page: one pixel an entry, and the colours that the legend names."""

import base64
from io import BytesIO

import numpy as np
from PIL import Image

from compare.report.page.png import MUCH, NEGATIVE, NONE, POSITIVE, ZERO, apart, gray, signed


def pixels(uri: str) -> np.ndarray:
    """Return the pixels (height, width, 3) of a data URI."""
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(BytesIO(base64.b64decode(data))).convert("RGB"))


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    """Whether a pixel has a colour, but for the rounding of the shades."""
    return bool(np.abs(pixel.astype(int) - colour).max() <= 3)


def test_an_image_is_black_at_0_and_white_at_1_and_beyond() -> None:
    image = pixels(gray(np.array([[0.0, 1.0, 2.0], [-1.0, 0.5, 0.2]])))
    assert image.shape == (2, 3, 3)
    assert image[..., 0].tolist() == [[0, 255, 255], [0, 128, 51]]


def test_a_signed_picture_has_a_colour_for_each_sign_and_none_for_zero() -> None:
    image = pixels(signed(np.array([[-2.0, 0.0, 2.0]]), 2.0))
    assert near(image[0, 0], NEGATIVE) and near(image[0, 1], ZERO) and near(image[0, 2], POSITIVE)


def test_differences_are_dark_where_there_are_none_and_brighter_by_their_logarithm() -> None:
    image = pixels(apart(np.array([[0.0, 1e-8, 1e-4, 5.0]]), 5.0)).astype(int).sum(axis=2)[0]
    assert list(image) == sorted(image)
    assert len(set(image)) == 4
    ends = pixels(apart(np.array([[0.0, 5.0]]), 5.0))
    assert near(ends[0, 0], NONE) and near(ends[0, 1], MUCH)


def test_a_tensor_of_zeros_has_a_picture() -> None:
    assert near(pixels(signed(np.zeros((2, 2)), 0.0))[0, 0], ZERO)
    assert near(pixels(apart(np.zeros((2, 2)), 0.0))[0, 0], NONE)
