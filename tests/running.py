"""Commands, run as a person runs them."""

import contextlib
import io
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest

from compare.cli import main
from compare.data import digits

ROOT = Path(__file__).parents[1]
digits_once = cache(digits.load)


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and so is given colours."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def compare(*arguments: object, cwd: Path) -> str:
    """Run a command in a new process, warnings being errors, to success; return what it prints."""
    command = [sys.executable, "-W", "error", "-m", "compare", *map(str, arguments)]
    ended = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=cwd, env=environ()
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def environ() -> dict[str, str]:
    """Return the environment in which a process, in whatever folder, finds this project."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run a command in this process; return how it ends."""
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def here(*arguments: object, cwd: Path, stream: type[io.StringIO] = io.StringIO) -> Ended:
    """Run a command in this process, in a folder; return how it ends. Digits are made once."""
    out, err = stream(), stream()
    with (
        contextlib.chdir(cwd),
        patch.object(sys, "argv", ["compare", *map(str, arguments)]),
        patch.object(digits, "load", digits_once),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
        except Exception as error:
            raise AssertionError(f"{arguments}: {error!r}") from error
    assert isinstance(code, int)
    return Ended(code, out.getvalue(), err.getvalue())
