"""A headless Chromium, for tests that use the page as a reader would."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 180_000  # milliseconds; a busy machine takes long to draw a page
# The container that tests run in is the sandbox; without a shared memory of any size, Chromium uses
# files.
OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage"]


def chromium() -> str:
    """Return the browser's path; skip the test where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("there is no Chromium on the path")
    return found


@contextmanager
def started() -> Iterator[Any]:
    """Run the browser."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, path: Path, at: str = "", **context: Any) -> Iterator[Any]:
    """Open a page from its file, at a part of it; require that it said and requested nothing."""
    page = browser.new_page(**context)
    page.set_default_timeout(PATIENCE)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri() + at)
    yield page
    page.close()
    assert said == []
    requests = [url.partition("#")[0] for url in asked if not url.startswith("data:")]
    assert requests == [path.as_uri()]
