"""A number has one notation, and is told as less than a bound where it is less."""

import re
from pathlib import Path

import pytest

from compare.report.page.numbers import number, share


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.25, "0.25"),
        (0.0042, "0.0042"),
        (8.0, "8"),
        (1573.0, "1573"),
        (-0.5, "-0.5"),
        (2.3e-6, "2.3e-06"),
        (3e5, "3.0e+05"),
    ],
)
def test_a_number_is_told_to_two_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(1.0, "1"), (0.99988, "0.9998"), (0.94, "0.94"), (7.0, "7")]
)
def test_what_is_below_a_bound_is_not_told_as_the_bound(ratio: float, text: str) -> None:
    assert share(ratio) == text


def test_the_page_has_no_other_notation(page: Path) -> None:
    text = re.sub(
        r"<(script|style|pre|math)\b.*?</\1>|<[^>]+>", " ", page.read_text("utf-8"), flags=re.DOTALL
    )
    assert re.findall(r"\d · 10|10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]|\de−\d|\de-\d\b", text) == []
