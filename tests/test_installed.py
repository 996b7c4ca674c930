"""What the wheel installs works by itself: the packages and the command, far from this checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.running import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, install it alone into a new environment, and return its folder of programs.

    What it depends on is lent by this environment, through a line in a .pth file: that brings its
    packages, and not what is installed in it as editable.
    """
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder))
    venv.create(folder / "env", with_pip=False, symlinks=True)
    bin_ = folder / "env" / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(bin_ / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
    where = {"base": str(folder / "env"), "platbase": str(folder / "env")}
    lent = Path(sysconfig.get_path("purelib", "venv", where), "lent.pth")
    lent.write_text(sysconfig.get_path("purelib") + "\n")
    return bin_


def ran(program: Path, *arguments: str, cwd: Path) -> str:
    """Run a program of the environment to success; return what it prints."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run(
        [program, *arguments], check=False, capture_output=True, text=True, cwd=cwd, env=environ
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_the_wheel_gives_three_packages_and_nothing_of_ours_besides(
    installed: Path, tmp_path: Path
) -> None:
    code = (
        "import importlib.util as u, numpy_ae, torch_ae, compare\n"
        "print(*(m.__file__ for m in (numpy_ae, torch_ae, compare)), sep='\\n')\n"
        "print(u.find_spec('examples'))"
    )
    *files, examples = ran(installed / "python", "-c", code, cwd=tmp_path).splitlines()
    assert all(Path(file).is_relative_to(installed.parent) for file in files)
    assert examples == "None"


def test_the_command_shows_its_help(installed: Path, tmp_path: Path) -> None:
    assert "Check that the two sides agree, or check a network of yours." in ran(
        installed / "ae-mirror", "--help", cwd=tmp_path
    )


def test_the_command_checks_parity_and_hands_out_exercises(installed: Path, tmp_path: Path) -> None:
    arguments = ("check", "--no-torch", "--hidden-dim", "8", "--json", "found.json")
    assert "all" in ran(installed / "ae-mirror", *arguments, cwd=tmp_path)
    assert json.loads((tmp_path / "found.json").read_text())["held"] is True
    assert "linear_forward" in ran(installed / "ae-mirror", "learn", "--list", cwd=tmp_path)
