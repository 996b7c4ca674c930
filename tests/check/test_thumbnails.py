"""A picture shows one image of an activation, the liveliest line of a weight, or a corner."""

import numpy as np
import pytest

from compare.check.thumbnails import thumbnail


@pytest.mark.parametrize(
    ("name", "shape", "what", "picture"),
    [
        ("loss", (), "its one number", (1, 1)),
        ("act/input", (5, 784), "the first image's, as a square", (28, 28)),
        ("dact/relu1", (64, 400), "the first image's, as a square", (20, 20)),
        ("act/fc2", (64, 10), "the first 28 of 64 rows, all 10 columns", (28, 10)),
        ("grad/fc4.bias", (784,), "all of it, as a square", (28, 28)),
        ("grad/fc2.bias", (10,), "all 10 numbers", (1, 10)),
        ("param/fc1.bias", (50,), "the first 28 of 50 numbers", (1, 28)),
        ("param/fc3.weight", (30, 5), "the first 28 of 30 rows, all 5 columns", (28, 5)),
    ],
)
def test_the_part_that_is_shown_is_told_and_taken(
    name: str, shape: tuple[int, ...], what: str, picture: tuple[int, int]
) -> None:
    value = np.arange(float(np.prod(shape))).reshape(shape)
    chosen = thumbnail(name, value)
    assert chosen.what == what
    assert chosen.of(value).shape == picture
    assert chosen.of(value).ravel()[0] == value.ravel()[0]


def test_of_a_weight_the_line_with_the_largest_norm_is_shown_along_its_longer_side() -> None:
    weight = np.zeros((400, 784))
    weight[7] = -3
    assert thumbnail("grad/fc1.weight", weight).what == "its row 7, as a square"
    assert (thumbnail("grad/fc1.weight", weight).of(weight) == -3).all()
    assert thumbnail("grad/fc4.weight", weight.T).what == "its column 7, as a square"
    assert (thumbnail("grad/fc4.weight", weight.T).of(weight.T) == -3).all()
