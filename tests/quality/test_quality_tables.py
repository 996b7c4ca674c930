"""What a person reads of the measurements."""

import json
from typing import Literal

import pytest

from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality.baselines import PCA
from compare.quality.quality_tables import _number, tables
from compare.quality.questions import Quality, measure
from compare.tables import Table, markdown


@pytest.fixture(scope="module")
def quality(digits_config: Config, digits: Dataset) -> Quality:
    """The measurements of one codec, which is PCA, beside PCA."""
    return measure(digits_config, digits, {"mine": PCA(digits_config, digits.train_images)})


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
        (784, "784"),
        (None, "–"),
    ],
)
def test_numbers_have_three_digits_and_counts_are_whole(x: float | None, text: str) -> None:
    assert _number(x) == text


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


@pytest.mark.parametrize(
    ("title", "key"), [("Distance to the nearest", "rms"), ("a share of", "relative")]
)
def test_both_distances_stand_in_their_own_table(
    title: str, key: Literal["rms", "relative"], quality: Quality
) -> None:
    of = quality["samples"]["mine"]
    assert [row[1] for row in find(quality, title).rows] == [
        f"{distance[key]:#.3g}" for distance in of.values()
    ]


def test_a_file_read_back_makes_the_same_tables(quality: Quality) -> None:
    assert tables(json.loads(json.dumps(quality))) == tables(quality)


def test_markdown_aligns_numbers_to_the_right() -> None:
    table = Table("Bytes", ("", "a", "b"), [("raw", "784", "–")])
    assert (
        markdown([table]) == "**Bytes**\n\n|  | a | b |\n| --- | ---: | ---: |\n| raw | 784 | – |\n"
    )
