"""The command: it times in turns and in processes, keeps what it has, and says what it could not do."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from compare import environment
from compare.bench import bench
from compare.bench.lanes import FLOORS, LANES
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
    assert order[2:] == ["numpy", "products-numpy", "products-numpy", "numpy"]
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
        if len(asked) == 4:  # both were prepared, and one of them timed
            os.kill(processes.pids["numpy"], signal.SIGKILL)

    with Processes() as processes:
        *_, (died, there) = measure(
            processes, ("numpy", "products-numpy"), config, dataset.train_images, SHORT, threads=1, device="cpu",
            on_turn=on_turn,
        )  # fmt: skip
    assert asked[2:] == ["numpy", "products-numpy", "products-numpy", "numpy"]
    assert "its process died" in died.cannot and not there.cannot and len(there.turns) == SHORT.turns


def test_torchs_process_tells_what_it_works_with() -> None:
    described = bench.described_by_torch()
    assert described["threads"]["torch"] and described.keys() == environment.describe().keys()


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
