"""The command: it times in interleaved rounds, keeps what it has, says what it cannot do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compare import machine
from compare.bench import plan, worker
from compare.bench.numpy_variants import NumpyVariant
from compare.bench.results import Results, Row
from compare.bench.rounds import Part, Plan, Processes, measure_part, some_batches, whole_training
from compare.bench.variants import LOWER_BOUNDS, SPECS, VARIANTS, Spec
from compare.commands import bench as command
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.files import read_json
from tests.running import environ, exit_code

SHORT = Plan(rounds=2, seconds=0.01)
SLOW = pytest.mark.slow  # it imports torch in processes of its own, compiles, or trains


def test_a_quick_benchmark_writes_its_rows_and_shows_them_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plan, "QUICK", SHORT)
    monkeypatch.setattr(plan, "CORE", ("numpy", "numpy-again"))
    monkeypatch.setattr(plan, "LOWER_BOUNDS", ("products-numpy",))
    monkeypatch.setattr(Processes, "describe", lambda self: machine.describe())  # without torch
    path = tmp_path / "plan.json"
    assert exit_code(monkeypatch, "bench", "--quick", "--threads", 1, "--json", path) == 0
    rows = read_json(path)["rows"]
    assert [row["variant"] for row in rows] == ["numpy", "numpy-again", "products-numpy"]
    assert all(
        row["median"] > 0 and len(row["rounds"]) == 2 and row["threads"] == 1 for row in rows
    )
    assert exit_code(monkeypatch, "bench", "--from", path, "--markdown", tmp_path / "plan.md") == 0
    shown = capsys.readouterr().out
    assert shown.count("against itself") == 2
    assert max(map(len, shown.splitlines())) <= 100


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Return processes that several tests use: a variant's starts when it is first asked for."""
    with Processes() as shared:
        yield shared


@pytest.fixture
def measured(processes: Processes, config: Config, dataset: Dataset) -> Callable[..., list[Row]]:
    """Return what measures some variants, calls `on_round`, and returns their rows at the end."""

    def rows(
        *variants: str, on_round: Callable[[str], object] = str, plan: Plan = SHORT
    ) -> list[Row]:
        part = Part(variants, config, 1, "cpu", plan)
        *_, last = measure_part(processes, part, dataset.train_images, on_round)
        return last

    return rows


def test_variants_take_rounds_forwards_and_backwards(measured: Callable[..., list[Row]]) -> None:
    order: list[str] = []
    rows = measured("numpy", "products-numpy", on_round=order.append)
    there, back = order[2:4], order[4:]
    assert there == back[::-1] and sorted(there) == ["numpy", "products-numpy"]
    assert [row.agreement is None for row in rows] == [False, True]


@pytest.mark.parametrize("device", ["cpu", "mps", "cuda"])
def test_every_lower_bound_that_can_be_measured_is(config: Config, device: str) -> None:
    for quick in (True, False):
        core, *swept = plan.parts(config, quick=quick, threads=(1,), device=device)
        measured = [variant for variant in core.variants if variant in LOWER_BOUNDS]
        assert measured == [
            variant for variant in LOWER_BOUNDS if variant != "launches" or device == "cuda"
        ]
        assert not any(set(part.variants) & set(LOWER_BOUNDS) for part in swept)


def test_a_variant_that_cannot_run_says_why_and_the_others_run(
    measured: Callable[..., list[Row]],
) -> None:
    missing, there = measured("torch-graph", "products-numpy")
    assert "CUDA" in missing.cannot and not there.cannot


def test_a_variant_whose_process_dies_says_so_and_the_others_go_on(
    processes: Processes, measured: Callable[..., list[Row]]
) -> None:
    asked: list[str] = []

    def on_round(variant: str) -> None:
        asked.append(variant)
        if len(asked) == 3:  # both were prepared, and none of them timed
            os.kill(processes.pids["numpy"], signal.SIGKILL)

    died, there = measured("numpy", "products-numpy", on_round=on_round)
    assert asked.count("products-numpy") == 1 + SHORT.rounds
    assert "its process died" in died.cannot and not died.held
    assert not there.cannot and len(there.rounds) == SHORT.rounds


