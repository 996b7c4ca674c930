"""The command: it times in turns and in processes, keeps what it has, and says what it could not do."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from compare import machine
from compare.bench import plan, trainings, worker
from compare.bench.numpy_variants import NumpyLane
from compare.bench.results import Results
from compare.bench.rounds import Plan, Processes, measure, some_batches
from compare.bench.torch_variants import TorchLane
from compare.bench.variants import FLOORS, LANES, Spec
from compare.commands import bench as command
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.files import read_json
from tests.running import environ, exit_code

SHORT = Plan(turns=2, seconds=0.01)


def test_a_quick_benchmark_writes_its_rows_and_shows_them_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plan, "QUICK", SHORT)
    monkeypatch.setattr(plan, "CORE", ("numpy", "numpy-again"))
    monkeypatch.setattr(plan, "FLOORS", ("products-numpy",))
    path = tmp_path / "plan.json"
    assert exit_code(monkeypatch, "bench", "--quick", "--threads", 1, "--json", path) == 0
    rows = read_json(path)["rows"]
    assert [row["lane"] for row in rows] == ["numpy", "numpy-again", "products-numpy"]
    assert all(row["median"] > 0 and len(row["turns"]) == 2 and row["threads"] == 1 for row in rows)
    assert exit_code(monkeypatch, "bench", "--from", path, "--markdown", tmp_path / "plan.md") == 0
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
        core, *swept = plan.parts(config, quick=quick, threads=(1,), device=device)
        measured = [lane for lane in core.lanes if lane in FLOORS]
        assert measured == [lane for lane in FLOORS if lane != "launches" or device == "cuda"]
        assert not any(set(part.lanes) & set(FLOORS) for part in swept)


def test_a_lane_that_cannot_run_says_why_and_the_others_run(
    config: Config, dataset: Dataset
) -> None:
    with Processes() as processes:
        *_, (missing, there) = measure(
            processes, ("torch-graph", "products-numpy"), config, dataset.train_images, SHORT, threads=1,
            device="cpu", on_turn=lambda lane: None,
        )  # fmt: skip
    assert "CUDA" in missing.cannot and not there.cannot


def test_a_lane_whose_process_dies_says_so_and_the_others_go_on(
    config: Config, dataset: Dataset
) -> None:
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
    assert (
        "its process died" in died.cannot
        and not died.held
        and not there.cannot
        and len(there.turns) == SHORT.turns
    )


def test_a_lane_that_dies_on_the_way_is_shown_as_not_run(
    config: Config, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    lanes = ("numpy", "torch-fused")
    for dying in lanes:
        asked: list[str] = []

        def on_turn(lane: str, asked: list[str] = asked, dying: str = dying) -> None:
            asked.append(lane)
            if lane == dying and asked.count(dying) == 4:  # prepared, and timed twice
                os.kill(processes.pids[dying], signal.SIGKILL)

        with Processes() as processes:
            *_, rows = measure(
                processes, lanes, config, dataset.train_images, Plan(turns=5, seconds=0.001), threads=1, device="cpu",
                on_turn=on_turn,
            )  # fmt: skip
        default = [replace(row, batch_size=128, hidden_dim=400, latent_dim=10) for row in rows]
        command.show([Results(machine.describe(), "cpu", default)], None)
        assert f"{LANES[dying].label} did not run: its process died" in capsys.readouterr().out


def interrupted(*arguments: object) -> Iterator[None]:
    """Measure once, and be interrupted."""
    yield
    raise KeyboardInterrupt


def test_an_interrupt_keeps_what_there_is_and_what_was_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = tmp_path / "plan.json"
    earlier.write_text("of an earlier benchmark")
    monkeypatch.setattr(plan, "_measuring", interrupted)
    assert exit_code(monkeypatch, "bench", "--quick", "--json", earlier) == 130
    assert earlier.read_text() == "of an earlier benchmark"
    unfinished = tmp_path / "plan.json.unfinished"
    assert read_json(unfinished)["rows"] == []
    assert capsys.readouterr().err == f"interrupted; what was measured is in {unfinished}\n"


def test_a_lane_whose_library_fails_to_import_is_no_end_of_the_others() -> None:
    with Processes(
        {"numpy": LANES["numpy"], "broken": Spec("", "lanes:PIXELS.no_such_name")}
    ) as processes:
        processes.begin(["numpy", "broken"])
        assert processes.ask("broken", os.getpid) != processes.ask("numpy", os.getpid)


def test_torchs_process_tells_what_it_works_with() -> None:
    with Processes() as processes:
        described = plan.described(processes)
    assert described["threads"]["torch"] and described["torch_works_with"]
    assert described.keys() == machine.describe().keys()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_a_bare_lane_has_nothing_set_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "14")
    with Processes() as processes:
        found = {
            lane: processes.ask(lane, os.getenv, "OPENBLAS_THREAD_TIMEOUT")
            for lane in ("numpy", "numpy-bare")
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
        print([processes.ask(lane, os.getenv, "OPENBLAS_THREAD_TIMEOUT") for lane in ("numpy", "numpy-bare")])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_a_bare_lane_has_nothing_set_for_it_where_the_command_is_the_installed_script(
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
def test_a_lane_that_runs_elsewhere_than_the_benchmark_says_so(device: str) -> None:
    core, *_ = plan.parts(Config(), quick=False, threads=(1,), device=device)
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


@pytest.mark.parametrize(
    ("maker", "said"), [("wrong", "its first step is off"), ("broken", "is not defined")]
)
def test_a_lane_of_ours_that_is_wrong_or_fails_fails_the_benchmark(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    maker: str,
    said: str,
) -> None:
    def ask(
        self: Processes, lane: str, function: Callable[..., object], *arguments: object
    ) -> object:
        return function(*arguments)  # in this process, which knows of what is planted

    monkeypatch.setattr(Processes, "ask", ask)
    monkeypatch.setattr(worker, "_made", {})
    monkeypatch.setattr(plan, "QUICK", SHORT)
    monkeypatch.setattr(plan, "CORE", ("numpy", "numpy-again"))
    monkeypatch.setattr(plan, "FLOORS", ())
    monkeypatch.setattr(Spec, "find_maker", lambda spec: globals()[maker])
    path = tmp_path / "plan.json"
    assert exit_code(monkeypatch, "bench", "--quick", "--threads", 1, "--json", path) == 1
    assert said in capsys.readouterr().out
    assert [row["held"] for row in read_json(path)["rows"]] == [False, False]


def test_a_training_that_fails_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, config: Config, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        Processes, "ask", lambda self, lane, function, *arguments: function(*arguments)
    )
    monkeypatch.setattr(Spec, "find_maker", lambda spec: broken)
    row = trainings.in_a_process("numpy", config, tmp_path, threads=1, device="cpu")
    assert row.cannot == "name 'lane' is not defined"


def test_every_lane_that_a_process_makes_is_compiled_for_its_own_sizes(
    monkeypatch: pytest.MonkeyPatch, config: Config, dataset: Dataset
) -> None:
    compiled = []

    def backend(graph: Any, operands: Any) -> Any:
        compiled.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    graphs = []
    with torch._dynamo.config.patch(recompile_limit=2):  # for eight, which takes long to come to
        for width in (3, 4, 5):
            lane = TorchLane(
                replace(config, hidden_dim=width), device="cpu", compiled=("network", "optimizer")
            )
            lane.step(lane.put(some_batches(config, dataset.train_images)[0]))
            graphs.append(len(compiled))
            compiled.clear()
    assert set(graphs) == {graphs[0]} and graphs[0] >= 2


FLUSHED = """
import torch
from compare.bench.torch_variants import TorchLane
from compare.data.config import Config
torch.set_num_threads(2)
TorchLane(Config(hidden_dim=8), device="cpu", flush=True)
print(int((torch.full((1 << 22,), 1e-38) * 1e-3).count_nonzero()))
"""


def test_a_lane_that_flushes_leaves_no_subnormal_number_in_any_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLUSHED], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["0"]


@pytest.mark.parametrize("name", ["numpy", "torch-flushed", "article"])
def test_a_whole_training_learns(config: Config, tmp_path: Path, name: str) -> None:
    small = replace(config, batch_size=128, hidden_dim=32, epochs=2)
    trained = trainings.in_a_process(name, small, tmp_path, threads=1, device="cpu")
    assert len(trained.seconds) == 2
    assert trained.test_mse[1] < trained.test_mse[0] < 0.1
    assert trained.peak_megabytes > 50


def test_scikit_learns_network_takes_a_step(config: Config, dataset: Dataset) -> None:
    lane = LANES["sklearn"].make(config, "cpu")
    for batch in some_batches(config, dataset.train_images):
        lane.step(lane.put(batch))
    assert lane.model.t_ == sum(
        len(batch.clean) for batch in some_batches(config, dataset.train_images)
    )


@pytest.mark.parametrize(
    "arguments",
    [("--from", "nowhere.json"), ("--threads", 0), ("--data", "cifar"), ("--device", "tpu")],
)
def test_bad_input_ends_in_2(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...]
) -> None:
    assert exit_code(monkeypatch, "bench", *arguments) == 2
