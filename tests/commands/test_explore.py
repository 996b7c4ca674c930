"""A grid of trainings: what diverges is told and left out, and nothing is written over."""

import json
import re
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from compare.errors import Diverged
from compare.files import PARTIAL, read_json
from compare.training.training import Training
from tests.running import exit_code, here

SMALL = ("--epochs", "1", "--hidden-dim", "8", "--batch-size", "512")


train = Training.run


def diverge_at_999(training: Training, *arguments: Any) -> None:
    """Train, or diverge where the rate is 999."""
    if training.config.lr == 999:
        raise Diverged("numpy diverged")
    train(training, *arguments)


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Explore two rates, with one of which training diverges; return where, and what it printed."""
    cwd = tmp_path_factory.mktemp("explored")
    with patch.object(Training, "run", diverge_at_999):
        code, printed, _ = here("explore", *SMALL, "--lr", "0.01,999", "--out", "grid", cwd=cwd)
    assert code == 0
    return cwd / "grid", printed


@pytest.fixture
def explored(grid: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Go to a copy of it; return what was printed."""
    shutil.copytree(grid[0], tmp_path / "grid")
    monkeypatch.chdir(tmp_path)
    return grid[1]


def test_what_diverges_is_told_and_left_out(explored: str) -> None:
    assert "lr 999.0: numpy diverged\n" in explored
    assert "lr 0.01 has learnt nothing yet: its test error, " in explored.replace("\n", " ")
    table = Path("grid/explore.md").read_text()
    assert "lr 0.01" in table and "lr 999" not in table
    for name in ("explore", "random_samples"):
        assert Path(f"grid/{name}.png").stat().st_size > 10_000
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()]
    assert {"test images", "lr 0.01, N(0, I)", "lr 0.01, fitted Gaussian"} <= set(rows)
    assert read_json(Path("grid/explore.json"))["lists"]["lr"] == [0.01, 999.0]


@pytest.mark.usefixtures("explored")
def test_what_has_ended_is_shown_again_and_not_trained_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Path("grid/explore.md").read_bytes()  # its seconds would be others
    monkeypatch.setattr(Training, "run", diverge_at_999)
    assert exit_code(monkeypatch, "explore", "--resume", "grid") == 0
    assert "lr 0.01" in capsys.readouterr().out
    assert Path("grid/explore.md").read_bytes() == table


@pytest.mark.usefixtures("explored")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("explore --out grid", "grid holds an explore already; continue it with --resume"),
        ("explore --resume grid --lr 0.1", "goes on with the lists, side and folder it has"),
        ("explore --resume grid --out new", "goes on with the lists, side and folder it has"),
        ("explore --resume grid --side torch", "goes on with the lists, side and folder it has"),
    ],
)
def test_what_is_there_is_never_written_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    assert exit_code(monkeypatch, *line.split()) == 2
    assert re.fullmatch(rf"error: [^\n]*{message}[^\n]*\n", capsys.readouterr().err)
    assert not Path("new").exists()


@pytest.mark.usefixtures("explored")
def test_a_run_of_another_config_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Path("grid/lr 0.01/config.json")
    config.write_text(config.read_text().replace('"seed": 42', '"seed": 7'))
    assert exit_code(monkeypatch, "explore", "--resume", "grid") == 2
    assert "is not of the config in explore.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        *("explore.md", "explore.png", "random_samples.png"),
        *("latent-dim 2/history.json", "latent-dim 1/x.safetensors"),
    ],
)
def test_somebodys_files_are_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("out", name)
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    assert exit_code(monkeypatch, "explore", "--latent-dim", "1,2", "--out", "out") == 2
    assert f"holds {path.name} and no " in capsys.readouterr().err
    assert [path for path in Path("out").rglob("*") if path.is_file()] == [path]
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"latent_dim": []}, "has no value"),
        (
            {"seed": list(range(60)), "epochs": list(range(1, 60))},
            "these lists have 3,540 combinations",
        ),
        ({"latent_dim": [30_000_000]}, "choose smaller ones"),
    ],
)
def test_user_supplied_lists_are_refused_at_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lists: object,
    message: str,
) -> None:
    (tmp_path / "explore.json").write_text(
        json.dumps({"lists": lists, "side": "numpy", "environment": {}})
    )
    assert exit_code(monkeypatch, "explore", "--resume", tmp_path) == 2
    assert message in capsys.readouterr().err


def test_a_combination_that_is_a_link_out_of_the_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, away = tmp_path / "explore", tmp_path / "away"
    folder.mkdir()
    (away / "page").mkdir(parents=True)
    (away / "page" / f".a.png.{2**22}{PARTIAL}").touch()
    lists = {"latent_dim": [1, 2], "hidden_dim": [2]}
    (folder / "explore.json").write_text(
        json.dumps({"lists": lists, "side": "numpy", "environment": {}})
    )
    (folder / "latent-dim 2").symlink_to(away)
    before = sorted(away.rglob("*"))
    assert exit_code(monkeypatch, "explore", "--resume", folder) == 2
    assert "is a link that leads out of" in capsys.readouterr().err
    assert sorted(away.rglob("*")) == before
