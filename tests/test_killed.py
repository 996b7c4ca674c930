"""A training that is killed, or whose disk is full, goes on; an interrupt ends it tidily."""

from pathlib import Path
from subprocess import CalledProcessError

import numpy as np
import pytest

from tests.trials import disk, interrupts, kills
from tests.trials.processes import run

WHOLE = 400.0  # seconds that a run may take on a busy machine
both = pytest.mark.parametrize("threads", [1, 2])


@pytest.mark.parametrize(
    "work",
    [
        kills.TRAIN,
        pytest.param(kills.EXPLORE, marks=pytest.mark.slow),
        pytest.param(kills.FROM_A_FILE, marks=pytest.mark.slow),
    ],
)
def test_what_is_killed_goes_on_bit_for_bit_with_the_threads_it_had(
    tmp_path: Path, work: kills.Work
) -> None:
    assert kills.broken(np.random.default_rng(0), tmp_path / "run", work, threads=2, most=2) == 2


@pytest.mark.slow
@both
def test_so_do_those_that_are_killed_twenty_times_in_all(tmp_path: Path, threads: int) -> None:
    rng, done, training = np.random.default_rng(threads), 0, 0
    while done < 20:
        training += 1
        done += kills.broken(rng, tmp_path / f"{training}", threads=threads, most=5)


@pytest.mark.slow
@both
def test_a_killed_run_ends_in_the_same_pictures(tmp_path: Path, threads: int) -> None:
    def pictures(run: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (run / "figures").iterdir()}

    command = [
        "run",
        "--no-faults",
        "--hidden-dim",
        "8",
        "--epochs",
        "2",
        "--threads",
        str(threads),
        "--out",
    ]
    code, printed = run([*command, str(tmp_path / "unbroken")], tmp_path / "log", seconds=WHOLE)
    assert code == 0, printed
    broken, rng = tmp_path / "broken", np.random.default_rng(threads)
    for seconds in (*rng.uniform(5, 25, size=6), WHOLE):
        begun = (broken / "config.json").exists()
        again = (
            ["run", "--no-faults", "--resume", str(broken)] if begun else [*command, str(broken)]
        )
        code, printed = run(again, tmp_path / "log", seconds=seconds)
    assert code == 0, printed
    assert pictures(broken) == pictures(tmp_path / "unbroken")
    assert (broken / "report.html").exists()


@pytest.mark.parametrize(("command", "delay"), [("train", 0.1), ("train", 0.3), ("train", 4.0)])
def test_interrupts_end_a_command_in_two_seconds_with_one_line(
    tmp_path: Path, command: str, delay: float
) -> None:
    line = next(line for line in interrupts.COMMANDS if line[0] == command)
    assert "interrupted" in interrupts.interrupted(line, delay, tmp_path, times=3)


def test_a_full_disk_ends_a_training_in_one_line_and_loses_nothing(tmp_path: Path) -> None:
    try:
        with disk.small_disk(tmp_path / "try", 100):
            pass
    except (OSError, CalledProcessError):
        pytest.skip("may not mount a small disk here; root may")
    (tmp_path / "try").rmdir()
    assert "ended in one line" in disk.trial(np.random.default_rng(0), tmp_path)
