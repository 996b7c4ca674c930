"""A batch is a function of config and address, with the same numbers in every dtype."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.data import batches
from compare.data.batches import (
    Batch,
    add_noise,
    ahead,
    epoch_batches,
    noisy_test_images,
    steps_per_epoch,
    to_float,
    training_batches,
    uniform_batches,
)
from compare.data.config import Config

IMAGES = np.random.default_rng(0).integers(0, 256, (53, 4, 6), dtype=np.uint8)
IMAGES.setflags(write=False)

counts = st.integers(1, len(IMAGES))
sizes = st.integers(1, 60)  # of a batch


def assert_same(a: Batch, b: Batch) -> None:
    """Require the same numbers in the same dtype."""
    np.testing.assert_array_equal(a.noisy, b.noisy, strict=True)
    np.testing.assert_array_equal(a.clean, b.clean, strict=True)


@given(counts, sizes, st.integers(0, 3), st.data())
def test_a_step_alone_is_the_step_in_sequence(
    n: int, size: int, epoch: int, data: st.DataObject
) -> None:
    config, images = Config(batch_size=size), IMAGES[:n]
    sequence = list(epoch_batches(config, images, epoch))
    step = data.draw(st.integers(0, len(sequence) - 1))
    assert_same(next(epoch_batches(config, images, epoch, start=step)), sequence[step])


@given(counts, sizes, st.integers(0, 3))
def test_an_epoch_sees_every_image_once_and_the_last_batch_is_what_is_left(
    n: int, size: int, epoch: int
) -> None:
    config, images = Config(batch_size=size), IMAGES[:n]
    clean = [batch.clean for batch in epoch_batches(config, images, epoch)]
    assert len(clean) == steps_per_epoch(config, len(images))
    assert [len(rows) for rows in clean[:-1]] == [size] * (len(clean) - 1)
    assert 1 <= len(clean[-1]) <= size
    seen = np.concatenate(clean)
    np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(to_float(images), axis=0))


@pytest.mark.parametrize("change", [{"seed": 43}, {"epoch": 1}])
def test_another_seed_or_epoch_is_another_order_and_another_noise(change: dict[str, int]) -> None:
    a = next(epoch_batches(Config(), IMAGES, 0))
    b = next(epoch_batches(Config(seed=change.get("seed", 42)), IMAGES, change.get("epoch", 0)))
    assert not np.array_equal(a.clean, b.clean)
    assert not np.isclose(a.noisy - a.clean, b.noisy - b.clean).all(axis=1).any()


def test_no_two_steps_share_their_noise() -> None:
    config = Config(batch_size=10, clip=False)
    noise = [batch.noisy - batch.clean for batch in islice(epoch_batches(config, IMAGES, 0), 5)]
    correlations = np.corrcoef([rows.ravel() for rows in noise])
    assert np.abs(correlations - np.eye(5)).max() < 0.4  # 240 numbers: six deviations


def test_every_dtype_sees_the_same_numbers() -> None:
    single, double = (
        epoch_batches(Config(dtype=dtype), IMAGES, 2) for dtype in ("float32", "float64")
    )
    for a, b in zip(single, double, strict=True):
        assert (a.noisy.dtype.name, b.noisy.dtype.name) == ("float32", "float64")
        assert_same(Batch(a.noisy.astype(np.float64), a.clean.astype(np.float64)), b)


@pytest.mark.parametrize("clip", [True, False])
def test_noise_is_normal_with_the_factor_as_its_deviation_and_clipped_where_asked(
    clip: bool,
) -> None:
    clean = np.full((200, 500), 0.5, np.float32)
    noisy = add_noise(clean, 0.1, np.random.default_rng(0), clip=clip)
    assert noisy.dtype == np.float32
    assert abs(noisy.std() - 0.1) < 1e-3
    assert abs(noisy.mean() - 0.5) < 1e-3
    strong = add_noise(clean, 1.0, np.random.default_rng(0), clip=clip)
    assert ((strong.min(), strong.max()) == (0, 1)) is clip
    assert (clean == 0.5).all()


def test_no_noise_is_no_noise() -> None:
    for batch in epoch_batches(Config(noise=0), IMAGES, 0):
        np.testing.assert_array_equal(batch.noisy, batch.clean, strict=True)


def test_bytes_become_pixels_between_0_and_1_and_back() -> None:
    pixels = to_float(IMAGES)
    assert pixels.shape == (53, 24)
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(np.rint(pixels * 255).astype(np.uint8), IMAGES.reshape(53, -1))
    assert to_float(np.array([[[0, 255]]], np.uint8)).tolist() == [[0, 1]]


def test_images_become_floats_a_batch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def spy(images: np.ndarray) -> np.ndarray:
        seen.append(len(images))
        return to_float(images)

    monkeypatch.setattr(batches, "to_float", spy)
    for count, _ in enumerate(epoch_batches(Config(batch_size=20), IMAGES, 0), start=1):
        assert len(seen) == count
    assert seen == [20, 20, 13]


def test_the_test_noise_depends_on_the_seed_and_never_on_the_dtype() -> None:
    config = Config()
    batch = noisy_test_images(config, IMAGES)
    assert_same(
        batch, noisy_test_images(replace(config, dtype="float64", epochs=3, batch_size=7), IMAGES)
    )
    assert not np.array_equal(batch.noisy, noisy_test_images(replace(config, seed=1), IMAGES).noisy)
    assert batch.noisy.dtype == np.float32


def test_random_batches_are_a_function_of_seed_and_step_in_every_dtype(config: Config) -> None:
    first, second, third = uniform_batches(config, (20, 3), 3)
    (again,) = uniform_batches(replace(config, dtype="float64"), (20, 3), 1, first=3)
    (other,) = uniform_batches(replace(config, seed=1), (20, 3), 1)
    assert (first.noisy.shape, first.clean.shape) == (
        (config.batch_size, 20),
        (config.batch_size, 3),
    )
    np.testing.assert_array_equal(third.noisy, again.noisy)
    assert again.noisy.dtype == np.float64
    assert not any(np.array_equal(first.noisy, batch.noisy) for batch in (second, third, other))
    assert first.clean.min() >= 0 and first.clean.max() < 1


@given(counts, sizes, st.integers(1, 9), st.integers(0, 9))
def test_a_training_goes_on_from_any_step_over_the_ends_of_epochs(
    n: int, size: int, first: int, steps: int
) -> None:
    config, images = Config(batch_size=size), IMAGES[:n]
    whole = (
        batch for epoch in range(first + steps) for batch in epoch_batches(config, images, epoch)
    )
    expected = islice(whole, first - 1, first - 1 + steps)
    for got, batch in zip(training_batches(config, images, steps, first), expected, strict=True):
        assert_same(got, batch)


def test_batches_made_ahead_are_the_same_and_one_is_made_while_the_one_before_it_is_in_use() -> (
    None
):
    made: list[int] = []
    second_is_made = Event()

    def making() -> Iterator[Batch]:
        for number, batch in enumerate(epoch_batches(Config(batch_size=9), IMAGES, 0)):
            made.append(number)
            if number == 1:
                second_is_made.set()
            yield batch

    expected = list(epoch_batches(Config(batch_size=9), IMAGES, 0))
    for number, (batch, true) in enumerate(zip(ahead(making()), expected, strict=True)):
        assert second_is_made.wait(10)  # while the first is in use here
        assert len(made) <= number + 2  # and no more than one
        assert_same(batch, true)


def test_what_is_raised_while_a_batch_is_made_is_raised_where_it_is_used() -> None:
    def making() -> Iterator[Batch]:
        yield Batch(np.zeros(1), np.zeros(1))
        raise MemoryError("the second")

    batches_ahead = ahead(making())
    next(batches_ahead)
    with pytest.raises(MemoryError, match="the second"):
        next(batches_ahead)


def test_whoever_leaves_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    batches_ahead = ahead(epoch_batches(Config(batch_size=9), IMAGES, 0))
    next(batches_ahead)
    assert threading.active_count() == before + 1
    batches_ahead.close()
    assert threading.active_count() == before
