"""Files from others: a program under a name that a command reads is refused, and not run."""

import base64
import io
import json
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from compare import machine
from compare.data import digits
from tests.running import digits_once, exit_code
from tests.trials import checkpoints, folders
from tests.trials.many import many
from tests.trials.programs import programs

READ = [  # a command, and a file that it reads
    *(("report run", f"run/{side}.safetensors") for side in ("numpy", "torch")),
    *(("report run", f"run/{part}.json") for part in ("config", "history", "check", "quality")),
    *(
        ("report run", f"run/page/{part}.safetensors")
        for part in ("step", "atlas", "timeline", "exhibits")
    ),
    *(
        ("train --resume run --epochs 2", f"run/{part}")
        for part in ("numpy.safetensors", "config.json")
    ),
    *((f"{command} --resume run --epochs 2", "run/history.json") for command in ("train", "run")),
    *(("run --resume run", f"run/{part}") for part in ("torch.safetensors", "config.json")),
    *(
        ("figures run --method pca", f"run/{part}")
        for part in ("numpy.safetensors", "config.json", "history.json", "check.json")
    ),
    ("explore --resume run", "run/explore.json"),
    ("train --resume file --epochs 2", "file"),
    ("check --resume file", "file"),
    ("bench --from file", "file"),
]


VALUES = checkpoints.CONFIG.to_dict()
PNG = base64.b64decode(  # one black pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
HOST = {"environment": machine.describe(), "device": "cpu"}


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a folder in which there is a run that was trained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(digits, "load", digits_once)
    folders.make_run(Path())


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
        (
            "report run",
            "run/check.json",
            dict.fromkeys(("held", "sentence", "findings", "exactness", "free_runs"), 3),
        ),
        ("report run", "run/quality.json", {"pixels": {"NumPy": 0.5}}),
        ("train --resume run --epochs 2", "run/config.json", {"config": {**VALUES, "lr": 0.5}}),
        (
            "train --resume run --epochs 2",
            "run/config.json",
            {"config": {**VALUES, "hidden_dim": 3}},
        ),
        ("train --resume run --epochs 2", "run/history.json", {"drift": [{}]}),
        (
            "train --resume run --epochs 2",
            "run/history.json",
            {"drift": [{"epoch": 1, "parameters": "x", "loss": 0}]},
        ),
        (
            "train --resume run --epochs 2",
            "run/history.json",
            {"drift": [{"epoch": "x", "parameters": 0, "loss": 0}]},
        ),
        (
            "train --resume run --epochs 2",
            "run/history.json",
            {"drift": [{"epoch": 0, "parameters": 0, "loss": 0}]},
        ),
        ("figures run --method pca", "run/check.json", []),
        (
            "figures run --method pca",
            "run/check.json",
            dict.fromkeys(("held", "sentence", "findings", "exactness", "free_runs"), 3),
        ),
        ("figures run --method pca", "run/history.json", {"numpy": [{}], "drift": []}),
        ("explore --resume run", "run/explore.json", []),
        (
            "explore --resume run",
            "run/explore.json",
            {"lists": {"lr": "12"}, "side": "numpy", "environment": {}},
        ),
        (
            "explore --resume run",
            "run/explore.json",
            {"lists": {"data": ["../x"]}, "side": "numpy", "environment": {}},
        ),
        (
            "explore --resume run",
            "run/explore.json",
            {"lists": {"rate": [1]}, "side": "numpy", "environment": {}},
        ),
        (
            "explore --resume run",
            "run/explore.json",
            {"lists": {"lr": [0.1]}, "side": "both", "environment": {}},
        ),
        (
            "explore --resume run",
            "run/explore.json",
            {"lists": {"lr": [0.1]}, "side": "numpy", "environment": [3]},
        ),
        ("bench --from file", "file", []),
        (
            "bench --from file",
            "file",
            {"rows": [], "trainings": [], "environment": {}, "device": "cpu"},
        ),
        (
            "bench --from file",
            "file",
            {"rows": [dict.fromkeys(vars(folders.ROW), "x")], "trainings": [], **HOST},
        ),
    ],
)
def test_json_of_another_make_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    name: str,
    content: object,
) -> None:
    Path(name).write_text(json.dumps(content), encoding="utf-8")
    assert exit_code(monkeypatch, *line.split()) == 2
    assert re.fullmatch(r"error: [^\n]+\n", capsys.readouterr().err)


def test_of_many_wrong_checkpoints_each_is_refused_or_makes_no_difference(tmp_path: Path) -> None:
    outcomes = many(checkpoints.trial, range(1500), tmp_path)
    assert outcomes["refused"] > 1300
    assert outcomes["accepted: the original"]


def test_of_many_folders_and_results_of_others_none_does_harm(tmp_path: Path) -> None:
    outcomes = many(folders.trial, range(110), tmp_path)
    assert outcomes.keys() == {"refused", "unread", "shown as text", "left alone"}


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    "command",
    ["report run", "figures run --method pca", "train --resume run --epochs 2", "run --resume run"],
)
@pytest.mark.parametrize(
    "name", ["figures/latent.png", "report.html", "numpy.safetensors", "page", "quality.md"]
)
def test_a_link_that_leads_out_of_a_run_is_neither_read_nor_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    outside = Path("private")
    if name == "page":
        Path("run/page").rmdir()
        outside.mkdir()
    else:
        outside.write_text("private")
    Path("run", name).unlink(missing_ok=True)
    Path("run", name).symlink_to(outside.resolve())
    assert exit_code(monkeypatch, *command.split()) == 2
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        f"error: run/{name} is a link that leads out of run; "
        "put the file itself there, or remove it\n",
    )
    assert not any(outside.iterdir()) if outside.is_dir() else outside.read_text() == "private"


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("kind", ["pipe", "device", "no PNG", "broken PNG"])
def test_a_picture_that_is_none_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = Path("run/figures/latent.png")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(PNG[:-20] if kind == "broken PNG" else b"private")
    assert exit_code(monkeypatch, "report", "run") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"error: [^\n]*latent\.png[^\n]+\n", err)
    assert not Path("run/report.html").exists()


@pytest.mark.usefixtures("workplace")
def test_a_picture_and_a_link_within_the_run_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("run/figures/losses.png").write_bytes(PNG)
    Path("run/figures/latent.png").symlink_to("losses.png")
    assert exit_code(monkeypatch, "report", "run") == 0
    assert (
        Path("run/report.html").read_text(encoding="utf-8").count(base64.b64encode(PNG).decode())
        == 2
    )


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("text", folders.TEXTS, ids=lambda text: ascii(text)[:20])
def test_a_user_supplied_text_is_shown_as_text_in_page_terminal_and_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    value = json.loads(Path("run/config.json").read_text(encoding="utf-8"))
    value["environment"]["cpu"] = text
    Path("run/config.json").write_text(json.dumps(value))
    assert exit_code(monkeypatch, "report", "run") == 0
    assert "<script>alert" not in Path("run/report.html").read_text(encoding="utf-8")
    Path("file").write_text(
        json.dumps(
            {
                "rows": [vars(folders.ROW)],
                "trainings": [],
                **HOST,
                "environment": value["environment"],
            }
        )
    )
    monkeypatch.setenv("FORCE_COLOR", "1")  # as for a terminal
    assert exit_code(monkeypatch, "bench", "--from", "file", "--markdown", "new/document.md") == 0
    assert "\x1b]" not in capsys.readouterr().out
    document = Path("new/document.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<script>|^# b", document, re.MULTILINE)
