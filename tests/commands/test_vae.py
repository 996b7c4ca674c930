"""A variational autoencoder by the commands: trained, resumed, checked, explored, refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from compare.sides.subject import make_side
from compare.training.checkpoint import Checkpoint
from tests.running import here

SMALL = ("--hidden-dim", "8", "--latent-dim", "3", "--batch-size", "512", "--epochs", "2")
VAE = ("--model", "vae", "--beta", "0.5", *SMALL)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a training of both sides."""
    cwd = tmp_path_factory.mktemp("vae")
    code, _, errors = here("train", *VAE, "--out", "run", cwd=cwd)
    assert code == 0, errors
    return cwd / "run"


def test_a_history_has_both_parts_of_the_loss_and_both_sides_agree(trained: Path) -> None:
    history = json.loads((trained / "history.json").read_text())
    for ours, theirs in zip(history["numpy"], history["torch"], strict=True):
        assert ours.keys() == {"loss", "kl", "test_mse", "seconds"}
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)
        assert ours["kl"] == pytest.approx(theirs["kl"], rel=1e-3)


def test_a_checkpoint_carries_the_model_and_the_weight(trained: Path) -> None:
    checkpoint = Checkpoint.load(trained / "numpy.safetensors")
    assert (checkpoint.config.model, checkpoint.config.beta) == ("vae", 0.5)
    assert "param/fc_logvar.weight" in checkpoint.state
    assert "kl" in checkpoint.history[-1].to_dict()
    side = make_side("numpy", checkpoint.config)
    side.load(dict(checkpoint.state))
    assert side.encode(np.zeros((2, 784), np.float32)).shape == (2, 3)


def test_a_training_goes_on_to_the_same_bits(trained: Path, tmp_path: Path) -> None:
    whole = ("train", *VAE[:-1], "3", "--side", "numpy", "--out", "whole")
    first = ("train", *VAE, "--side", "numpy", "--out", "part", "--checkpoint-every", "0")
    for command in (whole, first, ("train", "--resume", "part", "--epochs", "3")):
        code, _, errors = here(*command, cwd=tmp_path)
        assert code == 0, errors
    states = [Checkpoint.load(tmp_path / of / "numpy.safetensors") for of in ("whole", "part")]
    assert all(np.array_equal(states[0].state[name], of) for name, of in states[1].state.items())
    assert states[0].history[-1].kl == states[1].history[-1].kl


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--model", "autoencoder"), "beta counts in the loss of a vae alone"),
        (("--beta", "1"), "--beta cannot change in a resumed run"),
    ],
)
def test_another_model_or_weight_is_refused_in_one_line(
    trained: Path, asked: tuple[str, ...], said: str
) -> None:
    code, _, errors = here("train", "--resume", "run", *asked, cwd=trained.parent)
    assert code == 2
    assert said in errors and len(errors.splitlines()) == 1


def test_a_weight_without_a_vae_and_a_whole_benchmark_of_one_are_refused(tmp_path: Path) -> None:
    for command, said in (
        (("train", "--beta", "0.5"), "say --model vae, or leave it out"),
        (("bench", "--model", "vae"), "say --quick, too"),
    ):
        code, _, errors = here(*command, cwd=tmp_path)
        assert code == 2
        assert said in errors and len(errors.splitlines()) == 1


def test_a_check_goes_on_from_a_checkpoint(trained: Path) -> None:
    command = ("check", "--resume", "run/numpy.safetensors", "--no-torch")
    code, printed, errors = here(*command, cwd=trained.parent)
    assert code == 0, errors
    assert "kl.backward" in printed and "NumPy agrees with its reference" in printed


def test_weights_are_explored(tmp_path: Path) -> None:
    lists = ("--model", "vae", "--beta", "0.1,1", *SMALL)
    code, printed, errors = here("explore", *lists, "--out", "grid", cwd=tmp_path)
    assert code == 0, errors
    assert "beta 0.1" in printed and (tmp_path / "grid" / "explore.png").exists()
