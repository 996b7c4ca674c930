"""The reward: somebody's functions train as the reference does, and what they denoise is drawn."""

import math
import shutil
from pathlib import Path

import pytest

from compare.data import digits
from compare.data.config import Config
from compare.errors import UserError
from compare.learn import reward as rewards
from compare.learn.catalogue import EXERCISES
from compare.learn.reward import PICTURE, reward
from compare.learn.workbook import Workbook
from tests.learn.ways import ways
from tests.running import digits_once

PNG = b"\x89PNG"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbook:
    """Return a folder in which all is done, with few digits and a small network to train."""
    for exercise in EXERCISES:
        shutil.copy(ways(exercise.name)[-1], tmp_path / exercise.file)
    few = tuple(part[:300] for part in digits_once())
    monkeypatch.setattr(digits, "load", lambda: few)
    monkeypatch.setattr(rewards, "FULL", Config(epochs=2, hidden_dim=8))
    monkeypatch.setattr(rewards, "SLOW", math.inf)
    return Workbook(tmp_path)


def losses(lines: list[str]) -> list[list[float]]:
    """Return the losses of both, by epoch."""
    rows = (line.split() for line in lines if line.startswith("epoch"))
    return [[float(number) for number in row[2:]] for row in rows]


def test_both_lose_the_same_and_the_picture_is_there(book: Workbook) -> None:
    lines = reward(book)
    found = losses(lines)
    assert len(found) == 2
    assert all(math.isclose(yours, reference, rel_tol=1e-4) for yours, reference in found)
    assert found[1][0] < found[0][0]
    assert lines[-1] == f"your digits, denoised: {book.folder / PICTURE}"
    assert (book.folder / PICTURE).read_bytes().startswith(PNG)


def test_functions_that_are_slow_get_small_digits(
    book: Workbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewards, "SLOW", 0.0)
    monkeypatch.setattr(rewards, "SMALL", Config(epochs=9, hidden_dim=8, batch_size=32))
    monkeypatch.setattr(rewards, "PATIENCE", 0.0)
    lines = reward(book)
    assert lines[0].startswith("One small step takes ")
    assert len(losses(lines)) == 1
    assert (book.folder / PICTURE).read_bytes().startswith(PNG)


def test_it_is_theirs_that_trains(book: Workbook) -> None:
    """The hidden weights of a network without gradients in its first layer never move."""
    path = book.path(EXERCISES[7])
    right = path.read_text()
    path.write_text(right.replace("return dx, dweight", "return dx, 0 * dweight"))
    assert right != path.read_text()
    (yours, reference) = losses(reward(book))[1]
    assert not math.isclose(yours, reference, rel_tol=1e-3)


def test_what_is_raised_in_training_is_told(book: Workbook) -> None:
    path = book.path(EXERCISES[1])
    path.write_text("def relu_forward(x):\n    print(x)\n    return x[1, 10**6]\n")
    with pytest.raises(UserError, match=r"^your functions were put together, and a training with"):
        reward(book)
    path.write_text("import os\ndef relu_forward(x):\n    os._exit(3)\n")
    with pytest.raises(UserError, match=r"^a training with your functions did not come to an end"):
        reward(book)
    assert not (book.folder / PICTURE).exists()
