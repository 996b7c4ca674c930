"""The command: it times in turns and in processes, keeps what it has, and says what it could not do."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from compare import environment
from compare.bench import bench, trainings, worker
from compare.bench.lanes import FLOORS, LANES, Spec
from compare.bench.numpy_lanes import NumpyLane
from compare.bench.trainings import train
from compare.bench.turns import Plan, Processes, measure, some_batches
from compare.experiment.config import Config
from compare.experiment.data import Dataset
from compare.files import read_json
from tests.commands import exit_code

SHORT = Plan(turns=2, seconds=0.01)


def test_a_quick_benchmark_writes_its_rows_and_shows_them_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "QUICK", SHORT)
    monkeypatch.setattr(bench, "CORE", ("numpy", "numpy-again"))
    monkeypatch.setattr(bench, "FLOORS", ("products-numpy",))
    path = tmp_path / "bench.json"
    assert exit_code(monkeypatch, "bench", "--quick", "--threads", 1, "--json", path) == 0
    rows = read_json(path)["rows"]
    assert [row["lane"] for row in rows] == ["numpy", "numpy-again", "products-numpy"]
    assert all(row["median"] > 0 and len(row["turns"]) == 2 and row["threads"] == 1 for row in rows)
    assert exit_code(monkeypatch, "bench", "--from", path, "--markdown", tmp_path / "bench.md") == 0
    shown = capsys.readouterr().out
    assert shown.count("against itself") == 2
    assert max(map(len, shown.splitlines())) <= 100


def test_lanes_take_turns_forwards_and_backwards(config: Config, dataset: Dataset) -> None:
    order: list[str] = []
    with Processes() as processes:
        *_, rows = measure(
            processes, ("numpy", "products-numpy"), config, dataset.train_images, SHORT, threads=1, device="cpu",
            on_turn=order.append,
        )  # fmt: skip
    there, back = order[2:4], order[4:]
    assert there == back[::-1] and sorted(there) == ["numpy", "products-numpy"]
    assert [row.agreement is None for row in rows] == [False, True]


@pytest.mark.parametrize("device", ["cpu", "mps", "cuda"])
def test_every_floor_that_can_be_measured_is(config: Config, device: str) -> None:
    for quick in (True, False):
        core, *swept = bench.parts(config, quick=quick, threads=(1,), device=device)
        measured = [lane for lane in core.lanes if lane in FLOORS]
        assert measured == [lane for lane in FLOORS if lane != "launches" or device == "cuda"]
        assert not any(set(part.lanes) & set(FLOORS) for part in swept)


def test_a_lane_that_cannot_run_says_why_and_the_others_run(config: Config, dataset: Dataset) -> None:
    with Processes() as processes:
        *_, (missing, there) = measure(
            processes, ("torch-graph", "products-numpy"), config, dataset.train_images, SHORT, threads=1,
            device="cpu", on_turn=lambda lane: None,
        )  # fmt: skip
    assert "CUDA" in missing.cannot and not there.cannot


def test_a_lane_whose_process_dies_says_so_and_the_others_go_on(config: Config, dataset: Dataset) -> None:
    asked: list[str] = []

    def on_turn(lane: str) -> None:
        asked.append(lane)
        if len(asked) == 3:  # both were prepared, and none of them timed
            os.kill(processes.pids["numpy"], signal.SIGKILL)

    with Processes() as processes:
        *_, (died, there) = measure(
            processes, ("numpy", "products-numpy"), config, dataset.train_images, SHORT, threads=1, device="cpu",
            on_turn=on_turn,
        )  # fmt: skip
    assert asked.count("products-numpy") == 1 + SHORT.turns
    assert "its process died" in died.cannot and not died.held and not there.cannot and len(there.turns) == SHORT.turns


def test_torchs_process_tells_what_it_works_with() -> None:
    with Processes() as processes:
        described = bench.described(processes)
    assert described["threads"]["torch"] and described["torch_works_with"]
    assert described.keys() - {"load"} == environment.describe().keys()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_a_bare_lane_has_nothing_set_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "14")
    with Processes() as processes:
        found = {lane: processes.ask(lane, os.getenv, "OPENBLAS_THREAD_TIMEOUT") for lane in ("numpy", "numpy-bare")}
    assert found == {"numpy": "14", "numpy-bare": None}
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == "14"


@pytest.mark.parametrize("device", ["cpu", "mps", "cuda"])
def test_a_lane_that_runs_elsewhere_than_the_benchmark_says_so(device: str) -> None:
    core, *_ = bench.parts(Config(), quick=False, threads=(1,), device=device)
    elsewhere = {lane for lane in core.lanes if LANES[lane].named(device).endswith("on the CPU")}
    assert ("numpy" in elsewhere) == (device != "cpu")
    assert "torch" not in elsewhere
    assert {"numpy", "numpy-again", "torch", "torch-fused"} <= set(core.lanes)
    assert ("torch-flushed" in trainings.on(device)) == (device == "cpu")
    assert {"numpy", "torch", "article"} <= set(trainings.on(device))


def wrong(config: Config, *, device: str) -> object:
    """Return a NumPy lane whose Adam has the wrong rate for its second moment."""
    return NumpyLane(replace(config, beta2=0.9))


def broken(config: Config, *, device: str) -> object:
    """Fail as a mistake of ours would."""
    raise NameError("name 'lane' is not defined")


@pytest.mark.parametrize(("maker", "said"), [("wrong", "its first step is off"), ("broken", "is not defined")])
def test_a_lane_of_ours_that_is_wrong_or_fails_fails_the_benchmark(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], maker: str, said: str
) -> None:
    def ask(self: Processes, lane: str, function: Callable[..., object], *arguments: object) -> object:
        return function(*arguments)  # in this process, which knows of what is planted

    monkeypatch.setattr(Processes, "ask", ask)
    monkeypatch.setattr(worker, "_made", {})
    monkeypatch.setattr(bench, "QUICK", SHORT)
    monkeypatch.setattr(bench, "CORE", ("numpy", "numpy-again"))
    monkeypatch.setattr(bench, "FLOORS", ())
    monkeypatch.setattr(Spec, "find_maker", lambda spec: globals()[maker])
    path = tmp_path / "bench.json"
    assert exit_code(monkeypatch, "bench", "--quick", "--threads", 1, "--json", path) == 1
    assert said in capsys.readouterr().out
    assert [row["held"] for row in read_json(path)["rows"]] == [False, False]


FLUSHED = """
import torch
from compare.bench.torch_lanes import TorchLane
from compare.experiment.config import Config
torch.set_num_threads(2)
TorchLane(Config(hidden_dim=8), device="cpu", flush=True)
print(int((torch.full((1 << 22,), 1e-38) * 1e-3).count_nonzero()))
"""


def test_a_lane_that_flushes_leaves_no_subnormal_number_in_any_thread() -> None:
    done = subprocess.run([sys.executable, "-c", FLUSHED], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["0"]


@pytest.mark.parametrize("name", ["numpy", "torch-fused", "article"])
def test_a_whole_training_learns(config: Config, tmp_path: Path, name: str) -> None:
    small = replace(config, batch_size=128, hidden_dim=32, epochs=2)
    trained = train(name, small, tmp_path, threads=1, device="cpu")
    assert len(trained.seconds) == 2
    assert trained.test_mse[1] < trained.test_mse[0] < 0.1
    assert trained.peak_megabytes > 50


def test_scikit_learns_network_takes_a_step(config: Config, dataset: Dataset) -> None:
    lane = LANES["sklearn"].make(config, "cpu")
    for batch in some_batches(config, dataset.train_images):
        lane.step(lane.put(batch))
    assert lane.model.t_ == sum(len(batch.clean) for batch in some_batches(config, dataset.train_images))


@pytest.mark.parametrize(
    "arguments", [("--from", "nowhere.json"), ("--threads", 0), ("--data", "cifar"), ("--device", "tpu")]
)
def test_bad_input_ends_in_2(monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...]) -> None:
    assert exit_code(monkeypatch, "bench", *arguments) == 2
