"""A side or a layer of somebody's goes wrong at a moment: it is told, and never passes."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import Generator

import numpy_ae
from compare.check.layer import check_layer
from compare.files import read_json
from compare.sides.interface import METHODS
from compare.sides.layer_places import NotTaken
from tests.running import environ

HELPERS = """
import ctypes, itertools, os, signal, struct, sys, time
from contextlib import suppress
from pathlib import Path
import numpy as np
from examples import own_side

class Mute(Exception):
    def __str__(self): raise SystemExit(0)

class Numb(Exception):
    def __str__(self): return 3

def throw(error):
    raise error

def write(number, data):
    with suppress(OSError):
        os.write(number, data)

class Nameless(type):
    @property
    def __name__(cls): time.sleep(1e6)

class Hidden(Exception, metaclass=Nameless):
    __traceback__ = None

def spin():
    while True:
        pass
"""
MODULE = """
left = {number}

def here(where, result):
    global left
    if where != {where!r}:
        return result
    left -= 1
    if left:
        return result
    Path("acted").touch()
    return {act}

def watched(method):
    def call(self, *arguments):
        result = getattr(own_side.Network, method)(self, *arguments)
        if method == "fit":
            result = map(lambda loss: here("loss", loss), result)
        return here(method, result)
    return call

class Side(own_side.Network):
    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        return here("attribute", found) if name in {methods!r} else found

for method in {methods!r}:
    setattr(Side, method, watched(method))

def make(config):
    return here("factory", Side(config))

here("import", None)
"""

ENDS = (
    *(
        "sys.exit(0)",
        "sys.exit('done')",
        "os._exit(0)",
        "os._exit(1)",
        "os.abort()",
        "ctypes.string_at(0)",
    ),
    *(
        "os.kill(os.getpid(), signal.SIGKILL)",
        "throw(BaseException())",
        "throw(GeneratorExit())",
        "throw(SystemExit)",
    ),
)
HANGS = ("time.sleep(1e6)", "spin()")
RAISES = (
    *(
        "1 / 0",
        "throw(ValueError('x' * 10**6))",
        "throw(ValueError('two' + chr(10) + 'lines'))",
        "throw(Mute())",
    ),
    *(
        "throw(Numb())",
        "throw(StopIteration())",
        "throw(Hidden())",
        "throw(KeyError())",
        "throw(type('E' * 10**5, (Exception,), {}))",
    ),
)
RETURNS = (
    *(
        "None",
        "object()",
        "'text'",
        "[]",
        "itertools.count()",
        "{3: 4}",
        "{'y': itertools.count()}",
        "np.array(None)",
    ),
    *("{'y': np.array(None)}", "{'y': [1.0]}", "np.array('text')", "{'y' * 10**6: object()}"),
)
PLACES = ("import", "factory", "attribute", "loss", *METHODS)
MAY_RETURN_ANYTHING = ("import", "load")
LAST = 8  # calls, with a NaN or an infinity, where a layer may do anything; none is told
SOON = 5.0  # seconds after the end of a command in which all that it started has to have ended


class Ended(NamedTuple):
    """How a check of a side ended."""

    code: int
    out: str
    err: str
    acted: bool  # whether it came to the moment


def trial(rng: Generator, folder: Path) -> str:
    """Check one side or one layer; assert how it ends."""
    return _side(rng, folder) if rng.integers(4) else _layer(rng)


def _layer(rng: Generator) -> str:
    names: dict[str, Any] = {}
    exec(HELPERS, names)
    act = str(
        rng.choice(
            [*RAISES, *RETURNS, "sys.exit(0)", "throw(BaseException())", "throw(GeneratorExit())"]
        )
    )
    where, left = str(rng.choice(["forward", "backward"])), int(rng.integers(1, 30))
    layer: Any = numpy_ae.ReLU()
    right = getattr(layer, where)

    def odd(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        return right(*arguments, **named) if left > 0 else eval(act, names)

    setattr(layer, where, odd)
    try:
        report = check_layer(layer, torch.nn.ReLU(), np.zeros((2, 3)))
    except NotTaken as error:
        assert str(error).startswith("backward of ReLU gives no gradient: "), f"{act}: {error}"
        return "layer: not taken, for it gives no gradient"
    about = f"{where}, {act}: {report}"
    if report.held:
        assert left > -LAST, about
        return "layer: went wrong too late to matter, and passed"
    told = rf"(ReLU\.{where} fails|dx of ReLU\.backward fails .* it is not returned there).*"
    assert left <= 0 and re.fullmatch(told, report.sentence), about
    assert len(report.sentence) < 1200, about
    return "layer: failed"


def _side(rng: Generator, folder: Path) -> str:
    where, number = str(rng.choice(PLACES)), int(rng.integers(1, [2, 60][rng.integers(2)]))
    kinds = [ENDS, HANGS, RAISES, *([RETURNS] if where not in MAY_RETURN_ANYTHING else [])]
    kind = kinds[rng.integers(len(kinds))]
    act = str(rng.choice(kind))
    options = ("--deadline", "3", *(["--no-torch"] if rng.integers(2) else []))
    ended = check(folder, where, act, *options, number=number)
    if not ended.acted:
        assert ended.code == 0, f"{where} {number}, {act}: {ended}"
        return "side: went wrong too late to matter, and passed"
    return "side: ended in one line" if ended.code == 2 else "side: failed"


def module(where: str, act: str, number: int = 1) -> str:
    """Return the text of a module whose `make` gives a side that does `act` in call `number`."""
    return HELPERS + MODULE.format(where=where, act=act, number=number, methods=METHODS)


def check(folder: Path, where: str, act: str, *options: str, number: int = 1) -> Ended:
    """Check a side that does `act`, an expression, at some call; assert that all is as promised."""
    (folder / "odd.py").write_text(module(where, act, number))
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "compare",
            "check",
            "--side",
            "odd:make",
            "--json",
            "found.json",
            *options,
        ],
        cwd=folder,
        env=environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    out, err = process.communicate(timeout=120)
    ended = Ended(process.returncode, out, err, (folder / "acted").exists())
    what = f"{where} {number}, {act}: {ended}"
    assert_nothing_runs(process.pid)
    assert "Traceback" not in err, what
    if ended.code == 2:
        assert (
            re.fullmatch(r"error: [^\n]{1,1200}\n", err) and err[:-1].isprintable() and not out
        ), what
        assert not (folder / "found.json").exists(), what
    else:
        assert ended.code == (1 if ended.acted else 0), what
        assert read_json(folder / "found.json")["held"] is not ended.acted, what
        assert max(map(len, out.splitlines())) < 1200, what
    return ended


def assert_nothing_runs(group: int) -> None:
    """Assert that of a group of processes none is left, or will be soon."""
    end = time.monotonic() + SOON
    while running := _running(group):
        if time.monotonic() > end:
            os.killpg(group, signal.SIGKILL)
            raise AssertionError(f"left: {running}")
        time.sleep(0.05)


def _running(group: int) -> list[str]:
    """Return the processes of a group, but those that ended and that nobody has waited for.

    Linux alone tells; elsewhere there are none.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            state, _, its_group, *_ = (process / "stat").read_text().rpartition(")")[2].split()
            if int(its_group) == group and state != "Z":
                found.append(f"{process.name} {(process / 'cmdline').read_bytes()!r}")
    return found
