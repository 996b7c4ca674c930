"""Code that is judged may end the process, crash it or hang: it is told in one line."""

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.check.check_report import Report
from compare.commands.check import Request, judge
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.sides import process
from compare.sides.calls import Calls
from compare.sides.process import Step, supervised
from tests.running import environ
from tests.trials import interrupts, users

HANGS = ("check", "--side", "hangs:make", "--json", "found.json")
MUST = "code that is judged must return, and not end or crash the process"
THREAD = """
import threading, time
from examples.own_side import make
print("a word of the user's")
threading.Thread(target=time.sleep, args=(1000,)).start()
"""


@pytest.fixture
def judged(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what judges the factory `make` of a module, whose text is given, in a new process."""
    monkeypatch.chdir(tmp_path)

    def judging(text: str, deadline: float = 60.0) -> Report:
        (tmp_path / "odd.py").write_text(text)
        request = Request({}, side="odd:make", torch=False)
        how = partial(judge, request, Config(), dataset, None)
        return supervised("odd:make", how, lambda *_: None, deadline=deadline)

    return judging


@pytest.fixture
def told(judged: Any) -> Any:
    """Return what says the line in which judging a side that does `act` at some moment ends."""

    def line(where: str, act: str, **how: float) -> str:
        with pytest.raises(UserError) as ended:
            judged(users.module(where, act), **how)
        return str(ended.value)

    return line


def hanging(folder: Path) -> Path:
    """Write a side whose making never ends; return the file that says that it has begun."""
    (folder / "hangs.py").write_text(
        "import pathlib, time\ndef make(config):\n"
        "    pathlib.Path('begun').touch()\n    time.sleep(1000)\n"
    )
    return folder / "begun"


@pytest.mark.parametrize(
    ("where", "act", "message"),
    [
        (
            "import",
            "sys.exit(0)",
            r"importing odd, from .*, raised SystemExit: 0; code that is judged must not end .*",
        ),
        (
            "factory",
            "sys.exit(0)",
            r"odd:make\(config\) raised SystemExit: 0; code that is judged must not end .*",
        ),
        (
            "attribute",
            "sys.exit(0)",
            "looking for the methods of what odd:make returned raised SystemExit: 0; .*",
        ),
        (
            "op",
            "sys.exit(0)",
            r"op\('loss.forward'\) of odd:make raised SystemExit: 0; code that is judged must .*",
        ),
        (
            "import",
            "os._exit(0)",
            rf"odd:make ended its process \(exit code 0\) amid importing odd, .*; {MUST}",
        ),
        (
            "op",
            "os._exit(0)",
            rf"odd:make .* \(exit code 0\) amid op\('loss.forward'\) of odd:make; {MUST}",
        ),
        (
            "op",
            "os.abort()",
            rf"odd:make .* \(signal SIGABRT\) amid op\('loss.forward'\) of odd:make; {MUST}",
        ),
        (
            "state",
            "ctypes.string_at(0)",
            rf"odd:make .* \(signal SIGSEGV\) amid state\(\) of odd:make; {MUST}",
        ),
        (
            "op",
            "os.kill(os.getpid(), 9)",
            r"odd:make .* \(signal SIGKILL\) amid op\(.*; there may be too little memory",
        ),
        (
            "factory",
            "(os.closerange(3, 99), spin())",
            rf"odd:make closed what .* amid odd:make\(config\); {MUST}",
        ),
        ("factory", "throw(Hidden())", r"odd:make\(config\) raised Hidden"),
        (
            "factory",
            "Nameless('Odd', (), {})()",
            r"what odd:make returned, Odd, has no \w+\(\); .*",
        ),
        (
            "describe",
            "Nameless('Odd', (), {})()",
            r"describe\(\) of odd:make returned an? Odd, not a .*",
        ),
        (
            "factory",
            "throw(ValueError('x' * 10**6))",
            r"odd:make\(config\) raised ValueError: x+… \(.* more\)",
        ),
    ],
)
def test_a_side_that_ends_the_process_is_told(
    told: Any, where: str, act: str, message: str
) -> None:
    assert re.fullmatch(message, told(where, act))


@pytest.mark.parametrize("act", ["sys.exit(0)", "os._exit(0)"])
def test_a_side_that_ends_the_process_ends_the_check_in_2(tmp_path: Path, act: str) -> None:
    assert users.check(tmp_path, "op", act, "--no-torch").code == 2


@pytest.mark.parametrize(
    ("where", "act", "call"),
    [
        ("import", "time.sleep(1000)", "importing odd, from .*"),
        ("factory", "spin()", r"odd:make\(config\)"),
        ("loss", "time.sleep(1000)", r"fit\(\) of odd:make"),
    ],
)
def test_a_call_that_never_ends_is_ended_and_told(
    told: Any, where: str, act: str, call: str
) -> None:
    slow = f"{call} took longer than 0.7 seconds; make it faster, or give --deadline more"
    assert re.fullmatch(slow, told(where, act, deadline=0.7))


def written(data: str) -> str:
    """Return what writes some bytes into whatever is open."""
    return f"[write(number, {data}) for number in range(3, 30)]"


@pytest.mark.parametrize(
    "act",
    [
        written("struct.pack('!i', 5) + b'hello'"),
        written("struct.pack('!i', 5000)"),
        written("struct.pack('!iQ', -1, 2**62)"),
        written("b'compare:' + struct.pack('!Q', 2**62)"),
        written("b'compare:' + struct.pack('!Q', 5) + b'hello'"),
        f"({written('bytes(9)')}, spin())",
    ],
)
def test_what_writes_into_the_line_is_told_at_once(told: Any, act: str) -> None:
    assert re.fullmatch(
        "odd:make wrote into what its process answers through; "
        "code that is judged must not write into files .*",
        told("factory", act),
    )


def test_half_a_message_ends_with_the_deadline(told: Any) -> None:
    act = "(" + written("b'compare:' + struct.pack('!Q', 50)") + ", spin())"
    line = told("factory", act, deadline=0.7)
    assert re.fullmatch(r"odd:make\(config\) took longer than 0.7 seconds; .*", line)


def test_a_copy_of_the_process_does_not_answer_for_it(judged: Any, told: Any) -> None:
    ended = told("factory", "os.fork() and os._exit(0)")
    assert ended.startswith("odd:make ended its process (exit code 0)")
    assert judged("import os\nfrom examples.own_side import make\nos.fork()\n").held


@pytest.mark.parametrize("where", ["import", "factory", "op", "loss"])
def test_an_interrupt_that_code_raises_is_its_own(told: Any, where: str) -> None:
    ended = told(where, "throw(type('Own', (KeyboardInterrupt,), {}))")
    assert re.fullmatch(".* raised Own; code that is judged must not end the process", ended)


def silent(calls: Calls, on_step: Step) -> None:
    """Do nothing for a long time, between two calls."""
    calls("a call", lambda: None)
    time.sleep(1000)


def test_a_process_that_is_silent_between_calls_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LEAST_QUIET", 0)
    with pytest.raises(
        UserError, match=r"^mod:make has not answered for 2 seconds; code that is judged must not "
    ):
        process.supervised("mod:make", silent, lambda *_: None, deadline=0.2)


@pytest.mark.parametrize("how", ["raise", "ignore"])
def test_what_code_has_numpy_do_with_errors_is_not_about_ours(judged: Any, how: str) -> None:
    own = "import numpy as np\nfrom examples.own_side import make\n"
    assert judged(f"{own}np.seterr(all={how!r})\n").held


def test_what_code_ignores_is_ignored_in_its_next_call_and_not_between() -> None:
    calls, before = Calls(), np.geterr()
    calls("a call", lambda: np.seterr(over="ignore", under="raise", divide="raise"))
    assert np.geterr() == before
    assert calls("another", np.geterr) == {**before, "over": "ignore"}


@pytest.mark.parametrize("times", [1, 3])
def test_an_interrupt_ends_both_processes_with_one_word(tmp_path: Path, times: int) -> None:
    begun = hanging(tmp_path)
    assert interrupts.interrupted(HANGS, begun, tmp_path, times=times) == "interrupted"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_death_of_a_command_ends_the_process_that_it_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    begun, command = hanging(tmp_path), [sys.executable, "-m", "compare", *HANGS]
    process = subprocess.Popen(command, cwd=tmp_path, env=environ(), start_new_session=True)
    while not begun.exists():
        time.sleep(0.02)
    os.kill(process.pid, number)
    assert process.wait() == -number
    users.assert_nothing_runs(process.pid)


def test_what_a_side_prints_is_shown_and_a_thread_of_it_that_never_ends_is_ended(
    tmp_path: Path,
) -> None:
    (tmp_path / "talks.py").write_text(THREAD)
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "compare",
        "check",
        "--no-torch",
        "--side",
        "talks:make",
    ]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environ(), capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("a word of the user's\n")


def test_an_unknown_error_of_ours_is_told_in_one_line() -> None:
    with pytest.raises(
        UserError,
        match=r"^mod:make cannot be judged: .*, raised TypeError: 'int' object is not calla",
    ):
        process.supervised("mod:make", 3, lambda *_: None)  # type: ignore[arg-type]
