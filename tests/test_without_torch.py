"""The NumPy half stands alone: an interpreter that cannot import torch trains with it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "torchvision", "umap"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""
COMMAND = """
import sys
from compare.cli import main
try:
    main()
except SystemExit as exit:
    print(exit.code, *{"torch", "torchvision", "umap", "matplotlib"} & sys.modules.keys())
"""
TRAIN = """
import numpy as np
import numpy_ae
rng = np.random.default_rng(0)
model = numpy_ae.Autoencoder(10, rng=rng)
optimizer = numpy_ae.Adam(model.parameters())
clean = rng.random((64, 784), dtype=np.float32)
loss, batches = numpy_ae.SumSquaredError(), [(clean, clean)]
losses = [numpy_ae.train_epoch(model, loss, optimizer, batches) for _ in range(20)]
print(losses[-1] < losses[0])
"""


def python(code: str, *arguments: object, cwd: Path = ROOT) -> str:
    """Return what a fresh interpreter prints, every warning an error, without the last newline."""
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=cwd, env=environ
    ).stdout.rstrip("\n")


def test_numpy_ae_trains_where_torch_cannot_be_imported() -> None:
    assert python(BLOCK + TRAIN) == "True"


@pytest.mark.parametrize("block", [BLOCK, ""], ids=["torch absent", "torch present"])
def test_the_numpy_side_trains_without_torch_and_imports_none_where_it_is_there(
    tmp_path: Path, block: str
) -> None:
    arguments = (
        "train",
        "--side",
        "numpy",
        "--epochs",
        1,
        "--hidden-dim",
        8,
        "--out",
        tmp_path / "run",
    )
    printed = python(block + COMMAND, *arguments, cwd=tmp_path)
    assert printed.splitlines()[-1] == "0"
    assert (tmp_path / "run" / "numpy.safetensors").exists()


def test_what_is_drawn_is_judged_without_torch_by_what_needs_none(tmp_path: Path) -> None:
    arguments = ("explore", "--epochs", 1, "--hidden-dim", 8, "--out", tmp_path / "explored")
    printed = python(BLOCK + COMMAND, *arguments, cwd=tmp_path)
    assert printed.splitlines()[-1] == "0 matplotlib"
    table = (tmp_path / "explored" / "explore.md").read_text()
    assert "Fréchet distance and confidence need torch, and are left out." in table


def test_exercises_are_judged_without_torch_and_without_what_takes_time(tmp_path: Path) -> None:
    printed = python(BLOCK + COMMAND, "learn", "--once", cwd=tmp_path)
    assert printed.splitlines()[0] == "15 exercises are in exercises now, 3 of them extra"
    assert printed.splitlines()[-1] == "1"
    loaded = python("import sys, compare.commands.learn; print(*sys.modules)").split()
    assert {"torch", "scipy", "sklearn", "matplotlib", "rich", "watchdog"}.isdisjoint(loaded)


ABSENT = "the torch side needs torch: pip install torch; "
BROKEN = "torch cannot be imported: it raised "
CHECK, TRAIN_TORCH, RUN = (
    ("check",),
    ("train", "--side", "torch", "--out", "run"),
    ("run", "--out", "run"),
)


@pytest.mark.parametrize(
    ("command", "raised", "told"),
    [
        *(
            (command, "ModuleNotFoundError(name='torch')", ABSENT)
            for command in (CHECK, TRAIN_TORCH, RUN)
        ),
        (
            CHECK,
            "ImportError('libtorch.so: failed to map')",
            f"{BROKEN}ImportError: libtorch.so: failed to map; pip ",
        ),
        (TRAIN_TORCH, "OSError('no memory')", f"{BROKEN}OSError: no memory; pip "),
        (RUN, "AttributeError('x' * 9 + chr(10) * 3)", f"{BROKEN}AttributeError: xxxxxxxxx; pip "),
        (CHECK, "SystemExit(0)", f"{BROKEN}SystemExit: 0; pip install --force-reinstall"),
    ],
)
def test_the_torch_side_says_in_one_line_what_is_missing_or_broken(
    tmp_path: Path, command: tuple[str, ...], raised: str, told: str
) -> None:
    block = BLOCK.replace('ModuleNotFoundError(f"No module named {name!r}", name=name)', raised)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", block + COMMAND, *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environ,
    )
    assert ended.stderr.startswith(f"error: {told}")
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == "2\n"
    assert not any(tmp_path.iterdir())


def test_a_library_that_cannot_be_loaded_is_told_in_one_line(tmp_path: Path) -> None:
    block = BLOCK.replace('"torch"', '"sklearn"').replace("ModuleNotFoundError", "ImportError")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", block + COMMAND, "check"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environ,
    )
    assert re.fullmatch(
        r"error: a library cannot be imported \(No module named 'sklearn.*\n", ended.stderr
    )
    assert ended.stdout == "2\n"


@pytest.mark.parametrize(
    "module", ["numpy_ae", "compare.cli", "compare.commands.run", "compare.training.training"]
)
def test_importing_it_imports_none_of_the_slow_libraries(module: str) -> None:
    slow = {"torch", "torchvision", "umap", "matplotlib", "sklearn", "scipy", "numba"}
    assert slow.isdisjoint(python(f"import sys, {module}; print(*sys.modules)").split())


DOORS = """
import numpy as np
import torch
from compare import check_function, check_gradients
x = {"x": np.random.default_rng(0).standard_normal((4, 3))}
tanh = check_function(
    lambda x: np.tanh(x),
    lambda dy, x: {"x": dy * (1 - np.tanh(x) ** 2)},
    lambda x: torch.tanh(x),
    x,
)
square = check_gradients(
    lambda x: (np.sum(x * x), {"x": 2 * x}), lambda x: (x * x).sum(), x
)
print(tanh.held, square.held)
"""
OF_THE_COMMANDS = (
    *("torchvision", "matplotlib", "umap", "sklearn", "scipy", "safetensors", "filelock", "rich"),
    *("threadpoolctl", "click", "jinja2", "markdown_it", "PIL"),
)


def without(*packages: str) -> str:
    """Return code after which some packages are absent."""
    names = ", ".join(map(repr, packages))
    return BLOCK.replace('"torch", "torchvision", "umap"', names)


def test_the_doors_need_numpy_and_torch_alone() -> None:
    assert python(without(*OF_THE_COMMANDS) + DOORS) == "True True"


def test_commands_that_lack_a_package_say_what_to_install() -> None:
    code = without("click") + "from compare.__main__ import main\nmain()"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == ("error: the commands need click; pip install 'ae-mirror[commands]'\n")
