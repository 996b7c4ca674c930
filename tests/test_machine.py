"""What a result depends on is written down; a thread count holds for every library."""

import json
import os
import platform
import subprocess
import sys

import pytest

from compare import machine

LIMIT_AND_COUNT = """
import sys
from compare import machine
{first}
machine.set_threads(1)
import threadpoolctl, torch
print(torch.get_num_threads(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info()))
"""


def test_the_environment_is_plain_values_with_versions_and_machine() -> None:
    described = machine.describe()
    assert json.loads(json.dumps(described)) == described
    assert described["python"] == ".".join(map(str, sys.version_info[:3]))
    assert described["packages"]["numpy"] and described["packages"]["torch"]
    assert described["cpu"]
    assert described["thread_pools"]


MACHINE = """
import {first}, {second}
from compare.machine import describe, machine
print(machine(describe()))
"""


@pytest.mark.parametrize(
    ("first", "second"), [("numpy", "scipy.linalg"), ("scipy.linalg", "torch")]
)
def test_the_blas_that_is_named_is_numpys_whatever_else_brings_one(first: str, second: str) -> None:
    code = MACHINE.format(first=first, second=second)
    alone, beside = (
        subprocess.run(
            [sys.executable, "-c", text], check=True, capture_output=True, text=True
        ).stdout
        for text in (MACHINE.format(first="numpy", second="numpy"), code)
    )
    processor_and_numpy, *_ = alone.partition("; torch")
    assert beside.startswith(processor_and_numpy)
    assert "its own BLAS" not in alone


def test_a_kernel_that_somebody_chose_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert "OPENBLAS_CORETYPE" not in machine.machine(machine.describe())
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    described = machine.describe()
    assert ", as OPENBLAS_CORETYPE has it)" in machine.machine(described)
    assert "OPENBLAS_CORETYPE=Haswell" in machine.settings(described)


def test_a_package_that_is_absent_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PACKAGES", ("no-such-package",))
    assert machine.describe()["packages"] == {"no-such-package": None}


RUN = """
from compare import machine
{then}
print(*machine.go_on_from({earlier!r}, {count}), sep=";")
print(machine.threads())
"""


def went_on(
    earlier: dict[str, object], *, count: int | None = None, then: str = "import torch"
) -> list[str]:
    """Return what differed, and the threads worked with, in a process of its own."""
    code = RUN.format(then=then, earlier=earlier, count=count)
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    return printed.splitlines()


def test_the_threads_of_before_are_worked_with_again() -> None:
    here = machine.describe()
    for threads in ({"blas": 2, "torch": 1}, {"blas": 1, "torch": 2}):
        assert went_on({**here, "threads": threads}) == ["", str(threads)]
    assert went_on({**here, "threads": {"blas": 2, "torch": None}}) == [
        "",
        "{'blas': 2, 'torch': 2}",
    ]


def test_what_differs_from_before_is_said() -> None:
    here = machine.describe()
    packages = {**here["packages"], "numpy": "1.0"}
    differ, _ = went_on(
        {**here, "cpu": "Z80", "packages": packages, "threads": {"blas": 2, "torch": 2}}, count=1
    )
    now = here["packages"]["numpy"]
    assert (
        differ == f"cpu Z80 then, {here['cpu']} now;threads 2 then, 1 now;numpy 1.0 then, {now} now"
    )


@pytest.mark.parametrize(
    "threads", [None, 3, {}, {"blas": "2"}, {"blas": 10**9, "torch": 1}, {"blas": 0, "torch": 0}]
)
def test_a_file_that_asks_for_no_sensible_threads_changes_nothing(threads: object) -> None:
    _, ours = went_on({**machine.describe(), "threads": threads})
    assert ours == "{'blas': 1, 'torch': 1}"  # as the tests have it


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread anyway")
@pytest.mark.parametrize("first", ["", "import torch"])
def test_a_thread_count_holds_for_libraries_loaded_before_and_after(first: str) -> None:
    unlimited = {
        name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")
    }
    code = LIMIT_AND_COUNT.format(first=first)
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=unlimited
    )
    assert set(printed.stdout.split()) == {"1"}


def test_no_more_threads_are_used_than_blas_was_built_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.most_threads() <= machine.cores()
    monkeypatch.setattr(machine, "cores", lambda: 10**4)
    before = machine.blas_threads()
    assert before <= machine.most_threads() < 10**4
    assert machine.blas_threads() == before


FAULTS = """
import resource
import numpy as np
from compare import machine
machine.keep_freed_memory()
def use():
    arrays = [np.ones(25 * 2**20, np.uint8) for _ in range(8)]
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="no glibc, which alone is told to keep freed memory"
)
def test_memory_that_was_freed_is_used_again_without_faults() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 25 * 2**20 / 4096  # of 200 MB, fewer pages than one of the arrays has
