"""From stored images to what a training step sees: order, scale, noise.

A batch is made once, in float32, and then cast, so that every dtype and every side sees the same
numbers.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.data.config import Config
from compare.data.streams import Purpose, stream


class Batch(NamedTuple):
    """One step's input and target, both (batch, pixels), in [0, 1] where the noise is clipped."""

    noisy: NDArray[np.floating]
    clean: NDArray[np.floating]


def to_float(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Flatten (n, height, width) bytes to (n, pixels) float32 in [0, 1]."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def add_noise(
    clean: NDArray[np.float32], factor: float, rng: np.random.Generator, *, clip: bool = True
) -> NDArray[np.float32]:
    """Return clean + factor · N(0, 1), in float32, clipped to [0, 1] unless told otherwise."""
    noisy = rng.standard_normal(clean.shape, dtype=np.float32)
    noisy *= np.float32(factor)
    noisy += clean
    if clip:
        np.clip(noisy, 0, 1, out=noisy)
    return noisy


def steps_per_epoch(config: Config, n_images: int) -> int:
    """Count the batches of one epoch, the short last one included."""
    return -(-n_images // config.batch_size)


def epoch_batches(
    config: Config, images: NDArray[np.uint8], epoch: int, start: int = 0
) -> Iterator[Batch]:
    """Yield the batches of one epoch from step `start` on. Each is a function of (seed, epoch, step) alone."""
    order = stream(Purpose.ORDER, config.seed, epoch).permutation(len(images))
    for step in range(start, steps_per_epoch(config, len(images))):
        rows = order[step * config.batch_size : (step + 1) * config.batch_size]
        clean = to_float(images[rows])
        noisy = add_noise(
            clean, config.noise, stream(Purpose.NOISE, config.seed, epoch, step), clip=config.clip
        )
        yield Batch(noisy.astype(config.dtype, copy=False), clean.astype(config.dtype, copy=False))


def training_batches(
    config: Config, images: NDArray[np.uint8], steps: int, first: int = 1
) -> Iterator[Batch]:
    """Yield the batches of so many steps of a training, from its step `first` on, over as many epochs as it takes."""
    epoch, start = divmod(first - 1, steps_per_epoch(config, len(images)))
    epochs = (
        epoch_batches(config, images, later, start if later == epoch else 0)
        for later in count(epoch)
    )
    return islice(chain.from_iterable(epochs), steps)


def ahead(batches: Iterator[Batch]) -> Generator[Batch]:
    """Yield the same batches, each made by another thread while the one before it is in use.

    Where a core is to spare, noise then takes no time.
    """
    with ThreadPoolExecutor(1) as maker:
        following = maker.submit(next, batches, None)
        while batch := following.result():
            following = maker.submit(next, batches, None)
            yield batch


def uniform_batches(
    config: Config, widths: tuple[int, int], steps: int, first: int = 1
) -> Iterator[Batch]:
    """Yield batches of uniform random numbers in [0, 1), for a network whose (input, output) widths no image has."""
    for step in range(first, first + steps):
        rng = stream(Purpose.UNIFORM, config.seed, step=step)
        yield Batch(
            *(
                rng.random((config.batch_size, width), np.float32).astype(config.dtype)
                for width in widths
            )
        )


def noisy_test_images(config: Config, images: NDArray[np.uint8]) -> Batch:
    """Return all test images as one batch, in float32, with the noise that every judgement of this config uses."""
    clean = to_float(images)
    noisy = add_noise(
        clean, config.noise, stream(Purpose.TEST_NOISE, config.seed), clip=config.clip
    )
    return Batch(noisy, clean)
