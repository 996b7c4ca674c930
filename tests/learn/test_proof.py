"""The proof of the graders is what is written, and it holds."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from compare.learn.catalogue import EXERCISES
from tests.learn.__main__ import main, said_of_typical_mistakes

WRITTEN = (Path(__file__).parents[2] / "docs" / "learn.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| (\w+) \|(.*)\|$", WRITTEN, re.MULTILINE))


def test_every_exercise_is_proven_and_nothing_was_let_through() -> None:
    for name in (*(exercise.name for exercise in EXERCISES), "all"):
        *_, refused, let_through, named, kind = (cell.strip() for cell in ROWS[name].split("|"))
        assert int(refused) > 10
        assert int(let_through) == 0
    assert int(named.strip("%")) >= 95
    assert int(kind.strip("%")) >= 80


def test_what_is_said_of_typical_mistakes_is_what_is_written() -> None:
    assert "\n".join(said_of_typical_mistakes()) in WRITTEN


@pytest.mark.slow
def test_it_holds() -> None:
    ended = CliRunner().invoke(main)
    assert ended.exit_code == 0, ended.output
