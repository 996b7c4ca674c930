"""What README shows is what there is: its code is the file's own, and its blocks run as pasted."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import environ

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_backward_that_it_shows_is_the_files_own() -> None:
    (shown,) = [
        text for language, text in BLOCKS if language == "python" and text.startswith("    def ")
    ]
    assert shown in (ROOT / "numpy_ae" / "layers.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("door", ["check_function", "check_layer", "check_optimizer"])
def test_its_checks_print_what_it_says(door: str) -> None:
    number, code = next((i, text) for i, (language, text) in enumerate(BLOCKS) if door in text)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, {"__name__": "__main__"})
    assert printed.getvalue() == BLOCKS[number + 1][1]


def test_the_training_that_it_names_learns_from_numpy_alone(tmp_path: Path) -> None:
    assert "python -m examples.train" in README
    loaded = (
        "import runpy, sys; runpy.run_module('examples.train', run_name='__main__'); "
        "print(*sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", loaded],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
        env=environ(),
    )
    losses = [float(loss) for loss in re.findall(r"loss per image +([\d.]+)", ended.stdout)]
    assert len(losses) == 30
    assert losses[-1] < losses[0] / 3
    assert len(re.findall(r"^noisy +denoised +clean$", ended.stdout, re.MULTILINE)) == 5
    assert not {"torch", "compare"} & {
        name.split(".")[0] for name in ended.stdout.splitlines()[-1].split()
    }


def test_every_file_that_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
