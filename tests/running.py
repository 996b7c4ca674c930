"""Commands, run as a person runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from compare.cli import main

ROOT = Path(__file__).parents[1]


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
