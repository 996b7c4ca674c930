"""What a page cites of the source, with file and lines, is what the source says."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from compare.report.page.rules import RULES, TESTED_IN
from tests.running import ROOT

PUBLISHED = ROOT / "docs/mnist/report.html"
ANEW = "python -m compare report RUN --out docs/mnist/report.html"  # of a run on MNIST
PASSAGE = re.compile(
    r"<pre><code>(?P<text>.*?)</code></pre>\s*"
    r"<figcaption>(?P<file>[^:<]+):(?P<first>\d+)(?:–(?P<last>\d+))?</figcaption>",
    re.DOTALL,
)


class Cited(NamedTuple):
    """Lines that a page shows, and those that its source has there."""

    where: str
    shown: str
    source: str


def cited(page: Path) -> Iterator[Cited]:
    """Yield all passages of a page."""
    for found in PASSAGE.finditer(page.read_text(encoding="utf-8")):
        first = int(found["first"])
        last = int(found["last"] or first)
        lines = (ROOT / found["file"]).read_text(encoding="utf-8").splitlines()[first - 1 : last]
        shown = unescape(re.sub(r"<[^>]+>", "", found["text"]))
        yield Cited(f"{found['file']}:{first}", shown, dedent("\n".join(lines)))


def wrong(page: Path) -> list[str]:
    """Return where a page cites what the source does not say."""
    return [of.where for of in cited(page) if of.shown != of.source]


def test_a_page_cites_the_source_as_it_is(page: Path) -> None:
    assert page.read_text(encoding="utf-8").count('<figure class="passage">') == len([*cited(page)])
    assert wrong(page) == []


def test_the_published_page_cites_the_source_as_it_is() -> None:
    if "made by ae-mirror" not in PUBLISHED.read_text(encoding="utf-8"):
        pytest.skip(f"the published page is of a version that named none; say: {ANEW}")
    assert wrong(PUBLISHED) == [], f"say: {ANEW}"


def test_a_changed_line_is_noticed(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    changed = tmp_path / "changed.html"
    changed.write_text(text.replace("return", "yield", 1), encoding="utf-8")
    assert len(wrong(changed)) == 1


def test_the_tests_that_a_page_names_are_there(page: Path) -> None:
    captions = re.findall(
        r"checked by <code>(.+?)</code>, <code>\[(.+?)\]</code>", page.read_text(encoding="utf-8")
    )
    assert {file for file, _ in captions} == {TESTED_IN}
    assert (ROOT / TESTED_IN).exists()
    assert sorted(name for _, name in captions) == sorted(rule.name for rule in RULES)
