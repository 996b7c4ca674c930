"""What is installed is the three packages, without tests; and what they need is audited."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePath

import numpy
import pytest
import torch
from hatchling.builders.wheel import WheelBuilder

from tests.running import ROOT

PACKAGES = ("numpy_ae", "torch_ae", "compare")
KINDS = {".py", ".typed", ".css", ".js", ".j2", ".md", ".toml"}
# torch with what it needs itself: an environment has no more than these.
TORCH: tuple[str, ...] = (
    "numpy",
    "torch",
    "functorch",
    "torchgen",
    "sympy",
    "mpmath",
    "networkx",
    "jinja2",
)
TORCH += ("markupsafe", "filelock", "fsspec", "typing_extensions.py", "isympy.py", "nvidia")
VERDICT = """
import torch
from compare import check_function
report = check_function(
    lambda x: 2 * x, lambda dy, x: {"x": dy}, lambda x: 2 * x, {"x": torch.randn(3, 4).numpy()}
)
print(report.sentence)
"""
SOUND = {"name": "sound", "version": "1", "vulns": []}
FLAWED = {
    "name": "flawed",
    "version": "2",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3"]}],
}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


def test_the_wheel_has_all_source_of_the_packages_and_nothing_else() -> None:
    found = {
        PurePath(file.distribution_path)
        for file in WheelBuilder(str(ROOT)).recurse_included_files()
    }
    source = {
        path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.*")
    }
    ours = {path for path in source if path.suffix in KINDS and path.name != "ruff.toml"}
    assert found == ours
    assert sum((ROOT / path).stat().st_size for path in found) < 1_500_000


@pytest.mark.slow
def test_the_wheel_gives_a_verdict_where_nothing_but_numpy_and_torch_is(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    only = tmp_path / "only"
    only.mkdir()
    for packages in {Path(module.__file__ or "").parents[1] for module in (numpy, torch)}:
        for name in (*TORCH, "numpy.libs"):
            if (packages / name).exists():
                (only / name).symlink_to(packages / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "only.pth").write_text(str(only), encoding="utf-8")
    python = tmp_path / "venv" / "bin" / "python"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [python, "-c", VERDICT],
        cwd=tmp_path,
        env=clean,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "it is 1/2 times what it should be" in ended.stdout, ended.stderr


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (
            json.dumps({"dependencies": [SOUND, UNKNOWN]}),
            0,
            "audit: 0 known vulnerabilities in 1 of 2 packages",
        ),
        (json.dumps({"dependencies": [SOUND, FLAWED]}), 1, "flawed 2: PYSEC-1, CVE-1; fixed in: 3"),
        (json.dumps({"dependencies": [UNKNOWN]}), 0, "audit skipped: the database knows none"),
        (
            "a traceback",
            0,
            "audit skipped: pip-audit came to no end with its database (JSONDecodeError)",
        ),
        (None, 0, "audit skipped: pip-audit came to no end with its database (FileNotFoundError)"),
    ],
)
def test_an_audit_fails_for_a_known_vulnerability_and_says_when_it_found_out_nothing(
    tmp_path: Path, answer: str | None, code: int, said: str
) -> None:
    for folder in (".ci", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    audit = shutil.copy(ROOT / ".ci" / "audit", tmp_path / ".ci")
    if answer is not None:
        stand_in = tmp_path / ".venv/bin/pip-audit"
        stand_in.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
        stand_in.chmod(0o755)
    ended = subprocess.run([sys.executable, audit], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (code, "")
    assert ended.stdout.startswith(said)


def test_the_doors_bring_numpy_and_torch_and_dev_brings_all() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split("[^a-z-]", needed)[0] for needed in project["dependencies"]]
    assert names == ["numpy", "torch"]
    assert "ae-mirror[commands]" in project["optional-dependencies"]["dev"]
