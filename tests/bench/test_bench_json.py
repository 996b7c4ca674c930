"""docs/bench-json.md says what `bench --json` writes: no key more or less, and their types."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from compare import machine
from compare.bench.results import Results, Row, TrainingRow
from compare.files import write_json
from tests.documented import mismatches, tables

TABLES = tables("bench-json.md")


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Return what is written of a row and a training that ran, and of two that did not."""
    path = tmp_path / "bench.json"
    rows = [
        Row("numpy", "NumPy", 1, 128, 400, 10, "", 0.2, 0.1, 1.0, 1.5, 2.0, 0.3, [1.5, 1.5]),
        Row("torch", "torch", 1, 128, 400, 10, cannot="no torch"),
    ]
    trainings = [
        TrainingRow("numpy", "NumPy", "digits", 1, [1.0], [0.02], 144.0, "", 0.1),
        TrainingRow("torch", "torch", "digits", 1, cannot="no torch"),
    ]
    environment = {**machine.describe(), "load": 0.1}  # as `bench` writes it
    write_json(path, Results(environment, "cpu", rows, trainings).to_dict())
    return json.loads(path.read_text())


def test_what_is_written_is_what_the_document_says(written: Any) -> None:
    assert list(mismatches(written, "Results", "results", TABLES)) == []
    assert written["environment"]["thread_pools"]


def test_the_document_lists_the_keys_in_the_files_order(written: Any) -> None:
    assert list(TABLES["Results"]) == list(written)
    for kind in (Row, TrainingRow):
        assert list(TABLES[kind.__name__]) == [field.name for field in fields(kind)]


@pytest.mark.parametrize("place", ["rows", "trainings"])
def test_what_the_document_does_not_say_is_noticed(written: Any, place: str) -> None:
    written[place][0]["more"] = 1
    assert list(mismatches(written, "Results", "results", TABLES))
