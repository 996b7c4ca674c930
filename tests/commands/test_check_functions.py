"""`check --function`: exit codes, and one line for whatever the function does."""

from pathlib import Path

import pytest

from tests.running import here

MODULE = """
import os, time
import numpy as np

X = {"x": np.random.default_rng(0).standard_normal((4, 3))}

def of(scale):
    import torch
    from compare import check_function
    return check_function(
        lambda x: np.tanh(x) * scale,
        lambda dy, x: {"x": dy * (1 - np.tanh(x) ** 2)},
        lambda x: torch.tanh(x),
        X,
    )

def right(): return of(1)
def several(): return [of(1), of(2)]
def raises(): raise ValueError("no\\nluck")
def nothing(): pass
def empty(): return []
def hangs(): time.sleep(60)
def ends(): os._exit(3)
def refused():
    from compare import check_function
    return check_function(np.tanh, None, None, {})
constant = 3
"""


@pytest.mark.parametrize(
    ("name", "code", "out", "err"),
    [
        ("right", 0, "<lambda> agrees with its reference: y, dx, ", ""),
        ("several", 1, "y of <lambda> fails on", ""),
        ("raises", 2, "", "error: own:raises() raised ValueError: no luck\n"),
        ("nothing", 2, "", "error: own:nothing() returned NoneType, not a report of compare's"),
        ("empty", 2, "", "error: own:empty() returned list, not a report of compare's"),
        ("hangs", 2, "", "error: own:hangs() took longer than 1 seconds; make it faster, or"),
        ("ends", 2, "", "error: own:ends ended its process (exit code 3) amid own:ends(); code"),
        ("refused", 2, "", "error: own:refused() raised UserError: operands must be a dict of "),
        ("constant", 2, "", "error: own:constant, int, cannot be called; name a function\n"),
        ("absent", 2, "", "error: own has no 'absent'; name a function of it\n"),
    ],
)
def test_a_function_that_returns_reports_decides_the_exit_code(
    tmp_path: Path, name: str, code: int, out: str, err: str
) -> None:
    (tmp_path / "own.py").write_text(MODULE)
    ended = here(
        "check",
        "--function",
        f"own:{name}",
        "--deadline",
        1 if name == "hangs" else 60,
        cwd=tmp_path,
    )
    assert ended.code == code
    assert out in " ".join(ended.out.split())
    assert ended.err.startswith(err) and ended.err.count("\n") == (code == 2)


@pytest.mark.parametrize(
    ("arguments", "err"),
    [
        (("--function", "own"), "error: --function needs module:name, as in examples.own_function"),
        (("--function", "own:f", "--step", 2), "error: --function judges no network: leave out"),
        (("--function", "own:f", "--side", "own:f"), "error: --function judges no network: leave"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, arguments: tuple[object, ...], err: str
) -> None:
    ended = here("check", *arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(err)
