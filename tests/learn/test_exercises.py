"""Right work passes, however it is written; each typical mistake gets its sentence."""

from pathlib import Path

import numpy as np
import pytest

from compare.learn.catalogue import EXERCISES, TEMPLATES, find
from compare.learn.grading import PASSED, WRONG, grade
from compare.learn.work import UNWRITTEN
from compare.learn.workbook import hints
from tests.learn.typical import TYPICAL, Typical
from tests.learn.ways import SOLUTIONS, WAYS, ways

FEW, MANY = 3, 200  # seeds


def name(path: Path) -> str:
    """Name a way for a person: "08_linear_backward/loops"."""
    return path.relative_to(SOLUTIONS).with_suffix("").as_posix()


def right(path: Path, seeds: range) -> None:
    """Assert that a way is right on the operands of every seed."""
    for seed in seeds:
        graded = grade(find(path.parent.name), path.read_bytes(), seed)
        assert graded.state == PASSED, (seed, graded)


@pytest.mark.parametrize("path", WAYS, ids=name)
def test_a_right_way_is_not_refused(path: Path) -> None:
    right(path, range(FEW))


@pytest.mark.slow
@pytest.mark.parametrize("path", WAYS, ids=name)
def test_a_right_way_is_not_refused_on_many_operands(path: Path) -> None:
    right(path, range(FEW, MANY))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda of: of.name)
def test_an_exercise_has_three_right_ways_three_hints_and_is_not_written_yet(
    exercise: object,
) -> None:
    of = find(exercise.name)  # type: ignore[attr-defined]
    assert len(ways(of.name)) >= 3
    assert len(hints(of)) == 3
    graded = grade(of, of.template)
    function = of.tasks[0].function
    assert (graded.state, graded.sentence) == (UNWRITTEN, f"{function} is not written yet")


def test_every_template_is_of_an_exercise_and_gives_no_solution_away() -> None:
    assert [of.file for of in EXERCISES] == sorted(path.name for path in TEMPLATES.iterdir())
    for exercise in EXERCISES:
        bodies = exercise.template.count(b"raise NotImplementedError")
        assert bodies == len(exercise.tasks)


@pytest.mark.parametrize("mistake", TYPICAL, ids=lambda of: f"{of.exercise}, {of.what}")
def test_a_typical_mistake_gets_its_sentence(mistake: Typical) -> None:
    graded = grade(find(mistake.exercise), mistake.source)
    assert graded.state == WRONG
    assert mistake.says in graded.sentence
    assert "\n" not in graded.sentence


@pytest.mark.parametrize("mistake", TYPICAL, ids=lambda of: f"{of.exercise}, {of.what}")
def test_what_is_said_of_a_mistake_is_said_on_other_operands_too(mistake: Typical) -> None:
    exercise = find(mistake.exercise)
    kinds = (grade(exercise, mistake.source, seed).kind for seed in range(FEW))
    said = {kind.replace("warning", "raised") for kind in kinds}  # by the numbers, it is either
    if exercise.name != "11_add_noise":  # its sentences have numbers in them
        assert len(said) == 1


def test_what_helps_to_see_is_small() -> None:
    mistake = next(of for of in TYPICAL if of.what == "grand total")
    lines = grade(find(mistake.exercise), mistake.source).lines
    assert lines[0] == "dy = [[ 2.  1.  0. -2.]"
    assert lines[-2:] == ("dbias came out as -9.", "and should be [ 1. -2. -3. -5.]")


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda of: of.name)
def test_zeros_and_ones_are_wrong(exercise: object) -> None:
    """Two graders in public copies accept a gradient of zeros."""
    of = find(exercise.name)  # type: ignore[attr-defined]
    first = next(of.tasks[0].cases(np.random.default_rng(0)))
    arguments = ", ".join("abcdefghi"[: len(of.tasks[0].arguments(first.operands))])
    for make in ("zeros_like", "ones_like"):
        like = {
            "09_network_backward": f"{{k: np.{make}(v) for k, v in c.items()}}",
            "12_train_step": "(np.float32(0), a, b)",
            "08_linear_backward": f"(np.{make}(b), np.{make}(c), np.{make}(a[0]))",
            "10_adam_step": f"(np.{make}(a), np.{make}(a), np.{make}(a))",
            "01_linear_forward": f"np.{make}(a @ b.T)",
            "04_loss_forward": f"np.{make}(a[0, 0])",
        }.get(of.name, f"np.{make}(a)")
        body = f"def {of.tasks[0].function}({arguments}):\n    return {like}\n"
        others = "".join(f"def {task.function}(a, b): return a\n" for task in of.tasks[1:])
        graded = grade(of, f"import numpy as np\n{body}{others}".encode())
        assert graded.state == WRONG
        assert graded.kind not in ("raised", "warning", "type")
