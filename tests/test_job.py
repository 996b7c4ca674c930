"""Which run a command works on: a new one, one that goes on, or a new one that starts from a checkpoint."""

from dataclasses import replace
from pathlib import Path

import pytest

from compare.errors import UserError
from compare.experiment.checkpoint import Checkpoint
from compare.experiment.config import Config
from compare.job import prepare
from compare.parity.numpy_side import initial_state
from compare.runs import Run


@pytest.fixture
def run(config: Config, tmp_path: Path) -> Run:
    """Return a run with a checkpoint."""
    made = Run.plan(config, tmp_path / "run").begin()
    Checkpoint("numpy", config, initial_state(config)).save(made.checkpoint("numpy"))
    return made


def test_a_new_run_has_the_defaults_but_for_what_was_set(tmp_path: Path) -> None:
    with prepare({"latent_dim": 2}, tmp_path / "new", None) as prepared:
        assert prepared == (Run(tmp_path / "new", Config(latent_dim=2)), None)


def test_a_run_goes_on_in_its_folder_and_may_have_more_epochs(run: Run) -> None:
    with prepare({"epochs": 9}, None, run.folder) as prepared:
        assert prepared == (Run(run.folder, replace(run.config, epochs=9)), None)


def test_a_checkpoint_starts_a_new_run_with_its_own_config(run: Run, tmp_path: Path) -> None:
    with prepare({}, tmp_path / "new", run.checkpoint("numpy")) as (new, start):
        assert new == Run(tmp_path / "new", run.config)
        assert start is not None
        assert start.side == "numpy"


@pytest.mark.parametrize("name", ["latent_dim", "lr", "seed"])
def test_nothing_else_may_change_on_the_way(run: Run, name: str) -> None:
    with prepare({name: getattr(run.config, name)}, None, run.folder):
        pass  # saying it again is no change
    with pytest.raises(UserError, match=f"^--{name.replace('_', '-')} cannot change in a resumed run"):
        prepare({name: 7}, None, run.folder).__enter__()
