"""The classifier that judges samples: it is good, it is the same each time, and it is kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from compare.data.batches import to_float
from compare.data.datasets import Dataset
from compare.files import read_arrays, write_arrays
from compare.quality import classifier as module
from compare.quality.classifier import FEATURES, Classifier, place


@pytest.fixture
def kept(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the classifier of few steps is kept, in a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "STEPS", 60)
    Classifier(digits)
    path = place(digits)
    assert path is not None and path.is_file() and path.is_relative_to(tmp_path)
    return path


def never(*_: object) -> None:
    """Train, where nobody should."""
    raise AssertionError("trained again")


def test_it_knows_digits_that_it_has_not_seen(digits: Dataset) -> None:
    seen = Classifier(digits)(to_float(digits.test_images))
    assert seen.features.shape == (len(digits.test_labels), FEATURES)
    assert np.mean(seen.probabilities.argmax(axis=1) == digits.test_labels) > 0.93
    np.testing.assert_allclose(seen.probabilities.sum(axis=1), 1, rtol=1e-5)


def test_it_is_trained_once(digits: Dataset, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Classifier, "_train", never)
    again = Classifier(digits)(to_float(digits.test_images))
    assert again.features.any()
    with pytest.raises(AssertionError, match="trained again"):
        Classifier(replace(digits, train_labels=digits.train_labels[::-1]))  # another data set


def test_the_same_one_comes_of_every_training_and_torchs_own_stream_is_left_alone(
    digits: Dataset, kept: Path
) -> None:
    first, before = read_arrays(kept)[0], torch.random.get_rng_state()
    kept.unlink()
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    Classifier(digits)
    assert torch.equal(torch.rand(3), wanted)
    torch.random.set_rng_state(before)
    for name, again in read_arrays(kept)[0].items():
        np.testing.assert_array_equal(again, first[name])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def of_another_network(path: Path) -> None:
    write_arrays(path, {"0.weight": np.zeros((1, 1, 5, 5), np.float32)})


def in_another_dtype(path: Path) -> None:
    write_arrays(path, {name: of.astype(np.float64) for name, of in read_arrays(path)[0].items()})


def not_finite(path: Path) -> None:
    write_arrays(path, {name: of * np.nan for name, of in read_arrays(path)[0].items()})


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "spoil", [empty, flipped, of_another_network, in_another_dtype, not_finite, a_folder]
)
def test_a_file_that_is_not_as_it_was_written_is_not_believed(
    digits: Dataset, kept: Path, spoil: Callable[[Path], None]
) -> None:
    images = to_float(digits.test_images)
    wanted = Classifier(digits)(images).features
    spoil(kept)
    np.testing.assert_array_equal(Classifier(digits)(images).features, wanted)


def test_where_nothing_can_be_kept_it_judges_all_the_same(
    digits: Dataset, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert Classifier(digits)(to_float(digits.test_images)).features.any()
