"""What a result depends on is written down; a thread count holds for every library."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from compare import machine
from tests.running import ROOT

CHILD = """
import json, sys
from compare import machine
about = [machine.machine(machine.describe())]
import scipy.linalg
about.append(machine.machine(machine.describe()))
machine.set_threads(1)
import threadpoolctl, torch
def counts():
    return {torch.get_num_threads(), *(p["num_threads"] for p in threadpoolctl.threadpool_info())}
about.append(machine.machine(machine.describe()))
one = counts()
machine.set_threads(2)
print(json.dumps([about, list(one), list(counts())]), flush=True)
for line in sys.stdin:
    earlier, count = json.loads(line)
    machine.set_threads(1)
    print(json.dumps([machine.go_on_from(earlier, count), machine.threads()]), flush=True)
"""


class Child:
    """A process that loads one library after the other, and goes on from what it is given."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin and process.stdout
        self._question, self._answer = process.stdin, process.stdout
        self.about, self.one, self.two = json.loads(self._answer.readline())

    def go_on_from(self, earlier: dict[str, object], count: int | None = None) -> Any:
        """Return what differs from an earlier environment, and the threads worked with."""
        print(json.dumps([earlier, count]), file=self._question, flush=True)
        return json.loads(self._answer.readline())


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """Start the process, with no thread count set for it."""
    unlimited = {
        name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")
    }
    with subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=unlimited,
        cwd=ROOT,
    ) as process:
        yield Child(process)


def test_the_environment_is_plain_values_with_versions_and_machine() -> None:
    described = machine.describe()
    assert json.loads(json.dumps(described)) == described
    assert described["python"] == ".".join(map(str, sys.version_info[:3]))
    assert described["packages"]["numpy"] and described["packages"]["torch"]
    assert described["cpu"]
    assert described["thread_pools"]


def test_the_blas_that_is_named_is_numpys_whatever_else_brings_one(child: Child) -> None:
    alone, *beside = child.about
    processor_and_numpy, *_ = alone.partition("; torch")
    assert all(text.startswith(processor_and_numpy) for text in beside)
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


@pytest.mark.parametrize(("then", "now"), [((2, 1), (2, 1)), ((1, 2), (1, 2)), ((2, None), (2, 2))])
def test_the_threads_of_before_are_worked_with_again(
    child: Child, then: tuple[int, int | None], now: tuple[int, int]
) -> None:
    earlier = {**machine.describe(), "threads": dict(zip(("blas", "torch"), then, strict=True))}
    assert child.go_on_from(earlier) == [[], dict(zip(("blas", "torch"), now, strict=True))]


def test_what_differs_from_before_is_said(child: Child) -> None:
    here = machine.describe()
    now = here["packages"]["numpy"]
    earlier = {
        **here,
        "cpu": "Z80",
        "packages": {**here["packages"], "numpy": "1.0"},
        "threads": {"blas": 2, "torch": 2},
    }
    assert child.go_on_from(earlier, 1)[0] == [
        f"cpu Z80 then, {here['cpu']} now",
        "threads 2 then, 1 now",
        f"numpy 1.0 then, {now} now",
    ]


@pytest.mark.parametrize(
    "threads", [None, 3, {}, {"blas": "2"}, {"blas": 10**9, "torch": 1}, {"blas": 0, "torch": 0}]
)
def test_a_file_that_asks_for_no_sensible_threads_changes_nothing(
    child: Child, threads: object
) -> None:
    _, ours = child.go_on_from({**machine.describe(), "threads": threads})
    assert ours == {"blas": 1, "torch": 1}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread anyway")
def test_a_thread_count_holds_for_libraries_loaded_before_and_after(child: Child) -> None:
    assert child.one == [1]  # torch was loaded after it was set
    assert child.two == [2]  # and before


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
