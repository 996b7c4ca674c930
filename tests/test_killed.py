"""A training that is killed at any moment goes on to what it would have been, and an interrupt ends soon and tidily."""

from pathlib import Path

import numpy as np
import pytest

from tests.trials import interrupts, kills

both = pytest.mark.parametrize("threads", [1, 2])


@both
def test_a_killed_training_goes_on_bit_for_bit_with_the_threads_it_had(tmp_path: Path, threads: int) -> None:
    kills.broken(np.random.default_rng(threads), tmp_path / "run", threads=threads, kills=3)


@pytest.mark.slow
@both
def test_so_does_one_that_is_killed_twenty_times(tmp_path: Path, threads: int) -> None:
    kills.broken(np.random.default_rng(20 + threads), tmp_path / "run", threads=threads, kills=20)


@pytest.mark.slow
@both
def test_a_killed_run_ends_in_the_same_pictures(tmp_path: Path, threads: int) -> None:
    def pictures(run: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (run / "figures").iterdir()}

    command = ("run", "--no-faults", "--hidden-dim", "8", "--epochs", "2", "--threads", str(threads), "--out")
    kills.process([*command, str(tmp_path / "unbroken")], tmp_path / "log", seconds=120)
    broken, rng = tmp_path / "broken", np.random.default_rng(threads)
    for _ in range(6):
        again = ["run", "--no-faults", "--resume", str(broken)]
        begun = (broken / "config.json").exists()
        kills.process(again if begun else [*command, str(broken)], tmp_path / "log", seconds=rng.uniform(5, 25))
    kills.process(again, tmp_path / "log", seconds=120)
    assert pictures(broken) == pictures(tmp_path / "unbroken")
    assert (broken / "report.html").exists()


@pytest.mark.parametrize(("command", "delay"), [("--help", 0.1), ("train", 0.3), ("train", 4.0)])
def test_an_interrupt_ends_a_command_in_two_seconds_with_one_line(tmp_path: Path, command: str, delay: float) -> None:
    line = next(line for line in interrupts.COMMANDS if line[0] == command)
    assert "interrupted" in interrupts.interrupted(line, delay, tmp_path)
