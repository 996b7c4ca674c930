"""The commands, as a person types them: what they write, what they say, and how they end."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from compare.cli import cli
from compare.data.config import DTYPES
from compare.files import read_json, write_json
from tests.running import exit_code, here

PICTURES = {
    "dataset",
    "network",
    "latent",
    "reconstructions",
    "denoising",
    "random_samples",
    "losses",
    "divergence",
}
WRITTEN = {
    *(
        "config.json",
        "history.json",
        "check.json",
        "quality.json",
        "numpy.safetensors",
        "torch.safetensors",
    ),
    *("report.html", *(f"page/{part}.safetensors" for part in ("step", "atlas", "timeline"))),
    *(f"figures/{name}.png" for name in PICTURES),
}


def epochs(folder: Path) -> dict[str, int]:
    """Return how many epochs of each side a run has recorded."""
    return {
        name: len(records)
        for name, records in read_json(folder / "history.json").items()
        if name != "drift"
    }


def test_run_writes_everything_into_one_folder(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    files = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    assert files.keys() >= WRITTEN
    assert all(path.stat().st_size > 0 for path in files.values())
    assert all(
        files[name].read_bytes().startswith(b"\x89PNG") for name in files if name.endswith(".png")
    )
    assert not any(path.name.startswith(".") for path in files.values())
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_run_records_what_it_ran_with_and_that_the_check_held(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    config = read_json(folder / "config.json")
    assert (
        config["config"]["hidden_dim"],
        config["config"]["epochs"],
        config["config"]["data"],
    ) == (16, 1, "digits")
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


def test_train_goes_on_with_a_run_in_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exit_code(monkeypatch, "train", "--resume", folder, "--epochs", 2) == 0
    assert epochs(folder) == {"numpy": 2, "torch": 2}
    assert len(read_json(folder / "history.json")["drift"]) == 2


@pytest.mark.parametrize("recorded", [True, False], ids=["", "of an earlier version"])
def test_a_run_of_one_side_goes_on_with_that_side_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    run, narrow = tmp_path / "run", ("--hidden-dim", 8, "--latent-dim", 2)
    train = ("train", "--side", "numpy", "--epochs", 1, *narrow, "--out", run)
    assert exit_code(monkeypatch, *train) == 0
    config = read_json(run / "config.json")
    assert config["sides"] == ["numpy"]
    if not recorded:
        del config["sides"]
        write_json(run / "config.json", config)
    assert exit_code(monkeypatch, "train", "--resume", run, "--epochs", 2) == 0
    assert epochs(run) == {"numpy": 2}
    assert not (run / "torch.safetensors").exists()
    assert exit_code(monkeypatch, "train", "--resume", run, "--side", "torch") == 0
    assert epochs(run) == {"numpy": 2, "torch": 2}
    assert read_json(run / "config.json")["sides"] == ["numpy", "torch"]


@pytest.mark.parametrize(("first", "second"), [("numpy", "torch"), ("torch", "numpy")])
def test_train_goes_on_from_the_other_sides_checkpoint(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    start, new = folder / f"{first}.safetensors", tmp_path / "new"
    assert (
        exit_code(
            monkeypatch, "train", "--side", second, "--resume", start, "--epochs", 2, "--out", new
        )
        == 0
    )
    assert epochs(new) == {second: 2}
    before, after = read_json(new / "history.json")[second]
    assert before == read_json(folder / "history.json")[first][0]
    assert after["loss"] < before["loss"]


def test_check_prints_every_operation_and_writes_every_finding(tmp_path: Path) -> None:
    small = ("--hidden-dim", 16, "--threads", 1)
    code, printed, said = here("check", *small, "--json", "found.json", cwd=tmp_path)
    assert (code, said) == (0, "")
    found = read_json(tmp_path / "found.json")
    assert found["held"] is True
    assert {"fc1.backward", "train_step"} <= {finding["operation"] for finding in found["findings"]}
    for finding in found["findings"]:
        assert finding["dtype"] not in DTYPES or f"{finding['operation']} " in printed


@pytest.mark.parametrize("held", [True, False])
def test_a_check_ends_in_0_only_if_it_held(monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
    monkeypatch.setattr("compare.commands.check.check", lambda *_, **__: SimpleNamespace(held=held))
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


def test_an_interrupt_ends_in_130_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("compare.commands.check.check", interrupt)
    assert exit_code(monkeypatch, "check") == 130
    assert capsys.readouterr().err.strip() == "interrupted"