@pytest.mark.parametrize("dying", ["numpy", pytest.param("torch-fused", marks=SLOW)])
def test_a_variant_that_dies_on_the_way_is_shown_as_not_run(
    processes: Processes,
    measured: Callable[..., list[Row]],
    capsys: pytest.CaptureFixture[str],
    dying: str,
) -> None:
    asked: list[str] = []

    def on_round(variant: str) -> None:
        asked.append(variant)
        if variant == dying and asked.count(dying) == 4:  # prepared, and timed twice
            os.kill(processes.pids[dying], signal.SIGKILL)

    variants = ("numpy", "products-numpy" if dying == "numpy" else dying)
    rows = measured(*variants, on_round=on_round, plan=Plan(rounds=5, seconds=0.001))
    default = [replace(row, batch_size=128, hidden_dim=400, latent_dim=10) for row in rows]
    command.show([Results(machine.describe(), "cpu", default)], None)
    assert f"{VARIANTS[dying].label} did not run: its process died" in capsys.readouterr().out


def test_an_interrupt_waits_for_no_process_that_is_at_work() -> None:
    with pytest.raises(KeyboardInterrupt), Processes() as processes:
        pid = processes.ask("numpy", os.getpid)
        processes.pools["numpy"].submit(time.sleep, 600)
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def interrupted(*arguments: object) -> Iterator[None]:
    """Measure once, and be interrupted."""
    yield
    raise KeyboardInterrupt


def test_an_interrupt_keeps_what_there_is_and_what_was_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = tmp_path / "plan.json"
    earlier.write_text("of an earlier benchmark")
    monkeypatch.setattr(command, "_measuring", interrupted)
    assert exit_code(monkeypatch, "bench", "--quick", "--json", earlier) == 130
    assert earlier.read_text() == "of an earlier benchmark"
    unfinished = tmp_path / "plan.json.unfinished"
    assert read_json(unfinished)["rows"] == []
    assert capsys.readouterr().err == f"interrupted; what was measured is in {unfinished}\n"


def test_a_variant_whose_library_fails_to_import_is_no_end_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SPECS, "broken", Spec("", "variants:LARGE.no_such_name"))
    with Processes() as processes:
        processes.begin(["numpy", "broken"])
        assert processes.ask("broken", os.getpid) != processes.ask("numpy", os.getpid)


def test_torchs_process_tells_what_it_works_with() -> None:
    with Processes() as processes:
        described = processes.describe()
    assert described["threads"]["torch"] and described["torch_works_with"]
    assert described.keys() == machine.describe().keys()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_a_bare_variant_has_nothing_set_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "14")
    with Processes() as processes:
        found = {
            variant: processes.ask(variant, os.getenv, "OPENBLAS_THREAD_TIMEOUT")
            for variant in ("numpy", "numpy-bare")
        }
    assert found == {"numpy": "14", "numpy-bare": None}
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == "14"


