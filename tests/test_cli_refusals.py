"""What a command cannot do ends in exit code 2 and one line, with nothing written."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.running import exit_code, here

ABSENT = "cuda"
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
    ("train --resume file", "cannot read file (Error while deserializing header"),
    ("train --resume .", "there is no run in ."),
    ("train --out file/below", "file is a file, not a folder"),
    ("run extra", "unexpected extra argument"),
    ("figures", "Missing argument 'RUN'"),
    ("figures nowhere", "there is no run in nowhere"),
    ("check --seed 1 --json", "requires an argument"),
    ("check --dtype float32", "No such option '--dtype'"),
    ("check --epochs 3", "--epochs is for --thorough"),
    ("check --thorough --step 2", "--thorough trains both sides from their start"),
    ("check --thorough --no-torch", "--thorough trains both sides from their start"),
    ("check --thorough --side examples.own_network:make", "My network maps 20 to 3; leave it out"),
    ("check --step 0", "--step"),
    ("check --resume nowhere", "cannot read nowhere (No such file or directory); give"),
    ("train --resume nowhere", "there is no nowhere; give a run's folder, or a checkpoint in one"),
    ("check --resume .", ". is a folder; --resume takes a checkpoint"),
    ("check --resume file --lr 0.1", "has the checkpoint's config; leave out --lr"),
    ("check --resume file --side a:b", "leave it out with --side"),
    ("check --side nothing", "--side needs module:factory"),
    (f"train --device {ABSENT}", f"finds no '{ABSENT}' device here"),
    ("train --data kmnist --data-root file", "cannot download KMNIST"),
    ("train --hidden-dim 100000000", "need 5,9"),
    ("check --latent-dim 2000000000", "choose smaller ones"),
    ("explore --hidden-dim 8,2000000000", "choose smaller ones"),
    ("train --checkpoint-every -1", "--checkpoint-every"),
    (f"explore --side torch --device {ABSENT} --out new", f"finds no '{ABSENT}' device here"),
    ("explore --resume nowhere", "there is no explore in nowhere (no explore.json)"),
    ("explore --resume . --side numpy", "there is no explore in ."),
    ("bench --from file --quick", "--from measures nothing: leave out --quick"),
    (
        "faults --healthy 1 --threads 1",
        "--healthy checks on the CPU, with 1 and 2 threads by turns: leave out --",
    ),
    ("faults --healthy 1 --device cuda", "by turns: leave out --device"),
    ("bench --from file --threads 1 --json new", "--from measures nothing: leave out --"),
    ("train --workers 0", "--workers"),
    ("train --micro-batches 0", "--micro-batches"),
    ("train --worker-deadline nan", "nan is no number of seconds"),
    ("train --workers 5 --shards 3 --out new", "3 shards are for 3 workers at most, not 5; choose"),
    ("check --workers 1", "--workers"),
    ("check --workers 2 --side a:b", "--workers checks steps of its own: leave out --side"),
    ("check --workers 14", "a batch of the check has 13 images; choose --workers 13 or fewer"),
    ("faults --workers 14", "a batch of the check has 13 images; choose --workers 13 or fewer"),
    ("faults --workers 2 --healthy 3", "by turns: leave out --workers"),
    ("faults --workers 2 --device cuda", "--workers has faults of its own: leave out --device"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train once; return the run's folder."""
    cwd = tmp_path_factory.mktemp("trained")
    small = ("--epochs", 1, "--hidden-dim", 8, "--batch-size", 512, "--threads", 1)
    assert here("train", *small, "--out", "run", cwd=cwd).code == 0
    return cwd / "run"


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """Return a copy of that run."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def contents(folder: Path) -> dict[Path, bytes]:
    """Return every file of a run."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("line", "message"), WRONG)
def test_bad_input_ends_in_2_with_one_line_and_nothing_written(
    line: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
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
    before = contents(folder)
    assert exit_code(monkeypatch, *line.split()) == 2
    assert message in capsys.readouterr().err
    assert contents(folder) == before


@pytest.mark.parametrize(
    "line",
    [
        "--side numpy --eps 0 --noise 0",  # the corners of a digit are black: 0 / 0
        "--side torch --eps 0 --noise 0",
        "--side torch --lr 1e39",
        "--side numpy --lr 1e39",
        "--side numpy --noise 1e39",
    ],
)
def test_a_training_that_cannot_go_on_ends_in_2_with_one_line(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exit_code(monkeypatch, "train", "--epochs", 1, "--hidden-dim", 8, *line.split()) == 2
    assert re.fullmatch(r"error: [^\n]+\n", capsys.readouterr().err)


@pytest.mark.parametrize("command", ["train --resume copy --epochs 2", "figures copy --method pca"])
@pytest.mark.parametrize("content", ["{}", "[]"])
def test_a_history_that_is_none_ends_in_2_with_one_line(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    content: str,
) -> None:
    monkeypatch.chdir(folder.parent)
    (folder / "history.json").write_text(content)
    assert exit_code(monkeypatch, *command.split()) == 2
    assert re.fullmatch(r"error: [^\n]+\n", capsys.readouterr().err)


@pytest.mark.parametrize("command", ["run", "train", "train --side numpy"])
def test_a_run_that_does_not_fit_into_memory_is_refused_before_any_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.chdir(folder.parent)
    config = json.loads((folder / "config.json").read_text())
    config["config"]["hidden_dim"] = 3_000_000
    (folder / "config.json").write_text(json.dumps(config))
    for path in [*folder.glob("*.safetensors"), folder / "history.json"]:
        path.unlink()
    monkeypatch.setattr(
        "compare.commands.run.check_parity", lambda *_, **__: pytest.fail("work began")
    )
    assert exit_code(monkeypatch, *command.split(), "--resume", "copy") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"error: hidden-dim 3000000, [^\n]+; choose smaller ones\n", err)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "check --json loop",
            "check --json loop/file",
            "check --json dangling",
            "report copy --out loop",
        ),
        *(
            "bench --from file --markdown noending",
            "bench --from file --markdown file.md",
            "bench --json taken",
        ),
        *(
            "bench --json loop",
            "bench --from file --markdown loop",
            "faults --markdown loop",
            "train --out loop/run",
        ),
        *(
            "run --out loop",
            f"check --json {'x' * 250}",
            f"bench --from file --markdown new/{'x' * 250}.md",
        ),
    ],
)
def test_a_target_that_cannot_be_written_is_told_before_the_work_and_leaves_nothing(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cwd = folder.parent
    monkeypatch.chdir(cwd)
    (cwd / "loop").symlink_to("loop")
    (cwd / "dangling").symlink_to("file/below")
    (cwd / "file").touch()
    (cwd / "taken.unfinished").mkdir()
    before = sorted(cwd.rglob("*"))
    monkeypatch.setattr("compare.data.datasets.load", lambda *_, **__: pytest.fail("work began"))
    assert exit_code(monkeypatch, *line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(
        r"error: (Invalid value for '--|cannot write |noending has no ending)[^\n]+\n", err
    )
    assert sorted(cwd.rglob("*")) == before


@pytest.mark.parametrize(
    "line", ["train --lr", "train --resume", "report", "check --side", "bench --json", "tr"]
)
@pytest.mark.parametrize("long", ["x" * 100_000, "\x1b" * 30_000])
def test_a_long_value_makes_no_long_line(
    line: str,
    long: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exit_code(monkeypatch, *line.split(), long) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"error: [^\n]{1,1000}\n", err)
