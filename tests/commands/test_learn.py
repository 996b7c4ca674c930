"""`learn` as a person uses it: how far one is, hints, and what is told of a bad command line."""

import re
import shutil
from pathlib import Path

import pytest

from compare.commands import learn as command
from compare.learn.catalogue import EXERCISES
from tests.learn.ways import ways
from tests.running import here


def done(folder: Path, count: int) -> None:
    """Do the first so many exercises in a folder."""
    folder.mkdir(exist_ok=True)
    for exercise in EXERCISES[:count]:
        shutil.copy(ways(exercise.name)[-1], folder / exercise.file)


def test_it_begins_with_all_exercises_and_the_first_is_not_written(tmp_path: Path) -> None:
    code, out, _ = here("learn", "--once", cwd=tmp_path)
    assert code == 1
    assert out == (
        "15 exercises are in exercises now, 3 of them extra\n0 of 12 exercises are finished\n"
        "exercises/01_linear_forward.py\n\nlinear_forward is not written yet\n\n"
        "a hint: python -m compare learn --hint 01\n"
    )
    names = [exercise.file for exercise in EXERCISES]
    assert sorted(path.name for path in (tmp_path / "exercises").iterdir()) == names


def test_the_first_unfinished_one_is_judged_in_any_folder(tmp_path: Path) -> None:
    done(tmp_path / "my work", 7)
    code, out, _ = here("learn", "my work", "--once", cwd=tmp_path)
    assert code == 1
    assert "my work/08_linear_backward.py was not there, and is written anew\n" in out
    assert "7 of 12 exercises are finished\nmy work/08_linear_backward.py\n" in out
    assert "a hint: python -m compare learn 'my work' --hint 08" in out


def test_all_that_are_needed_are_enough(tmp_path: Path) -> None:
    done(tmp_path / "exercises", 12)
    code, out, _ = here("learn", "--once", cwd=tmp_path)
    assert code == 0
    assert out.endswith("12 of 12 exercises are finished\n")


@pytest.mark.parametrize("name", ["3", "03", "sigmoid_forward", "03_sigmoid_forward.py"])
def test_one_alone_is_judged_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    assert here("learn", "--only", name, cwd=tmp_path).code == 1
    done(tmp_path / "exercises", 3)
    code, out, _ = here("learn", "--only", name, cwd=tmp_path)
    assert code == 0
    assert "sigmoid_forward is right: 16 calls, float32 and float64\n" in out


def test_a_list_tells_of_each(tmp_path: Path) -> None:
    done(tmp_path / "exercises", 2)
    code, out, _ = here("learn", "--list", cwd=tmp_path)
    assert code == 0
    states = [re.split(r" {2,}", line)[1] for line in out.splitlines()]
    assert states == ["passed"] * 2 + ["not written yet"] * 10 + ["not written yet (extra)"] * 3


def test_hints_go_from_a_nudge_to_the_rule(tmp_path: Path) -> None:
    first = here("learn", "--hint", "6", cwd=tmp_path).out
    assert first.startswith("06_sigmoid_backward, hint 1 of 3\n\nEach x enters one y alone")
    assert first.endswith("\nthe next: python -m compare learn --hint 06.2\n")
    last = here("learn", "--hint", "06.3", cwd=tmp_path).out
    assert "the next" not in last
    done(tmp_path / "exercises", 4)
    assert here("learn", "--hint", cwd=tmp_path).out.startswith("05_loss_backward, hint 1 of 3\n")


def test_what_only_shows_writes_nothing(tmp_path: Path) -> None:
    assert here("learn", "--list", cwd=tmp_path).out.count("not written yet") == len(EXERCISES)
    assert here("learn", "--hint", cwd=tmp_path).out.startswith("01_linear_forward, hint 1 of 3")
    assert here("learn", "--hint", "9.2", cwd=tmp_path).code == 0
    assert not list(tmp_path.iterdir())


def test_a_hint_beyond_the_last_needed_exercise_is_of_the_next(tmp_path: Path) -> None:
    done(tmp_path / "exercises", 12)
    out = here("learn", "--hint", cwd=tmp_path).out
    assert out.startswith("13_softmax_cross_entropy, hint 1 of 3")


def test_a_reset_says_where_the_old_work_is(tmp_path: Path) -> None:
    done(tmp_path / "exercises", 1)
    code, out, _ = here("learn", "--reset", "1", cwd=tmp_path)
    assert code == 0
    kept = "exercises/01_linear_forward.old-1.py"
    assert out == (
        f"exercises/01_linear_forward.py is as it was at first; your work is kept in {kept}\n"
    )
    assert (tmp_path / kept).read_bytes() == ways("01_linear_forward")[-1].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--only", "16"),
            "there is no exercise '16'; the first is 01_linear_forward, the last 15_kl",
        ),
        (("--hint", "8.4"), "08_linear_backward has hints 1 to 3, not '4'"),
        (("--once", "--only", "1"), "--only and --once ask for two things: leave one out"),
        (("file",), "file is a file; name a folder for the exercises"),
    ],
)
def test_a_bad_command_line_is_told_and_writes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "file").touch()
    code, out, err = here("learn", *arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {told}")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_watching_goes_on_as_files_are_saved_and_ends_with_the_reward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "exercises"
    done(folder, 6)

    def saved(_: Path):  # type: ignore[no-untyped-def]
        yield
        (folder / "07_relu_backward.py").write_text(
            "def relu_backward(dy, y):\n    return dy * y\n"
        )
        yield
        (folder / "07_relu_backward.py").rename(folder / "07.py")
        yield
        done(folder, 7)
        yield
        done(folder, 13)
        yield
        pytest.fail("it goes on after the end")

    monkeypatch.setattr(command, "changes", saved)
    monkeypatch.setattr("compare.learn.reward.reward", lambda book: [f"trained, {book.folder}"])
    code, out, _ = here("learn", cwd=tmp_path)
    assert code == 0
    told = [
        "relu_backward is not written yet",
        "dx is wrong: it is dy · y: y is no mask",
        "exercises/07_relu_backward.py is not there any more; give it its name back",
        "07_relu_backward            passed",
        "linear_backward is not written yet",
        "12 of 12 exercises are finished",
        "trained, exercises",
    ]
    places = [out.index(text) for text in told]
    assert places == sorted(places)
