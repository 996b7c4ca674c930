"""In a real browser: links land at headings, no type is too small, and a choice moves nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.page.browser import opened

NEAR = 40  # pixels from a link's heading to the top of the view
SMALLEST = 11  # pixels of type
PARTS = ("faults", "time", "pixels", "latent")  # those with a script
HEADING = """(link) => {
    const target = document.getElementById(link.slice(1));
    const box = (target.querySelector("h1, h2, h3") ?? target).getBoundingClientRect();
    return box.height ? box.top : null;
}"""
SMALL = """(smallest) => {
    const small = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const of = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !of.checkVisibility()) continue;
        const scale = of.closest("svg")?.getScreenCTM().a ?? 1;
        const size = scale * parseFloat(getComputedStyle(of).fontSize);
        if (size < smallest) small.add(`${size.toFixed(1)} px: ${of.outerHTML.slice(0, 80)}`);
    }
    return [...small];
}"""


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desk", "phone"])
def tab(request: pytest.FixtureRequest, browser: Any, page: Path) -> Iterator[Any]:
    """Open the page as a desk and as a phone show it."""
    width, height = request.param
    with opened(browser, page, viewport={"width": width, "height": height}) as tab:
        yield tab


def links(tab: Any) -> list[str]:
    """Return every address within the page that it links to."""
    found: list[str] = tab.locator("a[href^='#']").evaluate_all(
        "all => [...new Set(all.map(one => one.getAttribute('href')))]"
    )
    return found


def landed(tab: Any, link: str) -> bool:
    """Whether the heading of a link is in view, at its top."""
    top = tab.evaluate(HEADING, link)
    return top is not None and 0 <= top <= NEAR


def test_every_link_lands_at_its_heading_at_once_and_after_all_is_drawn(tab: Any) -> None:
    every = links(tab)
    assert len(every) > 20
    for link in every:
        tab.evaluate("(link) => document.querySelector(`a[href='${link}']`).click()", link)
        tab.wait_for_function("() => new Promise((done) => requestAnimationFrame(() => done(1)))")
        assert landed(tab, link), link
    for part in PARTS:
        tab.wait_for_selector(f"#{part}[data-ready]", state="attached")
    tab.wait_for_timeout(200)
    assert landed(tab, every[-1])


@pytest.mark.parametrize("part", ["#fc2-backward", "#latent"])
def test_an_address_with_a_part_opens_there_and_stays(browser: Any, page: Path, part: str) -> None:
    with opened(browser, page, part, viewport={"width": 390, "height": 844}) as tab:
        for name in PARTS:
            tab.wait_for_selector(f"#{name}[data-ready]", state="attached")
        tab.wait_for_timeout(200)
        assert landed(tab, part)


def test_a_link_opens_again_what_was_folded_after_it(tab: Any) -> None:
    fold = tab.locator("#fc2-forward")
    assert fold.get_attribute("open") is None
    go = "document.querySelector(`a[href='#fc2-forward']`).click()"
    tab.evaluate(go)
    assert fold.locator(".code.numpy").is_visible()
    fold.locator("summary").first.click()
    assert not fold.locator(".code.numpy").is_visible()
    tab.evaluate(go)
    assert fold.locator(".code.numpy").is_visible()


def test_no_type_is_too_small(tab: Any) -> None:
    tab.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    tab.locator("#mistake").select_option(label="no bias")
    assert tab.evaluate(SMALL, SMALLEST) == []


def test_a_chosen_mistake_leaves_menu_and_verdict_in_view(tab: Any) -> None:
    tab.locator("#mistake").scroll_into_view_if_needed()
    for label in ("no bias", "factor 2 missing", "no mistake"):
        tab.locator("#mistake").select_option(label=label)
        tab.wait_for_timeout(100)
        for part in ("#mistake", "#faults .sentence"):
            box = tab.locator(part).bounding_box()
            assert 0 <= box["y"] < tab.viewport_size["height"], (label, part)
