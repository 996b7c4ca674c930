"""docs/check-json.md says what `check --json` writes: no key more or less, and their types."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from compare.check.bounds import Finding, Verdict
from compare.check.check_report import Report
from compare.check.diagnosis import STAGES
from compare.check.outcome import Outcome
from compare.check.stages import check
from compare.check.trajectory import FreeRun
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.files import write_json
from compare.sides.interface import Description
from tests.documented import mismatches, tables
from tests.running import ROOT

TABLES = tables("check-json.md")


@pytest.fixture(scope="module")
def written(config: Config, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what is written of a thorough check."""
    report = check(config, dataset.train_images, dtypes=["float32"])
    outcome = Outcome([0.1, 0.2], [0.1, 0.2], [0.1, 0.2])
    path = tmp_path_factory.mktemp("written") / "check.json"
    write_json(
        path,
        Report(
            report.description, report.findings, report.free_runs, ("a note",), outcome
        ).to_dict(),
    )
    return json.loads(path.read_text())


def test_what_is_written_is_what_the_document_says(written: Any) -> None:
    assert list(mismatches(written, "Report", "report", TABLES)) == []
    assert written["findings"] and written["exactness"] and written["free_runs"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("held", 1),
        ("notes", [1]),
        ("outcome", {}),
        ("findings", [{}]),
        ("exactness", {"float32": 1}),
    ],
)
def test_what_the_document_does_not_say_is_noticed(written: Any, key: str, value: object) -> None:
    assert list(mismatches({**written, key: value}, "Report", "report", TABLES))
    assert list(mismatches({**written, "more": 1}, "Report", "report", TABLES))


def test_what_is_not_finite_is_null(tmp_path: Path) -> None:
    finding = Finding("step", "NumPy", "float32", "train_step", "loss", Verdict.FAIL, math.inf)
    run = FreeRun([1, 2], [0.0, math.nan], [0.0, math.inf], [0.0, 0.0], 1)
    who = Description("NumPy", (), "float32", "cpu", threads=1)
    write_json(tmp_path / "check.json", Report(who, [finding], {"float32": run}).to_dict())
    found = json.loads((tmp_path / "check.json").read_text())
    assert found["findings"][0]["ratio"] is None
    assert (found["free_runs"]["float32"]["parameters"], found["free_runs"]["float32"]["loss"]) == (
        [0, None],
        [0, None],
    )


def test_the_document_names_every_verdict_and_every_tier() -> None:
    assert TABLES["Verdict"] == {
        verdict.value: "yes" if verdict.held else "no" for verdict in Verdict
    }
    text = (ROOT / "docs/check-json.md").read_text(encoding="utf-8")
    assert all(f"`{stage}`" in text for stage in STAGES)
