"""A finished run whose name is a script, with everything that a page can show, and its page."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compare.commands.run import gather_faults
from compare.controls.faults import FAULTS
from compare.report.page.page import write
from compare.training.runs import Run
from tests.once import once

NAME = "<script>alert(1)<"  # of the run's folder
INJECTED = (
    "Linear.forward: no bias",
    "SumSquaredError.backward: factor 2 missing",
    "train_step: noisy target",
)


@pytest.fixture(scope="session")
def run(finished: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the run, with three faults injected: all would take half a minute."""

    def make(folder: Path) -> None:
        shutil.copytree(finished[0], folder / NAME)
        chosen = [fault for fault in FAULTS if f"{fault.operation}: {fault.name}" in INJECTED]
        gather_faults(Run.open(folder / NAME), chosen)

    return Run.open(once(tmp_path_factory, "page", make) / NAME)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Run one browser for all tests."""
    from tests.report.page.browser import started  # skips what asks for it where there is none

    with started() as browser:
        yield browser


@pytest.fixture(scope="session")
def page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page's file."""
    path = tmp_path_factory.mktemp("written") / "report.html"
    write(run, path)
    return path