SCRIPT = """
import os
from compare.__main__ import main
if __name__ == "__main__":
    try:
        main()
    except SystemExit:
        pass
    from compare.bench.rounds import Processes
    with Processes() as processes:
        name, variants = "OPENBLAS_THREAD_TIMEOUT", ("numpy", "numpy-bare")
        print([processes.ask(variant, os.getenv, name) for variant in variants])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_a_bare_variant_has_nothing_set_for_it_where_the_command_is_the_installed_script(
    tmp_path: Path,
) -> None:
    script = tmp_path / "ae-mirror"
    script.write_text(SCRIPT)
    clean = {name: value for name, value in environ().items() if name != "OPENBLAS_THREAD_TIMEOUT"}
    done = subprocess.run(
        [sys.executable, script], check=True, capture_output=True, text=True, env=clean
    )
    assert done.stdout.splitlines()[-1] == "['14', None]"


@pytest.mark.parametrize("device", ["cpu", "mps", "cuda"])
def test_a_variant_that_runs_elsewhere_than_the_benchmark_says_so(device: str) -> None:
    core, *_ = plan.parts(Config(), quick=False, threads=(1,), device=device)
    elsewhere = {
        variant
        for variant in core.variants
        if VARIANTS[variant].named(device).endswith("on the CPU")
    }
    assert ("numpy" in elsewhere) == (device != "cpu")
    assert "torch" not in elsewhere
    assert {"numpy", "numpy-again", "torch", "torch-fused"} <= set(core.variants)
    assert ("torch-flushed" in plan.whole_trainings(device)) == (device == "cpu")
    assert {"numpy", "torch", "article"} <= set(plan.whole_trainings(device))


def wrong(config: Config, *, device: str) -> NumpyVariant:
    """Return a NumPy variant whose Adam has the wrong rate for its second moment."""
    return NumpyVariant(replace(config, beta2=0.9), device=device)


def broken(config: Config, *, device: str) -> NumpyVariant:
    """Fail as a mistake of ours would."""
    raise NameError("name 'variant' is not defined")


@pytest.mark.parametrize(
    ("maker", "said"), [("wrong", "its first step fails"), ("broken", "is not defined")]
)
def test_a_variant_of_ours_that_is_wrong_or_fails_fails_the_benchmark(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    maker: str,
    said: str,
) -> None:
    def ask(
        self: Processes, variant: str, function: Callable[..., object], *arguments: object
    ) -> object:
        return function(*arguments)  # in this process, which knows of the fault

    monkeypatch.setattr(Processes, "ask", ask)
    monkeypatch.setattr(Processes, "begin", lambda self, variants: None)
    monkeypatch.setattr(worker, "_made", {})
    monkeypatch.setattr(plan, "QUICK", SHORT)
    monkeypatch.setattr(plan, "CORE", ("numpy", "numpy-again"))
    monkeypatch.setattr(plan, "LOWER_BOUNDS", ())
    monkeypatch.setattr(command, "Config", lambda **_: Config(hidden_dim=8, latent_dim=3))
    monkeypatch.setattr(Spec, "find_maker", lambda spec: globals()[maker])
    path = tmp_path / "plan.json"
    assert exit_code(monkeypatch, "bench", "--quick", "--threads", 1, "--json", path) == 1
    assert said in capsys.readouterr().out
    assert [row["held"] for row in read_json(path)["rows"]] == [False, False]


def test_a_training_that_fails_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, config: Config, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        Processes, "ask", lambda self, variant, function, *arguments: function(*arguments)
    )
    monkeypatch.setattr(Spec, "find_maker", lambda spec: broken)
    row = whole_training("numpy", config, tmp_path, threads=1, device="cpu")
    assert row.cannot == "name 'variant' is not defined"


@pytest.mark.parametrize(
    "name", ["numpy", *(pytest.param(name, marks=SLOW) for name in ("torch-flushed", "article"))]
)
def test_a_whole_training_learns(config: Config, tmp_path: Path, name: str) -> None:
    small = replace(config, batch_size=128, hidden_dim=32, epochs=2)
    trained = whole_training(name, small, tmp_path, threads=1, device="cpu")
    assert len(trained.seconds) == 2
    assert trained.test_mse[1] < trained.test_mse[0] < 0.1
    assert trained.peak_megabytes > 50


def test_scikit_learns_network_takes_a_step(config: Config, dataset: Dataset) -> None:
    variant: Any = VARIANTS["sklearn"].make(config, "cpu")
    batches = some_batches(config, dataset.train_images)
    for batch in batches:
        variant.step(variant.put(batch))
    assert variant.model.t_ == sum(len(batch.clean) for batch in batches)


@pytest.mark.parametrize(
    "arguments",
    [("--from", "nowhere.json"), ("--threads", 0), ("--data", "cifar"), ("--device", "tpu")],
)
def test_bad_input_ends_in_2(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...]
) -> None:
    assert exit_code(monkeypatch, "bench", *arguments) == 2
