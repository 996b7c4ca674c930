"""What a result depends on is written down, and a thread count holds for every library, loaded yet or not."""

import json
import os
import subprocess
import sys

import pytest

from compare import environment

LIMIT_AND_COUNT = """
import sys
from compare import environment
{first}
environment.set_threads(1)
import threadpoolctl, torch
print(torch.get_num_threads(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info()))
"""


def test_the_environment_is_plain_values_with_versions_and_machine() -> None:
    described = environment.describe()
    assert json.loads(json.dumps(described)) == described
    assert described["python"] == ".".join(map(str, sys.version_info[:3]))
    assert described["packages"]["numpy"] and described["packages"]["torch"]
    assert described["cpu"]
    assert described["thread_pools"]


def test_a_package_that_is_absent_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGES", ("no-such-package",))
    assert environment.describe()["packages"] == {"no-such-package": None}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread anyway")
@pytest.mark.parametrize("first", ["", "import torch"])
def test_a_thread_count_holds_for_libraries_loaded_before_and_after(first: str) -> None:
    unlimited = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    code = LIMIT_AND_COUNT.format(first=first)
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=unlimited)
    assert set(printed.stdout.split()) == {"1"}
