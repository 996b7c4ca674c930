"""Which run a command works on: a new one, one that goes on, or one from a checkpoint."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.commands.train import begin, prepare, set_up, train_sides
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import Interrupted, UserError
from compare.sides.numpy_side import initial_state
from compare.training import memory
from compare.training.checkpoint import Checkpoint, EpochRecord, PartOfEpoch
from compare.training.crew import Crew
from compare.training.memory import bytes_of_training
from compare.training.runs import Run
from compare.training.training import Training
from tests.running import here


@pytest.fixture
def run(config: Config, tmp_path: Path) -> Run:
    """Return a run with a checkpoint."""
    made = Run.plan(config, tmp_path / "run").begin()
    Checkpoint("numpy", config, initial_state(config)).save(made.checkpoint("numpy"))
    return made


def test_a_new_run_has_the_defaults_but_for_what_was_set(tmp_path: Path) -> None:
    with prepare({"latent_dim": 2}, tmp_path / "new", None) as prepared:
        assert prepared == (Run(tmp_path / "new", Config(latent_dim=2)), {}, None, 1)


def test_a_run_goes_on_in_its_folder_and_may_have_more_epochs(run: Run) -> None:
    with prepare({"epochs": 9}, None, run.folder) as prepared:
        assert prepared.run == Run(run.folder, replace(run.config, epochs=9))
        assert list(prepared.starts) == ["numpy"]


def test_a_checkpoint_starts_a_new_run_with_its_own_config(run: Run, tmp_path: Path) -> None:
    with prepare({}, tmp_path / "new", run.checkpoint("numpy")) as (new, starts, file, _):
        assert new == Run(tmp_path / "new", run.config)
        assert file == run.checkpoint("numpy").resolve()
        assert {name: start.side for name, start in starts.items()} == {
            "numpy": "numpy",
            "torch": "numpy",
        }


@pytest.mark.parametrize("already_begun", [False, True])
def test_a_run_from_a_checkpoint_file_has_that_start_in_its_own_folder_before_it_has_begun(
    run: Run, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, already_begun: bool
) -> None:
    start = replace(Checkpoint.load(run.checkpoint("numpy")), history=(EpochRecord(1.0, 0.5, 0.0),))
    start = replace(start, state={**start.state, "adam.step": np.array(3)})
    start.save(tmp_path / "file")
    with (
        monkeypatch.context() as stopped,
        prepare({}, tmp_path / "new", tmp_path / "file") as prepared,
    ):
        stopped.setattr(Training, "run", lambda *_: None)  # killed as soon as it has begun
        if already_begun:  # as `run` does, before its check is written
            begin(prepared, ("numpy", "torch"), dataset)
        training = train_sides(
            prepared, ("numpy", "torch"), device="cpu", checkpoint_every=60, dataset=dataset
        )
        assert {
            name: tuple(records) for name, records in training.histories.items()
        } == dict.fromkeys(("numpy", "torch"), start.history)
    found = Run.open(tmp_path / "new").checkpoints()
    assert {name: (of.side, of.history) for name, of in found.items()} == {
        "numpy": ("numpy", start.history),
        "torch": ("torch", start.history),
    }


@pytest.mark.parametrize("copied", [0, 1])
def test_a_run_killed_while_it_copies_its_start_goes_on_from_that_start(
    run: Run, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: int
) -> None:
    start, new = run.checkpoint("numpy"), tmp_path / "new"
    saved: list[Path] = []
    save = Checkpoint.save

    def killed(self: Checkpoint, path: Path) -> None:
        if len(saved) == copied:
            raise KeyboardInterrupt
        saved.append(path)
        save(self, path)

    with (
        monkeypatch.context() as patched,
        pytest.raises(Interrupted, match="go on with --resume"),
        prepare({}, new, start) as prepared,
    ):
        patched.setattr(Checkpoint, "save", killed)
        begin(prepared, ("numpy", "torch"), dataset)
    with prepare({}, None, new) as prepared:
        assert prepared.starts.keys() == {"numpy", "torch"}
        begin(prepared, ("numpy", "torch"), dataset)
    start.unlink()  # it is needed no longer
    with prepare({}, None, new) as prepared:
        assert {name: of.side for name, of in prepared.starts.items()} == {
            "numpy": "numpy",
            "torch": "torch",
        }


@pytest.mark.parametrize(("steps", "part"), [(0, 1), (4, 3), (10**9, 0), (1, 10**6)])
def test_a_checkpoint_whose_steps_do_not_fit_its_history_is_refused(
    run: Run, dataset: Dataset, steps: int, part: int
) -> None:
    start = Checkpoint.load(run.checkpoint("numpy"))
    state = {**start.state, "adam.step": np.array(steps)}
    replace(start, state=state, part=PartOfEpoch(part)).save(run.checkpoint("numpy"))
    with (
        pytest.raises(UserError, match=r"says it is 0 epochs and \d+ steps old, and Adam's"),
        prepare({}, None, run.folder) as prepared,
    ):
        train_sides(prepared, ("numpy",), device="cpu", checkpoint_every=60, dataset=dataset)


@pytest.mark.parametrize("name", ["latent_dim", "lr", "seed"])
def test_nothing_else_may_change_on_the_way(run: Run, name: str) -> None:
    with prepare({name: getattr(run.config, name)}, None, run.folder):
        pass  # saying it again is no change
    with pytest.raises(
        UserError, match=f"^--{name.replace('_', '-')} cannot change in a resumed run"
    ):
        prepare({name: 7}, None, run.folder).__enter__()


def test_a_side_that_goes_on_on_another_device_is_told(
    run: Run, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    start = Checkpoint.load(run.checkpoint("numpy"))
    replace(start, side="torch", environment={"device": "cuda:0"}).save(run.checkpoint("torch"))
    replace(start, environment={"device": "cpu"}).save(run.checkpoint("numpy"))
    with prepare({"epochs": 3}, None, run.folder) as prepared:
        set_up(prepared, ("numpy", "torch"), dataset, device="cpu", checkpoint_every=60)
    said = [line for line in capsys.readouterr().out.splitlines() if "device" in line]
    assert said == [
        "torch: device cuda:0 then, cpu now: the last bits may differ from an unbroken run's"
    ]


def test_a_run_goes_on_with_the_shards_it_had(tmp_path: Path) -> None:
    command = ("train", "--side", "numpy", "--epochs", 1, "--hidden-dim", 4)
    assert here(*command, "--micro-batches", 3, "--out", "run", cwd=tmp_path).code == 0
    more = ("train", "--resume", "run", "--epochs")
    assert "shards" not in here(*more, 2, cwd=tmp_path).out
    assert "shards 3 then, 2 now" in here(*more, 3, "--shards", 2, cwd=tmp_path).out
    assert Checkpoint.load(tmp_path / "run/numpy.safetensors").environment["shards"] == 2


def test_a_run_from_a_checkpoint_has_its_own_shards_before_it_has_a_checkpoint(
    run: Run, tmp_path: Path, dataset: Dataset
) -> None:
    new, crew = tmp_path / "new", Crew(shards=3)
    with prepare({}, new, run.checkpoint("numpy"), crew=crew) as prepared:
        begin(prepared, ("numpy",), dataset)
    with prepare({}, None, new) as prepared:
        assert prepared.shards == 3


def test_a_run_in_micro_batches_is_asked_for_less_memory(
    run: Run, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = bytes_of_training(run.config, dataset, shards=5)
    monkeypatch.setattr(memory, "memory", lambda: needed)
    how: dict[str, Any] = {"device": "cpu", "checkpoint_every": 60}
    with prepare({}, None, run.folder) as prepared:
        with pytest.raises(UserError, match="--micro-batches"):
            set_up(prepared, ("numpy",), dataset, **how)
        set_up(prepared._replace(shards=5), ("numpy",), dataset, **how)
