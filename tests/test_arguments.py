"""Whatever is wrong in a command line is told in one line; whatever name a file has works."""

from pathlib import Path

import click
import pytest

from tests.running import exit_code
from tests.trials import arguments
from tests.trials.many import many

STRANGE = "-- it's\n\x1b[31m $näme \udcff"  # a new line, a colour, a space, a letter, no UTF-8
COMMANDS = dict(arguments.commands())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_bad_value_of_every_option_is_refused_by_name(command: str, tmp_path: Path) -> None:
    for param in COMMANDS[command]:
        for number, value in enumerate(arguments.bad_values(param)):
            own = tmp_path / f"{param.name}-{number}"
            own.mkdir()
            said = arguments.refusal(arguments.line(command, param, value), own)
            assert (
                param.opts[0].strip("-") in said
                or repr(value)[1:-1].partition(":")[0] in said
                or "nowhere" in said
            )


def test_every_option_has_bad_values_or_is_a_flag() -> None:
    for params in COMMANDS.values():
        for param in params:
            assert arguments.bad_values(param) or (
                isinstance(param, click.Option) and param.is_flag
            ), param.name


def test_of_many_chance_command_lines_each_is_refused(tmp_path: Path) -> None:
    assert many(arguments.trial, range(500), tmp_path) == {"refused": 500}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_nearest_command_and_option_are_suggested(command: str, tmp_path: Path) -> None:
    options = [
        option for param in COMMANDS[command] for option in param.opts if option.startswith("--")
    ]
    for wrong, right in [
        ([f"{command}s"], command),
        *(([command, f"{option}s"], option) for option in options),
    ]:
        _, asked, suggested = arguments.refusal(wrong, tmp_path).partition("Did you mean")
        assert asked
        assert f"'{right}'" in suggested


def test_a_name_with_all_that_a_name_may_have_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ("--side", "numpy", "--hidden-dim", 8, "--epochs", 1)
    assert exit_code(monkeypatch, "train", *small, "--out", STRANGE) == 0
    assert (
        exit_code(monkeypatch, "train", "--side", "numpy", "--resume", STRANGE, "--epochs", 2) == 0
    )
    assert exit_code(monkeypatch, "report", "--out", f"{STRANGE}.html", "--", STRANGE) == 0
    assert {path.name for path in tmp_path.iterdir()} == {STRANGE, f"{STRANGE}.html"}
