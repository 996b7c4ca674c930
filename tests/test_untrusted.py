"""Files from strangers: a program under any name that a command reads does not run, and is refused in one line."""

import io
import json
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compare import environment
from compare.bench.results import Row
from compare.parity.sides import LABELS
from compare.runs import Run
from tests.commands import exit_code
from tests.trials import checkpoints
from tests.trials.many import many
from tests.trials.programs import programs

READ = [  # a command, and a file that it reads
    *(("report run", f"run/{side}.safetensors") for side in ("numpy", "torch")),
    *(("report run", f"run/{part}.json") for part in ("config", "history", "check", "quality")),
    *(("report run", f"run/page/{part}.safetensors") for part in ("step", "atlas", "timeline", "exhibits")),
    *(("train --resume run --epochs 2", f"run/{part}") for part in ("numpy.safetensors", "config.json")),
    *((f"{command} --resume run --epochs 2", "run/history.json") for command in ("train", "run")),
    *(("run --resume run", f"run/{part}") for part in ("torch.safetensors", "config.json")),
    *(("figures run", f"run/{part}") for part in ("numpy.safetensors", "config.json", "history.json", "check.json")),
    ("explore --resume run", "run/explore.json"),
    ("train --resume file --epochs 2", "file"),
    ("check --resume file", "file"),
    ("bench --from file", "file"),
]


ROW = Row("numpy", "NumPy", threads=1, batch_size=128, hidden_dim=400, latent_dim=10)
VALUES = checkpoints.CONFIG.to_dict()
HOST = {"environment": environment.describe(), "device": "cpu"}


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a folder in which there is a run that was trained."""
    monkeypatch.chdir(tmp_path)
    Run(Path("run"), checkpoints.CONFIG).begin()
    for side in LABELS:
        checkpoint, _ = checkpoints.original()
        replace(checkpoint, side=side).save(Path("run", f"{side}.safetensors"))
    Path("run", "page").mkdir()


@pytest.mark.parametrize("kind", programs(Path()))
def test_a_program_would_run_if_it_were_unpickled(tmp_path: Path, kind: str) -> None:
    content = programs(tmp_path / "ran")[kind]
    if kind in ("npy", "npz"):
        loaded = np.load(io.BytesIO(content), allow_pickle=True)
        loaded = loaded["arr_0"] if kind == "npz" else loaded
    elif kind == "torch":
        torch = pytest.importorskip("torch")
        torch.load(io.BytesIO(content), weights_only=False)
    else:
        pickle.loads(content[8:] if kind == "safetensors" else content)
    assert (tmp_path / "ran").is_dir()


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(("line", "name"), READ)
def test_a_program_under_a_name_that_a_command_reads_does_not_run_and_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, name: str
) -> None:
    for content in programs(Path("ran")).values():
        Path(name).write_bytes(content)
        assert exit_code(monkeypatch, *line.split()) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert re.fullmatch(r"error: [^\n]+\n", err)
        assert name in err
        assert Path(name).read_bytes() == content
        assert not Path("ran").exists()


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("line", "name", "content"),
    [
        ("report run", "run/config.json", {"config": VALUES}),
        ("report run", "run/config.json", {"config": VALUES, "environment": []}),
        ("report run", "run/history.json", {"numpy": [{}], "drift": []}),
        ("report run", "run/check.json", []),
        ("report run", "run/check.json", dict.fromkeys(("held", "sentence", "findings", "exactness", "free_runs"), 3)),
        ("report run", "run/quality.json", {"pixels": {"NumPy": 0.5}}),
        ("train --resume run --epochs 2", "run/config.json", {"config": {**VALUES, "lr": 0.5}}),
        ("train --resume run --epochs 2", "run/config.json", {"config": {**VALUES, "hidden_dim": 3}}),
        ("train --resume run --epochs 2", "run/history.json", {"drift": [{}]}),
        ("train --resume run --epochs 2", "run/history.json", {"drift": [{"epoch": 1, "parameters": "x", "loss": 0}]}),
        ("figures run", "run/check.json", []),
        ("figures run", "run/check.json", dict.fromkeys(("held", "sentence", "findings", "exactness", "free_runs"), 3)),
        ("figures run", "run/history.json", {"numpy": [{}], "drift": []}),
        ("explore --resume run", "run/explore.json", []),
        ("explore --resume run", "run/explore.json", {"lists": {"lr": "12"}, "side": "numpy", "environment": {}}),
        ("explore --resume run", "run/explore.json", {"lists": {"data": ["../x"]}, "side": "numpy", "environment": {}}),
        ("explore --resume run", "run/explore.json", {"lists": {"rate": [1]}, "side": "numpy", "environment": {}}),
        ("explore --resume run", "run/explore.json", {"lists": {"lr": [0.1]}, "side": "both", "environment": {}}),
        ("explore --resume run", "run/explore.json", {"lists": {"lr": [0.1]}, "side": "numpy", "environment": [3]}),
        ("bench --from file", "file", []),
        ("bench --from file", "file", {"rows": [], "trainings": [], "environment": {}, "device": "cpu"}),
        ("bench --from file", "file", {"rows": [dict.fromkeys(vars(ROW), "x")], "trainings": [], **HOST}),
    ],
)
def test_json_of_another_make_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, name: str, content: object
) -> None:
    Path(name).write_text(json.dumps(content), encoding="utf-8")
    assert exit_code(monkeypatch, *line.split()) == 2
    assert re.fullmatch(r"error: [^\n]+\n", capsys.readouterr().err)


def test_of_many_wrong_checkpoints_each_is_refused_or_makes_no_difference(tmp_path: Path) -> None:
    outcomes = many(checkpoints.trial, range(1500), tmp_path)
    assert outcomes["refused"] > 1300
    assert outcomes["accepted: the original"]
