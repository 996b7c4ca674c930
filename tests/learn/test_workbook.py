"""Nobody's work is lost: a folder gets what it lacks, and nothing is written over."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from compare import files
from compare.errors import UserError
from compare.learn import workbook
from compare.learn.catalogue import EXERCISES, find
from compare.learn.child import forked, judged
from compare.learn.grading import PASSED, WRONG
from compare.learn.watching import changes
from compare.learn.workbook import Workbook
from tests.learn.ways import ways

RELU = find("2")
RIGHT = ways(RELU.name)[0].read_bytes()


@pytest.fixture
def book(tmp_path: Path) -> Workbook:
    """Return a folder with all exercises."""
    made = Workbook(tmp_path / "exercises")
    assert made.prepare() == list(EXERCISES)
    return made


def test_what_is_there_stays_and_what_lacks_is_written(book: Workbook) -> None:
    book.path(RELU).write_bytes(RIGHT)
    book.path(EXERCISES[0]).unlink()
    assert book.prepare() == [EXERCISES[0]]
    assert book.source(RELU) == RIGHT
    assert book.source(EXERCISES[0]) == EXERCISES[0].template
    assert book.prepare() == []


def test_a_reset_keeps_the_old_work_under_a_name_of_its_own(book: Workbook) -> None:
    for number in (1, 2):
        work = RIGHT + b"#" * number
        book.path(RELU).write_bytes(work)
        kept = book.reset(RELU)
        assert kept is not None
        assert (kept.name, kept.read_bytes()) == (f"{RELU.name}.old-{number}.py", work)
        assert book.source(RELU) == RELU.template
    for _ in range(2):  # of one that is as it was at first, there is nothing to keep
        assert book.reset(RELU) is None
    book.path(RELU).unlink()
    assert book.reset(RELU) is None
    assert book.source(RELU) == RELU.template
    assert len(list(book.folder.glob(f"{RELU.name}*"))) == 3


def test_a_reset_of_a_link_keeps_the_work_and_the_link(book: Workbook, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_bytes(RIGHT)
    book.path(RELU).unlink()
    book.path(RELU).symlink_to(mine)
    kept = book.reset(RELU)
    assert kept is not None
    assert kept.read_bytes() == RIGHT
    assert book.path(RELU).is_symlink()
    assert book.source(RELU) == RELU.template


def test_what_a_killed_process_left_of_a_file_goes(book: Workbook) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = book.folder / f".{RELU.file}.{ended.pid}{files.PARTIAL}"
    left.touch()
    book.path(RELU).unlink()
    book.prepare()
    assert not left.exists()


@pytest.mark.parametrize("call", [1, 2])
def test_a_full_disk_in_a_reset_loses_nothing(
    book: Workbook, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    book.path(RELU).write_bytes(RIGHT)
    flush, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2 * call - 1:  # a file, and then its folder
            raise OSError(28, "No space left on device")
        flush(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"^cannot write .*: No space left on device; free some"):
        book.reset(RELU)
    assert book.source(RELU) == RIGHT
    assert not list(book.folder.glob(f"*{files.PARTIAL}"))


def test_a_folder_that_may_not_be_written_is_told_and_one_that_need_not_be_works(
    book: Workbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise UserError("cannot write it: Permission denied; choose another place")

    monkeypatch.setattr(workbook, "write_whole", refused)
    assert book.prepare() == []
    assert book.judge(RELU).sentence == "relu_forward is not written yet"
    book.path(RELU).unlink()
    with pytest.raises(UserError, match="Permission denied"):
        book.prepare()


def test_a_file_that_is_gone_or_none_is_told(book: Workbook, tmp_path: Path) -> None:
    book.path(RELU).rename(book.folder / "mine.py")
    with pytest.raises(UserError, match=r"is not there any more; .*--reset 02$"):
        book.judge(RELU)
    for make in (Path.mkdir, os.mkfifo):
        make(book.path(RELU))
        for do in (book.judge, book.reset):
            with pytest.raises(UserError, match=r"^cannot read .*02_relu_forward.py: It is not a"):
                do(RELU)
        (Path.rmdir if make is Path.mkdir else Path.unlink)(book.path(RELU))
    book.path(RELU).symlink_to(book.path(RELU).name)
    with pytest.raises(UserError, match=r"^cannot write .*: it is a loop of links"):
        book.prepare()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file is a file; name a folder"):
        Workbook(tmp_path / "file")


def test_what_has_not_changed_is_not_judged_again(
    book: Workbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.path(RELU).write_bytes(RIGHT)
    first = book.judge(RELU)
    monkeypatch.setattr(workbook, "judged", lambda *_: pytest.fail("it was judged again"))
    book.path(RELU).write_bytes(RIGHT)
    assert book.judge(RELU) is first


HEAD = "import os, time\ndef relu_forward(x):\n    "


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (
            "while True: pass",
            "hangs",
            "does not come to an end: it is stopped after 0.3 seconds, in line 3: while True: pa",
        ),
        ("time.sleep(60)", "hangs", "in line 3: time.sleep(60). Is there an endless loop?"),
        ("x[0, 0] = 9**9**9**9", "hangs", "in line 3: "),  # which no signal's handler can stop
        ("os._exit(3)", "ends", "ends the process in which it runs (exit code 3); it must return"),
        ("os.kill(os.getpid(), 9)", "ends", "(signal SIGKILL); it must return"),
    ],
)
def test_code_that_never_returns_is_told(body: str, kind: str, sentence: str) -> None:
    graded = judged(RELU, (HEAD + body).encode(), 0.3)
    assert (graded.state, graded.kind) == (WRONG, kind)
    assert sentence in graded.sentence


def test_the_verdict_of_a_child_is_that_of_its_code() -> None:
    assert judged(RELU, RIGHT).state == PASSED
    assert judged(RELU, RELU.template).lines == ()


def test_a_fault_of_the_judges_is_not_told_of_the_code() -> None:
    with pytest.raises(UserError, match=r"the judge itself raised ZeroDivisionError: division"):
        forked(lambda: 1 / 0, 5)


def test_an_interrupt_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    fork = os.fork

    def noted() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", noted)

    def interrupt() -> None:
        while not children:
            time.sleep(0.01)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            forked(lambda: threading.Event().wait(60), 60)
    finally:
        signal.signal(signal.SIGINT, before)
    with pytest.raises(ProcessLookupError):
        os.kill(children[0], 0)


def test_a_saved_file_is_noticed_however_an_editor_saves_it(book: Workbook) -> None:
    noticed = changes(book.folder)
    next(noticed)
    path, beside = book.path(RELU), book.folder / "beside"

    def write() -> None:
        path.write_bytes(RIGHT)

    def replace() -> None:
        beside.write_bytes(RIGHT)
        beside.replace(path)

    def move_and_write() -> None:
        path.rename(beside)
        path.write_bytes(RIGHT)
        beside.unlink()

    for save in (write, replace, move_and_write, path.unlink):
        threading.Timer(0.05, save).start()
        next(noticed)
    noticed.close()
