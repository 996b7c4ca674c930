"""The whole measurement, on codecs that are quick to make, and its tables."""

import json
from typing import Any, cast

import numpy as np
import pytest

from compare.data.batches import Batch
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.quality.codecs import PCA, Array, Wiener, error
from compare.quality.drawn import Figures
from compare.quality.questions import Quality, _row, measure, samples_table, tables
from compare.quality.questions import digits as digits_of
from compare.tables import Table, markdown


class Constant:
    """A codec that has collapsed: one latent, and one grey image, for everything."""

    def __init__(self, value: float) -> None:
        self.value = np.float32(value)

    def encode(self, x: Array) -> Array:
        return np.full((len(x), 2), self.value)

    def decode(self, z: Array) -> Array:
        return np.full((len(z), 64), self.value)

    def reconstruct(self, x: Array) -> Array:
        return self.decode(self.encode(x))


def leaves(values: Any) -> set[type]:
    """The types of all that is not a container."""
    if isinstance(values, dict | list):
        return set().union(
            *(leaves(v) for v in (values.values() if isinstance(values, dict) else values))
        )
    return {type(values)}


def test_a_codec_that_is_pca_measures_as_pca(quality: Quality) -> None:
    for question in quality.keys() - {"classifier"}:  # which is of the data set
        answers = cast(dict[str, dict[str, Any]], quality)[question]
        assert answers["mine"] == answers["PCA"], question


def test_every_error_is_that_of_its_own_images(
    digits_config: Config, digits: Dataset, test: Batch, pca: PCA, quality: Quality
) -> None:
    noisy, clean = test.noisy, test.clean
    wiener = Wiener(digits_config, digits.train_images)
    pixels = quality["pixels"]
    assert pixels["noisy input"] == {"denoised": error(noisy, clean), "clean": None}
    assert pixels["PCA"] == {
        "denoised": error(pca.reconstruct(noisy), clean),
        "clean": error(pca.reconstruct(clean), clean),
    }
    assert pixels["Wiener filter"] == {
        "denoised": error(wiener.denoise(noisy), clean),
        "clean": error(wiener.denoise(clean), clean),
    }


def test_two_measurements_are_equal(
    digits_config: Config, digits: Dataset, pca: PCA, quality: Quality
) -> None:
    assert measure(digits_config, digits, {"mine": pca}) == quality


@pytest.mark.parametrize("value", [0, 0.5])
def test_the_values_are_ready_for_json_even_where_a_network_has_collapsed(
    value: float, digits_config: Config, digits: Dataset
) -> None:
    quality = measure(digits_config, digits, {"collapsed": Constant(value)})
    assert leaves(quality) <= {float, int, str, type(None)}
    assert json.loads(json.dumps(quality, allow_nan=False)) == quality
    assert quality["anomalies"]["collapsed"].keys() == quality["anomalies"]["PCA"].keys()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_network_that_has_diverged_is_named(
    value: float, digits_config: Config, digits: Dataset
) -> None:
    with pytest.raises(UserError, match="mine has diverged"):
        measure(digits_config, digits, {"mine": Constant(value)})


def find(quality: Quality, title: str) -> Table:
    """The only table with these words in its title."""
    (table,) = [table for table in tables(quality) if title in table.title]
    return table


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.016812, "0.0168"),
        (0.0, "0.00"),
        (17.74, "17.7"),
        (1.0, "1.00"),
        (190.4, "190"),
        (1036.4, "1036"),
        (784, "784"),
        (None, "–"),
    ],
)
def test_numbers_have_three_digits_and_counts_are_whole(x: float | None, text: str) -> None:
    assert _row("", x) == ("", text)


def test_every_row_is_as_long_as_the_header(quality: Quality) -> None:
    for table in tables(quality):
        assert table.rows, table.title
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.title


def test_the_table_of_errors_has_a_row_to_every_method(quality: Quality) -> None:
    rows = {row[0]: row[1:] for row in find(quality, "Error per pixel").rows}
    assert list(rows) == ["noisy input", "mine", "PCA", "Wiener filter"]
    assert rows["noisy input"][2:] == ("–", "–")
    assert rows["mine"] == rows["PCA"]


def test_the_nearest_class_stands_with_its_distance(quality: Quality) -> None:
    of = quality["classes"]["mine"]
    row = find(quality, "Nearest other class").rows[3]
    near = of["nearest"]["3"]
    assert row == ("3", *2 * (f"{near} at {of['distances'][3][int(near)]:#.3g}",))


def test_what_is_drawn_stands_beside_real_images_with_its_price(quality: Quality) -> None:
    table = find(quality, "Decoded random latents")
    rows = {row[0]: dict(zip(table.columns[1:], row[1:], strict=True)) for row in table.rows}
    mine = quality["samples"]["mine"]["N(0, I)"]
    assert rows["mine, N(0, I)"] == {
        "denoised MSE": digits_of(quality["pixels"]["mine"]["denoised"]["mse"]),
        "Fréchet": digits_of(mine["frechet"]),
        "nearest, relative": digits_of(mine["relative"]),
        "confidence": digits_of(mine["confidence"]),
        "nearest, RMS": digits_of(mine["rms"]),
    }
    assert rows["test images"]["denoised MSE"] == "–"
    assert rows["uniform noise"]["confidence"] != "–"
    assert "No single number tells how good images look." in markdown([table])
    accuracy = quality["classifier"]["accuracy"]
    assert accuracy is not None and f"{accuracy:.1%}" in table.note


def test_where_torch_is_absent_the_table_says_so(quality: Quality) -> None:
    figures: Figures = {"rms": 0.1, "relative": 0.5, "confidence": None, "frechet": None}
    table = samples_table({"mine": {"N(0, I)": figures}}, {"mine": 0.02}, None)
    assert table.rows == [("mine, N(0, I)", "0.0200", "–", "0.500", "–", "0.100")]
    assert "need torch" in table.note


def test_a_file_read_back_makes_the_same_tables(quality: Quality) -> None:
    assert tables(json.loads(json.dumps(quality))) == tables(quality)


def test_markdown_aligns_numbers_to_the_right() -> None:
    table = Table("Bytes", ("", "a", "b"), [("raw", "784", "–")])
    assert (
        markdown([table]) == "**Bytes**\n\n|  | a | b |\n| --- | ---: | ---: |\n| raw | 784 | – |\n"
    )
