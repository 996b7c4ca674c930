"""A download ends with checked files in place, or in one line and with nothing left behind.

The child finds a stand-in for torchvision here, which spares it the import of torch; test_mirror.py
has the real one.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from compare.data import download, idx
from compare.errors import UserError

STAND_IN = """
import os, pathlib, time
{before}
class datasets:
    def Tiny(folder, download):
        raw = pathlib.Path(folder, "Tiny", "raw")
        raw.mkdir(parents=True)
        (raw / "images").write_bytes(b"new images")
        {during}
        (raw / "labels").write_bytes(b"new labels")
"""

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs the stand-in, with statements before and during its work."""

    def put(before: str, during: str) -> None:
        (tmp_path / "modules").mkdir()
        (tmp_path / "modules" / "torchvision.py").write_text(
            STAND_IN.format(before=before, during=during)
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"), prepend=os.pathsep)

    return put


def check(fresh: Path) -> None:
    """Refuse files that do not begin with `new`."""
    for name in ("images", "labels"):
        if not (fresh / name).read_bytes().startswith(b"new"):
            raise idx.IdxError(f"{name} is faulty")


def failure(folder: Path, deadline: float = 30.0) -> str:
    """Return the message with which the download must fail, leaving nothing behind."""
    with pytest.raises(UserError) as caught:
        download.fetch("Tiny", folder, ["images", "labels"], check, deadline=deadline)
    assert not folder.exists()
    return str(caught.value)


def assert_gone(pid: int) -> None:
    """Check that there is no such process."""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_complete_download_is_moved_into_place(tmp_path: Path, install: Install) -> None:
    install("", "")
    folder = tmp_path / "raw"
    download.fetch("Tiny", folder, ["images", "labels"], check, deadline=30)
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert contents == {"images": b"new images", "labels": b"new labels"}


def test_a_file_that_was_not_asked_for_is_left_as_it_is(tmp_path: Path, install: Install) -> None:
    install("", "")
    (tmp_path / "images").write_bytes(b"mine")
    download.fetch("Tiny", tmp_path, ["labels"], check, deadline=30)
    assert (tmp_path / "images").read_bytes() == b"mine"
    assert (tmp_path / "labels").read_bytes() == b"new labels"


@pytest.mark.parametrize(
    ("before", "during", "reason"),
    [
        ("import no_such_library", "", "ModuleNotFoundError: No module named 'no_such_library'"),
        (
            "raise RuntimeError('operator nms does not exist')",
            "",
            "RuntimeError: operator nms does not exist",
        ),
        (
            "",
            "raise RuntimeError('Tried this, got:\\nHTTP Error 403: Forbidden\\n')",
            "HTTP Error 403: Forbidden",
        ),
        ("", "raise RuntimeError('words ' * 1000)", "RuntimeError: words words"),
        ("", "os._exit(3)", "exit code 3"),
        ("", "return", "No such file or directory"),
        ("", "(raw / 'images').write_bytes(b'old')", "images is faulty"),
    ],
)
def test_a_failure_is_one_line(
    tmp_path: Path, install: Install, before: str, during: str, reason: str
) -> None:
    install(before, during)
    message = failure(tmp_path / "raw")
    assert message.startswith(f"cannot download Tiny ({reason}")
    assert message.endswith(
        f"; put images, labels, gzipped or not, into {tmp_path / 'raw'}, or use --data digits"
    )
    assert len(message.splitlines()) == 1
    assert len(message) < 400 + len(str(tmp_path))


def test_a_file_named_like_a_library_in_the_current_folder_is_not_run(
    tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("", "")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("torchvision.py").write_text("raise SystemExit('run')")
    download.fetch("Tiny", tmp_path / "raw", ["images"], check, deadline=30)


def test_a_folder_that_cannot_be_made_is_a_failure_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot download Tiny \(Not a directory\)"):
        download.fetch("Tiny", tmp_path / "file" / "raw", ["images"], check, deadline=30)


def test_a_child_past_the_deadline_is_killed(
    tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("", "time.sleep(60)")
    children = []

    class Recorded(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            children.append(self.pid)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    assert "(not finished after 0.2 s)" in failure(tmp_path / "raw", deadline=0.2)
    assert_gone(*children)


def test_an_interrupt_ends_the_child_and_leaves_nothing_behind(
    tmp_path: Path, install: Install
) -> None:
    install(
        "", f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    fetch = (
        "import sys, pathlib; from compare.data.download import fetch; "
        "fetch('Tiny', pathlib.Path(sys.argv[1]), ['images', 'labels'], print, deadline=60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", fetch, tmp_path / "raw"],
        stderr=subprocess.PIPE,
        # a job in the background would ignore it
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as parent:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert parent.poll() is None
            time.sleep(0.01)
        parent.send_signal(signal.SIGINT)
        _, messages = parent.communicate(timeout=30)
    assert b"KeyboardInterrupt" in messages
    assert not (tmp_path / "raw").exists()
    assert_gone(int((tmp_path / "pid").read_text()))
