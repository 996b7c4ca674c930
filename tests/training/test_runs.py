"""A run's folder is made once, found again, and refused where it is none."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.data.config import Config
from compare.errors import Interrupted, UserError
from compare.files import PARTIAL
from compare.sides.numpy_side import initial_state
from compare.training.checkpoint import Checkpoint, EpochRecord
from compare.training.runs import Run, claimed, modern
from tests.running import environ

DEAD = 2**22  # a number that no process has: the kernel's largest is one less


def test_a_run_is_found_again_with_its_config(config: Config, tmp_path: Path) -> None:
    made = Run.plan(config, tmp_path / "run").begin()
    assert Run.open(tmp_path / "run") == made == Run(tmp_path / "run", config)


def test_a_run_lies_under_runs_unless_told_otherwise(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Run.plan(config, None).begin().folder
    assert folder.parent == Path("runs")
    assert folder.name.endswith("-digits")


def test_a_folder_with_a_run_in_it_is_not_taken(config: Config, tmp_path: Path) -> None:
    Run.plan(config, tmp_path).begin()
    with pytest.raises(
        UserError, match="holds a run already; continue it with --resume, or choose another --out"
    ):
        Run.plan(Config(), tmp_path).begin()
    assert Run.open(tmp_path).config == config


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"config": 3}', '{"config": {"lr": 1}}']
)
def test_what_is_no_run_is_refused_in_one_line(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError) as caught:
        Run.open(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


CLAIM = """
from pathlib import Path
from compare.training.runs import claimed
with claimed(Path("run"), "begun"):
    (Path("run") / "begun").touch()
    print(flush=True)
    input()
