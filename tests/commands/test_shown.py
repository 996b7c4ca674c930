"""What is printed without a terminal is plain text, whole."""

import pytest

from compare.check.bounds import Finding, Verdict
from compare.check.check_report import Report
from compare.commands.check import show_check
from compare.progress import TrainingProgress
from compare.sides.interface import Description, Layer
from compare.tables import Table, show_tables


def test_a_table_is_its_title_its_columns_and_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    show_tables(
        [
            Table(
                "a title",
                ("", "left", "right"),
                [("first", "1.0", "2.0"), ("[/red]", "3.0", "4.0")],
            )
        ]
    )
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines == [
        ["a", "title"],
        ["left", "right"],
        ["first", "1.0", "2.0"],
        ["[/red]", "3.0", "4.0"],
    ]


def test_progress_ends_in_a_line_for_every_training(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingProgress({"NumPy": 300, "PyTorch": 300}) as progress:
        progress.skip("PyTorch", 200)
        for label, images in (("NumPy", 200), ("NumPy", 100), ("PyTorch", 100)):
            progress.step(label, images, loss=12.345)
    numpy_line, torch_line = capsys.readouterr().out.splitlines()
    for line, label in ((numpy_line, "NumPy"), (torch_line, "PyTorch")):
        assert line.startswith(label)
        assert "300/300" in line
        assert "12.3" in line


def test_a_bracket_in_the_name_of_somebodys_side_is_no_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    finding = Finding(
        "exact", "[/]x", "float32", "fc1.forward", "y", Verdict.FAIL, 3.0, detail="[/red]"
    )
    show_check(
        Report(
            Description("[/]x", (Layer("fc1", "Linear", 2, 3),), "float32", "cpu", threads=1),
            [finding],
            {},
        )
    )
    assert "[/]x" in capsys.readouterr().out
