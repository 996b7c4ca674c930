"""Several workers: the bits of one process, one line where one is missing, nothing left running."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from compare.data.config import Config
from compare.errors import UserError
from compare.sides.numpy_side import initial_state
from compare.training.checkpoint import Checkpoint
from compare.training.crew import Crew, make_crew
from tests.trials import crews
from tests.trials.crews import (
    OFTEN,
    TORCHRUN,
    TRAIN,
    end,
    gone,
    result,
    run,
    same,
    start,
    wait_for,
    workers,
)

SMALL = ("train", "--epochs", "2", "--hidden-dim", "8", "--batch-size", "512", "--threads", "1")


@pytest.mark.parametrize(("count", "shards"), [(1, 1), (2, 4), (4, 4), (5, 5)])
def test_a_worker_has_a_shard_at_least(count: int, shards: int) -> None:
    assert Crew(count).shards_of() == shards


def test_a_run_keeps_its_shards_unless_told_otherwise() -> None:
    assert Crew(2).shards_of(3) == 3
    assert Crew(2, shards=5).shards_of(3) == 5
    with pytest.raises(UserError, match=r"^3 shards are for 3 workers at most, not 5; .*shards 5"):
        Crew(5).shards_of(3)
    with pytest.raises(UserError, match=r"^a whole batch is for one worker, not 2; .*shards 4"):
        Crew(2).shards_of(1)


def test_torchrun_says_who_a_worker_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"TORCHELASTIC_RUN_ID": "none", "RANK": "1", "WORLD_SIZE": "3"}
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    crew = make_crew(None, 9.0, None)
    assert (crew.rank, crew.count, crew.deadline, crew.by_torchrun) == (1, 3, 9.0, True)
    with pytest.raises(UserError, match="torchrun has started 3 workers; leave out --workers"):
        make_crew(2, 9.0, None)
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "2")
    with pytest.raises(UserError, match="leave out torchrun's --max-restarts"):
        make_crew(None, 9.0, None)


@pytest.mark.parametrize("model", ["autoencoder", pytest.param("vae", marks=pytest.mark.slow)])
def test_two_workers_end_in_the_bits_of_one_process(tmp_path: Path, model: str) -> None:
    command = (*SMALL, "--model", model)
    run(*command, "--shards", 4, "--out", tmp_path / "one")
    printed = run(*command, "--workers", 2, "--out", tmp_path / "two")
    same(tmp_path / "two", result(tmp_path / "one"))
    assert printed.count("checkpoints and history") == 1


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("counts", "shards"), [((1, 2, 4), 4), ((1, 3), 3)])
def test_every_number_of_workers_ends_in_the_same_bits(
    tmp_path: Path, dtype: str, counts: tuple[int, ...], shards: int
) -> None:
    command = (*TRAIN, "--dtype", dtype, "--shards", shards, "--threads", 1)
    for count in counts:
        run(*command, "--workers", count, "--out", tmp_path / f"{count}")
        same(tmp_path / f"{count}", result(tmp_path / "1"))


@pytest.mark.slow
def test_torchruns_workers_do_and_their_run_goes_on_with_others(tmp_path: Path) -> None:
    run(*SMALL, "--shards", 4, "--out", tmp_path / "one")
    run(*SMALL, "--epochs", 1, "--out", tmp_path / "two", program=(*TORCHRUN, "2"))
    run("train", "--resume", tmp_path / "two", "--epochs", 2, "--workers", 3)
    same(tmp_path / "two", result(tmp_path / "one"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_run_whose_worker_is_killed_ends_soon_and_goes_on(tmp_path: Path, seed: int) -> None:
    crews.trial(np.random.default_rng(seed), tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1, None])
def test_torchruns_workers_end_soon_where_one_or_torchrun_itself_is_killed(
    tmp_path: Path, rank: int | None
) -> None:
    command = (*TRAIN, *OFTEN, "--epochs", 50, "--out", tmp_path)
    torchrun = start(*command, program=(*TORCHRUN, "2"))
    wait_for(tmp_path / "numpy.safetensors", torchrun)
    processes = workers(torchrun.pid)
    os.kill(processes[0 if rank is None else rank + 1], signal.SIGKILL)
    code, _, err = end(torchrun, processes[:1])
    assert code != 0
    (line,) = (line for line in err.splitlines() if line.startswith("error:"))
    assert ("torchrun" if rank is None else f"worker {rank} of 2") in line
    assert line.endswith(f"go on with --resume {tmp_path}")
    assert gone(processes)


@pytest.mark.slow
def test_a_silent_worker_ends_the_run_at_its_deadline(tmp_path: Path) -> None:
    crew = start(
        *TRAIN, *OFTEN, "--epochs", 50, "--workers", 2, "--worker-deadline", 3, "--out", tmp_path
    )
    wait_for(tmp_path / "numpy.safetensors", crew)
    processes = workers(crew.pid)
    os.kill(processes[1], signal.SIGSTOP)
    code, _, err = end(crew, processes)
    assert code == 2
    assert "worker 1 of 2" in err
    assert f"has been silent for 3 s; go on with --resume {tmp_path}" in err


@pytest.mark.slow
def test_an_interrupt_ends_all_with_one_line(tmp_path: Path) -> None:
    crew = start(*TRAIN, *OFTEN, "--epochs", 50, "--workers", 2, "--out", tmp_path)
    wait_for(tmp_path / "numpy.safetensors", crew)
    processes = workers(crew.pid)
    for process in processes:  # as a terminal does
        os.kill(process, signal.SIGINT)
    code, _, err = end(crew, processes)
    assert (code, err) == (130, f"interrupted; go on with --resume {tmp_path}\n")


@pytest.mark.slow
def test_where_numbers_are_no_longer_finite_the_first_worker_says_so_alone(tmp_path: Path) -> None:
    config, file = Config(hidden_dim=8, batch_size=512, epochs=1), tmp_path / "start.safetensors"
    state = initial_state(config)
    state["param/fc2.weight"][...] = 3e38
    Checkpoint("numpy", config, state).save(file)
    crew = start(
        "train", "--resume", file, "--workers", 2, "--shards", 4, "--out", tmp_path / "run"
    )
    processes = workers(crew.pid)
    code, _, err = end(crew, processes)
    (line,) = err.splitlines()
    assert code == 2
    assert line.startswith("error: numpy diverged: in epoch 1, step 1, fc2's output is")