"""


def test_a_folder_is_one_process_s_alone_until_it_ends_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for end in ("", "killed"):
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [sys.executable, "-c", CLAIM], stdin=pipe, stdout=pipe, text=True, env=environ()
        ) as first:
            assert first.stdout
            first.stdout.readline()
            with (
                pytest.raises(UserError, match=r"^another process is at work in run; wait"),
                claimed(Path("run"), "x"),
            ):
                pytest.fail("two at once")
            if end:
                first.kill()
            else:
                first.communicate("\n")
        with claimed(Path("run"), "begun"):
            pass
        assert [path.name for path in Path("run").iterdir()] == ["begun"]


def test_a_folder_that_was_made_for_nothing_goes_again(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for folder in ("new/a/b", "old"):
        with (
            pytest.raises(Interrupted, match=r"^interrupted; nothing had begun yet$"),
            claimed(tmp_path / folder, "x"),
        ):
            raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]


def test_the_sides_that_were_trained_stand_where_they_stood(config: Config, tmp_path: Path) -> None:
    run = Run.plan(config, tmp_path).begin()
    with pytest.raises(UserError, match="has no checkpoint yet; train first, with --resume"):
        run.trained_sides()
    state = {name: value + value.dtype.type(1) for name, value in initial_state(config).items()}
    Checkpoint("torch", config, state).save(run.checkpoint("torch"))
    assert list(run.trained_sides()) == ["PyTorch"]
    Checkpoint("numpy", config, state).save(run.checkpoint("numpy"))
    assert list(run.trained_sides()) == ["NumPy", "PyTorch"]
    for side in run.trained_sides().values():
        for name, value in side.state().items():
            np.testing.assert_array_equal(value, state[name])


def test_a_folder_with_checkpoints_and_no_config_is_not_taken(
    config: Config, tmp_path: Path
) -> None:
    Checkpoint("numpy", config, initial_state(config)).save(tmp_path / "numpy.safetensors")
    with pytest.raises(
        UserError, match=r"holds numpy.safetensors and no config.json; choose another --out"
    ):
        Run.plan(config, tmp_path)


def test_a_checkpoint_that_is_the_other_sides_or_another_networks_or_gone_is_told(
    config: Config, tmp_path: Path
) -> None:
    run = Run.plan(config, tmp_path).begin()
    path, state = run.checkpoint("torch"), initial_state(config)
    Checkpoint("numpy", config, state).save(path)
    with pytest.raises(UserError, match=r"torch.safetensors is of the side numpy"):
        run.checkpoints()
    Checkpoint("torch", replace(config, lr=0.5), state).save(path)
    with pytest.raises(UserError, match=r"torch.safetensors is not of the config in config.json"):
        run.checkpoints()
    path.unlink()
    with pytest.raises(
        UserError,
        match=r"torch.safetensors is gone; put it back \(.*torch.previous.safetensors is the",
    ):
        run.checkpoints()


def test_what_is_somebodys_stays_and_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    theirs = [
        ".rsync.movie.partial",
        "a/.rsync.movie.partial",
        f"a/.file.{DEAD}{PARTIAL}",
        ".lock",
        f".x{PARTIAL}",
    ]
    at_work = f".file.{os.getppid()}{PARTIAL}"
    left = [f"{place}.file.{DEAD}{PARTIAL}" for place in ("", "page/", "figures/")]
    for name in (*theirs, at_work, *left):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("precious")
    with claimed(tmp_path, "x"):
        pass
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {*theirs, at_work}


def test_a_folder_of_a_partial_files_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / f".d.{DEAD}{PARTIAL}").mkdir()
    (tmp_path / ".d.partial").mkdir()
    with claimed(tmp_path, "x"):
        pass
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["history.json", "quality.md", "report.html", "figures", "page"])
def test_a_new_run_does_not_write_over_somebodys_files(
    config: Config, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).touch()
    with pytest.raises(
        UserError, match=rf"holds {name} and no config.json; choose another --out, or remove it"
    ):
        Run.plan(config, tmp_path)


FOUND = {  # as versions before 0.4 wrote it, and as it reads today
    "tier": "rounding",
    "side": "NumPy",
    "verdict": "undecided",
    "undecided": 0.5,
    "ratio": None,
}
READ = {
    "stage": "rounding",
    "side": "NumPy",
    "verdict": "inconclusive",
    "inconclusive": 0.5,
    "ratio": None,
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (FOUND, READ),
        (READ, READ),
        ({"findings": [FOUND, 3]}, {"findings": [READ, 3]}),
        (
            [{"verdict": "off"}, {"verdict": "suspect"}],
            [{"verdict": "fail"}, {"verdict": "borderline"}],
        ),
        ({"twin": [1e-7], "steps": ["off"]}, {"perturbed": [1e-7], "steps": ["off"]}),
        ({"verdict": ["off"]}, {"verdict": ["off"]}),
        ({"verdict": {"verdict": "off"}}, {"verdict": {"verdict": "fail"}}),
        ("off", "off"),
        (None, None),
    ],
)
def test_what_an_earlier_version_wrote_reads_in_todays_words(old: Any, new: Any) -> None:
    assert modern(old) == new


def test_of_a_history_that_lags_behind_the_checkpoint_the_checkpoint_counts(
    config: Config, tmp_path: Path
) -> None:
    run = Run.plan(config, tmp_path).begin()
    records = (EpochRecord(3.0, 0.5, 1.0), EpochRecord(2.0, 0.4, 1.0))
    Checkpoint("numpy", config, initial_state(config), records).save(run.checkpoint("numpy"))
    (tmp_path / "history.json").write_text(
        json.dumps({"numpy": [asdict(records[0])], "torch": [], "drift": []})
    )
    assert run.latest_history() == {"numpy": [*map(asdict, records)], "torch": [], "drift": []}


def test_a_check_of_an_earlier_version_opens(config: Config, tmp_path: Path) -> None:
    run = Run.plan(config, tmp_path).begin()
    assert run.check() is None
    free = {"float32": {"steps": [1], "parameters": [0.0], "loss": [0.0], "twin": [1e-7]}}
    told = {"held": False, "sentence": "y is the first to be off", "notes": [], "outcome": None}
    written = {**told, "findings": [FOUND], "exactness": {}, "free_runs": free}
    (tmp_path / "check.json").write_text(json.dumps(written))
    free = {"float32": {"steps": [1], "parameters": [0.0], "loss": [0.0], "perturbed": [1e-7]}}
    assert run.check() == {**told, "findings": [READ], "exactness": {}, "free_runs": free}


@pytest.mark.parametrize("content", ["[]", "3", "{}", '{"held": true}', "null"])
def test_another_file_than_a_check_is_refused(config: Config, tmp_path: Path, content: str) -> None:
    run = Run.plan(config, tmp_path).begin()
    (tmp_path / "check.json").write_text(content)
    with pytest.raises(UserError, match=r"check\.json is not the check of a run; restore it, or"):
        run.check()
