"""The commands, as a person types them: what they write, what they say, and how they end."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from compare.cli import cli, main
from compare.files import read_json

ROOT = Path(__file__).parents[1]
SMALL = ("--hidden-dim", "16", "--threads", "1")
PICTURES = {"dataset", "network", "latent", "reconstructions", "denoising", "random_samples", "losses", "divergence"}
WRITTEN = {
    *("config.json", "history.json", "check.json", "quality.json", "numpy.safetensors", "torch.safetensors"),
    *(f"figures/{name}.png" for name in PICTURES),
}


def compare(*arguments: object, cwd: Path) -> str:
    """Run a command in a process of its own, where any warning is an error, to success; return what it prints."""
    command = [sys.executable, "-W", "error", "-m", "compare", *map(str, arguments)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, env=environ)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run a command in this process; return how it ends."""
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Do the whole job once; return its folder, and what was printed."""
    cwd = tmp_path_factory.mktemp("finished")
    return cwd / "run", compare("run", "--epochs", 1, *SMALL, "--out", "run", cwd=cwd)


@pytest.fixture
def folder(finished: tuple[Path, str], tmp_path: Path) -> Path:
    """Return a copy of the finished run, without its pictures."""
    return Path(shutil.copytree(finished[0], tmp_path / "copy", ignore=shutil.ignore_patterns("figures")))


def epochs(folder: Path) -> dict[str, int]:
    """Return how many epochs of each side a run has recorded."""
    return {name: len(records) for name, records in read_json(folder / "history.json").items() if name != "drift"}


def test_run_writes_everything_into_one_folder(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert files.keys() >= WRITTEN
    assert all(path.stat().st_size > 0 for path in files.values())
    assert all(files[name].read_bytes().startswith(b"\x89PNG") for name in files if name.endswith(".png"))
    assert not any(path.name.startswith(".") for path in files.values())
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_run_records_what_it_ran_with_and_that_the_check_held(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    config = read_json(folder / "config.json")
    assert (config["config"]["hidden_dim"], config["config"]["epochs"], config["config"]["data"]) == (16, 1, "digits")
    assert config["environment"]["packages"]["torch"]
    assert read_json(folder / "check.json")["held"] is True
    assert epochs(folder) == {"numpy": 1, "torch": 1}
    assert [drift["epoch"] for drift in read_json(folder / "history.json")["drift"]] == [1]


def test_without_a_terminal_there_are_no_control_characters(finished: tuple[Path, str]) -> None:
    _, printed = finished
    assert "NumPy" in printed and "PyTorch" in printed
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert len(printed.splitlines()) <= 40  # one screen


def test_figures_draws_all_pictures_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "figures", folder, "--method", "pca") == 0
    printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert {path.stem for path in printed} == PICTURES
    assert all(path.is_file() for path in printed)


def test_train_goes_on_with_a_run_in_its_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_code(monkeypatch, "train", "--resume", folder, "--epochs", 2) == 0
    assert epochs(folder) == {"numpy": 2, "torch": 2}
    assert len(read_json(folder / "history.json")["drift"]) == 2


@pytest.mark.parametrize(("first", "second"), [("numpy", "torch"), ("torch", "numpy")])
def test_train_goes_on_from_the_other_sides_checkpoint(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    start, new = folder / f"{first}.safetensors", tmp_path / "new"
    assert exit_code(monkeypatch, "train", "--side", second, "--resume", start, "--epochs", 2, "--out", new) == 0
    assert epochs(new) == {second: 2}
    before, after = read_json(new / "history.json")[second]
    assert before == read_json(folder / "history.json")[first][0]
    assert after["loss"] < before["loss"]


def test_check_prints_every_tensor(tmp_path: Path) -> None:
    printed = compare("check", *SMALL, "--json", "found.json", cwd=tmp_path)
    found = read_json(tmp_path / "found.json")
    assert found["held"] is True
    for finding in found["steps"]["float64"]:
        assert f"{finding['name']} " in printed


@pytest.mark.parametrize("held", [True, False])
def test_a_check_ends_in_0_only_if_it_held(monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
    monkeypatch.setattr("compare.job.check", lambda *_, **__: SimpleNamespace(held=held))
    assert exit_code(monkeypatch, "check") == (0 if held else 1)


@pytest.mark.parametrize("command", [None, *cli.commands])
def test_help_says_what_a_command_and_each_of_its_options_do(
    command: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, *([command] if command else []), "--help") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Usage: python -m compare")
    for param in (cli.commands[command] if command else cli).params:
        if param.param_type_name == "option":
            assert getattr(param, "help", None), param.name
            assert param.opts[0] in printed


WRONG: list[tuple[str, str]] = [
    ("trian", "Did you mean 'train'"),
    ("train --latent-dmi 3", "Did you mean '--latent-dim'"),
    ("train --latent-dim 0", "latent-dim must be at least 1, not 0"),
    ("train --latent-dim x", "'x' is not a valid integer"),
    ("train --lr nan", "lr must be finite"),
    ("train --beta2 1", "beta2 must be below 1"),
    ("train --seed -1", "seed must be at least 0"),
    ("train --data cifar", "'cifar' is not one of 'digits', 'mnist'"),
    ("train --side julia", "'julia' is not one of 'numpy', 'torch', 'both'"),
    ("train --threads 0", "--threads"),
    ("train --resume nowhere", "cannot read nowhere"),
    ("train --resume file", "file is no checkpoint of ae-mirror"),
    ("train --resume .", "there is no run in ."),
    ("train --out file/below", "cannot write file/below/config.json"),
    ("run extra", "unexpected extra argument"),
    ("figures", "Missing argument 'RUN'"),
    ("figures nowhere", "there is no run in nowhere"),
    ("check --epochs 1 --json", "requires an argument"),
]
LATE = [
    pytest.param("train --device mps", "finds no 'mps' device here"),
    pytest.param("train --data kmnist --data-root file", "cannot download KMNIST"),
]


@pytest.mark.parametrize(("line", "message"), [*WRONG, *LATE])
def test_bad_input_ends_in_2_with_one_line_and_nothing_written(
    line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"neither a folder nor a checkpoint")
    assert exit_code(monkeypatch, *line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"error: [^\n]+\n", err)
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train --resume copy --lr 0.5", "--lr cannot change in a resumed run"),
        ("train --resume copy --out new", "stays in its folder"),
        ("train --out copy", "copy holds a run already"),
        ("train --resume copy/numpy.safetensors --out copy", "copy holds a run already"),
    ],
)
def test_a_run_that_is_there_is_never_overwritten(
    line: str,
    message: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert exit_code(monkeypatch, *line.split()) == 2
    assert message in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_interrupt_ends_in_130_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("compare.job.check", interrupt)
    assert exit_code(monkeypatch, "check") == 130
    assert capsys.readouterr().err.strip() == "interrupted"
