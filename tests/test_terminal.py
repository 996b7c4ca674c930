"""What is printed survives the loss of its reader, and is coloured on a terminal alone."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from compare.terminal import Steady, printable
from tests.running import ROOT, exit_code

ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT)}
SHOW = """
from compare.progress import TrainingProgress, console
with TrainingProgress({"NumPy": 2}) as progress:
    progress.step("NumPy", 2, 1.0)
console.print("all held", style="green")
"""


def unread() -> int:
    """Return the end to write to of a pipe whose reader has left."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("--help", 0, ""),
        ("check --no-torch --hidden-dim 8 --threads 1", 0, ""),
        ("nothing", 2, "error: No such command 'nothing'.\n"),
    ],
)
def test_a_pipe_closed_early_is_no_error_and_changes_no_exit_code(
    line: str, code: int, said: str
) -> None:
    command = [sys.executable, "-m", "compare", *line.split()]
    ended = subprocess.run(command, stdout=unread(), stderr=subprocess.PIPE, text=True, env=ENVIRON)
    assert (ended.returncode, ended.stderr) == (code, said)


def test_an_error_whose_reader_has_left_keeps_its_exit_code() -> None:
    command = [sys.executable, "-m", "compare", "nothing"]
    assert subprocess.run(command, stdout=unread(), stderr=unread(), env=ENVIRON).returncode == 2


def test_a_full_disk_below_the_output_ends_in_2_with_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "compare", "--help"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRON)
    assert ended.returncode == 2
    assert (
        ended.stderr
        == "error: cannot print: No space left on device; give the output another place\n"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_are_closed_from_the_start_change_no_exit_code(closed: str) -> None:
    command = f"{sys.executable} -m compare figures nowhere {closed}"
    assert subprocess.run(command, shell=True, env=ENVIRON, capture_output=True).returncode == 2


def test_without_a_terminal_no_control_character_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        stream = Steady(log)
        stream.write("a\x1b[31m\r\x07 σ\n\udcff\n")
        stream.flush()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "a\\x1b[31m\\r\\x07 σ\n\\udcff\n"


def test_a_letter_that_the_output_cannot_encode_is_escaped(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="ascii") as log:
        Steady(log).write("σ")
    assert (tmp_path / "log").read_text(encoding="ascii") == "\\u03c3"


def test_what_is_printable_stays_as_it_is() -> None:
    assert printable("γₖ (|A||B| + |b|) — 0×ff") == "γₖ (|A||B| + |b|) — 0×ff"
    assert printable("two\nlines") == "two\\nlines"


def codes(**environ: str) -> set[str]:
    """Show progress and a coloured line on a terminal; return the control sequences."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(
            sys.executable,
            [sys.executable, "-c", SHOW],
            {**ENVIRON, "TERM": "xterm-256color", **environ},
        )
    printed = b""
    try:
        while piece := os.read(terminal, 2**16):
            printed += piece
    except OSError:  # how Linux tells that the other side has gone
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return set(re.findall(r"\x1b\[[?\d;]*[A-Za-z]", printed.decode()))


def test_a_terminal_shows_colours_unless_no_color_is_set_and_a_dumb_one_no_sequence_at_all() -> (
    None
):
    colour = re.compile(r"\x1b\[(3|4|9|10)\d(;\d+)*m")
    assert any(map(colour.fullmatch, codes()))
    assert not any(map(colour.fullmatch, codes(NO_COLOR="1")))
    assert not codes(TERM="dumb")


@pytest.mark.parametrize("columns", ["0", "1", "7", "many"])
def test_a_narrow_terminal_is_no_error(columns: str) -> None:
    assert codes(COLUMNS=columns)


def test_what_the_system_refuses_ends_in_2_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", "/a\nplace")

    monkeypatch.setattr("compare.commands.check.check", refuse)
    assert exit_code(monkeypatch, "check") == 2
    printed = capsys.readouterr().err
    assert (
        printed == "error: the system refuses: Read-only file system (/a\\nplace); "
        "see to that and try again\n"
    )


def test_matplotlib_says_nothing_of_a_cache_that_it_may_not_write(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import compare.report.figures"]
    environ = {**ENVIRON, "MPLCONFIGDIR": "/proc", "HOME": "/proc", "TMPDIR": str(tmp_path)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environ)
    assert (ended.returncode, ended.stderr) == (0, "")
