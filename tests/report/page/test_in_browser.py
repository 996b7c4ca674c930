"""Every part of the page, used in a real browser as a reader would, by pointer and by keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.files import read_arrays
from compare.sides.subject import LABELS, make_side
from compare.training.checkpoint import Checkpoint
from compare.training.runs import LATENT_MAP, Run
from tests.report.page.browser import opened

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
FOCUSABLE = (  # where the arrow keys move within a group, one of it
    "a[href]:not([tabindex='-1']), button:not([tabindex='-1']), select, summary, "
    "input:not([type=radio]), input[type=radio]:checked, [tabindex='0']"
)
MOST_STOPS = 40  # of the tab key, in one part; letters, links and digits are groups
DECODED = 1e-5  # by which a decoding of the page, in float64, may differ from the run's in float32


@pytest.fixture
def tab(browser: Any, page: Path) -> Iterator[Any]:
    """Open the page as wide as a desk has it."""
    with opened(browser, page, viewport={"width": 1280, "height": 900}) as tab:
        yield tab


def ready(tab: Any, part: str) -> Any:
    """Scroll to a part, whose script has done its work; return it."""
    section = tab.locator(f"#{part}")
    section.scroll_into_view_if_needed()
    tab.wait_for_selector(f"#{part}[data-ready]", state="attached")
    return section


def test_the_verdict_is_on_the_first_screen(tab: Any) -> None:
    verdict = tab.locator(".verdict")
    assert "agrees with its reference" in verdict.inner_text()
    assert verdict.bounding_box()["y"] < 900
    assert "NumPy" in tab.locator("#verdict table").first.inner_text()


def test_pointing_at_a_symbol_lights_it_up_in_the_formula_and_in_both_codes(tab: Any) -> None:
    row = tab.locator("#fc3-backward")
    row.locator("summary").first.click()
    row.locator(".code.numpy [data-symbol=dweight]").first.hover()
    lit = row.locator(".lit").evaluate_all(
        "all => all.map(one => "
        "[one.closest('.code')?.classList[1] ?? one.tagName, one.textContent])"
    )
    assert ["numpy", 'd["fc3.weight"]'] in lit
    assert ["torch", "self.fc3"] in lit
    assert any(place == "mrow" for place, _ in lit)
    assert tab.locator(".operation:not(#fc3-backward) .lit").count() == 0
    row.locator("h3").hover()
    assert row.locator(".lit").count() == 0


def test_the_keyboard_lights_symbols_up_as_well(tab: Any) -> None:
    row = tab.locator("#fc1-forward")
    row.locator(".symbols button").first.focus()
    assert "self.weight" not in row.locator(".code.numpy .lit").all_inner_texts()
    tab.keyboard.press("ArrowDown")
    assert "self.weight" in row.locator(".code.numpy .lit").all_inner_texts()
    tab.keyboard.press("Tab")
    assert row.locator(".symbols button:focus").count() == 0


def test_a_fault_is_seen_row_by_row_and_the_page_jumps_to_the_first_that_fails(tab: Any) -> None:
    part = ready(tab, "faults")
    assert part.locator("tr.fail").count() == 0
    part.locator("select").select_option(label="factor 2 missing")
    failed = part.locator("tr.fail").evaluate_all("all => all.map(one => one.dataset.tensor)")
    assert failed[0] == "dact/sigmoid"
    assert set(failed[1:]) >= {"dact/fc4", "grad/fc1.weight"}
    assert "SumSquaredError.backward" in part.locator(".sentence").inner_text()
    assert part.locator(".what").inner_text() == "2 * (y - target) → y - target"
    assert part.locator(".fault img").count() == 3
    tab.wait_for_function(
        "() => { const y = document.querySelector('tr.fail').getBoundingClientRect().y;"
        " return 0 < y && y < 900; }"
    )
    part.locator("select").select_option(label="no mistake")
    assert part.locator("tr.fail").count() == 0
    assert not part.locator(".jump").is_visible()


def test_a_fault_that_no_tensor_shows_is_told_of_the_whole(tab: Any) -> None:
    part = ready(tab, "faults")
    part.locator("select").select_option(label="noisy target")
    part.locator(".jump").click()
    assert part.locator("tr.fail").evaluate_all("all => all.map(one => one.dataset.tensor)") == [
        "training"
    ]
    assert tab.evaluate("document.activeElement.dataset.tensor") == "training"


def test_the_slider_goes_through_the_steps_and_the_epochs(tab: Any) -> None:
    part = ready(tab, "time")
    slider = part.locator(".moment")
    first = part.locator(".reading").inner_text()
    slider.focus()
    tab.keyboard.press("End")
    assert part.locator(".when").inner_text() == "epoch 1"
    last = part.locator(".reading").inner_text()
    assert last != first
    assert (
        "dead units of relu1: NumPy" in last
        and "parameters of NumPy and PyTorch differ by at most" in last
    )
    tab.keyboard.press("ArrowLeft")
    assert part.locator(".when").inner_text() == "step 50"
    assert (
        "those of PyTorch and perturbed references by up to"
        in part.locator(".reading").inner_text()
    )


def test_a_pixel_is_the_sigmoid_of_what_feeds_it(tab: Any) -> None:
    part = ready(tab, "pixels")
    part.locator("input[name=digit]").nth(3).focus()
    tab.keyboard.press("Space")
    output = part.locator("canvas[data-image=NumPy]")
    output.hover(position={"x": 100, "y": 120})
    where = part.locator(".where").inner_text()
    assert where.startswith("image 3, ")
    for side in LABELS.values():
        part.locator(f"input[name=feed-side][value={side}]").check()
        value, made = (
            part.locator(of).inner_text() for of in (f".values [data-image={side}]", ".output")
        )
        assert made == value
    assert part.locator(".feed tbody tr").count() == 6
    output.focus()
    tab.keyboard.press("ArrowDown")
    assert part.locator(".where").inner_text() != where


def test_the_page_decodes_as_the_run_does(tab: Any, run: Run) -> None:
    ready(tab, "latent")
    latent_map, _ = read_arrays(run.page(LATENT_MAP))
    for name, label in LABELS.items():
        code = latent_map[f"codes/{label}"][:1]
        side = make_side(name, run.config)
        side.load(dict(Checkpoint.load(run.checkpoint(name)).state))
        decoded = tab.evaluate(
            "([side, code]) => Array.from(page.decoders()[side].decode(Float32Array.from(code)))",
            [label, code[0].tolist()],
        )
        np.testing.assert_allclose(decoded, side.decode(code)[0], atol=DECODED)


def test_one_walks_from_one_digit_to_another_by_pointer_and_by_keyboard(tab: Any) -> None:
    part = ready(tab, "latent")
    decoded = "document.querySelector('.decoded').toDataURL()"
    part.locator(".scatter").click(position={"x": 200, "y": 200})
    assert part.locator(".picked-A figcaption").inner_text().startswith("A: image")
    part.locator(".pick-B").fill("7")
    part.locator(".pick-B").press("Enter")
    assert part.locator(".picked-B figcaption").inner_text().startswith("B: image 7")
    middle = tab.evaluate(decoded)
    part.locator(".way").focus()
    tab.keyboard.press("End")
    assert part.locator(".share").inner_text() == "100 %"
    assert tab.evaluate(decoded) != middle
    part.locator("input[value=PyTorch][name=latent-side]").check()
    assert (
        part.locator(".decoded").get_attribute("aria-label")
        == "decoded by PyTorch at 100 % of the way"
    )
    pointed = part.locator(".pointed figcaption").inner_text()
    part.locator(".scatter").focus()
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        tab.keyboard.press(key)
    assert part.locator(".pointed figcaption").inner_text() != pointed
    tab.keyboard.press("Enter")
    part.locator("input[value=PCA]").check()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_and_nothing_sticks_out(
    browser: Any, page: Path, scheme: str, width: int
) -> None:
    with opened(
        browser, page, viewport={"width": width, "height": 900}, color_scheme=scheme
    ) as tab:
        for part in ("faults", "time", "pixels", "latent"):
            ready(tab, part)
        ready(tab, "faults").locator("select").select_option(label="no bias")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.Axe().run(tab).response["violations"]
        assert [
            (of["id"], of["nodes"][0]["html"])
            for of in found
            if of["impact"] in ("serious", "critical")
        ] == []


def test_the_tab_key_reaches_everything(tab: Any) -> None:
    for part in ("faults", "time", "pixels", "latent"):
        ready(tab, part)
    tab.evaluate("() => { scrollTo(0, 0); document.activeElement.blur(); }")
    stops = tab.evaluate(
        """(of) => {
            const all = [...document.querySelectorAll(of)].filter((one) => one.checkVisibility());
            for (const one of all) one.dataset.reached = "no";
            const stops = {};
            for (const one of all) {
                const part = one.closest("section")?.id;
                stops[part] = (stops[part] ?? 0) + 1;
            }
            return stops;
        }""",
        FOCUSABLE,
    )
    assert max(stops.values()) <= MOST_STOPS, stops
    for _ in range(2 * sum(stops.values())):
        tab.keyboard.press("Tab")
        tab.evaluate("delete document.activeElement.dataset.reached")
    assert (
        tab.locator("[data-reached]").evaluate_all(
            "all => all.map(one => one.outerHTML.slice(0, 80))"
        )
        == []
    )
