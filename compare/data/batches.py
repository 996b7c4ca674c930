"""From stored images to what a training step sees: order, scale, noise, each draw by its address.

A batch is made once, in float32, and then cast, so that every dtype and every side sees the same
numbers. Every draw is a pure function of (purpose, seed, epoch, step). A counter-based generator
makes this possible: Philox turns a key and a counter into random bits, so step 317 can be replayed
without the first 316, and a resumed run sees the batches that an unbroken one would have seen.
Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
"""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from itertools import chain, count, islice

import numpy as np
from numpy.typing import NDArray

from compare.data.config import Config

Array = np.ndarray
Images = NDArray[np.uint8]  # (n, height, width)


class Purpose(IntEnum):
    """What a stream is for. The number is part of the address: never renumber, only append."""

    WEIGHTS = 0
    ORDER = 1
    NOISE = 2
    TEST_NOISE = 3
    DIGITS = 4
    SAMPLES = 5
    PERTURBED = 6
    CHECK = 7
    UNIFORM = 8
    LATENT = 9
    TEST_LATENT = 10


def stream(purpose: Purpose, seed: int, epoch: int = 0, step: int = 0) -> np.random.Generator:
    """Return the generator at one address; two addresses never share a number.

    The key holds (seed, purpose) and the upper half of the 256-bit counter (step, epoch), which
    leaves each address 2**128 blocks of its own in the lower half.
    """
    key = np.array([seed, purpose], dtype=np.uint64)
    counter = np.array([0, 0, step, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


class Batch(dict[str, Array]):
    """What one step is given, arrays by name, one row an image.

    "input" are noisy and "target" clean images, (batch, pixels), in [0, 1] where the noise is
    clipped. A network that takes more, as a variational one takes its latents' noise, finds it
    under a name of its own.
    """

    def __init__(self, noisy: Array, clean: Array, **more: Array) -> None:
        super().__init__(target=clean, input=noisy, **more)

    @property
    def noisy(self) -> Array:
        """The input."""
        return self["input"]

    @property
    def clean(self) -> Array:
        """The target."""
        return self["target"]

    def but(self, **others: Array) -> "Batch":
        """Return the batch with others in the place of some arrays, by name."""
        arrays = {**self, **others}
        return Batch(arrays.pop("input"), arrays.pop("target"), **arrays)

    def each(self, change: Callable[[Array], Array]) -> "Batch":
        """Return the batch with every array changed."""
        return self.but(**{name: change(array) for name, array in self.items()})


def to_float(images: Images) -> NDArray[np.float32]:
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


def latent_noise(config: Config, rows: int, rng: np.random.Generator) -> dict[str, Array]:
    """Return what a batch of a vae has besides: for each image a draw from N(0, I), in float32."""
    if config.model != "vae":
        return {}
    return {"noise": rng.standard_normal((rows, config.latent_dim), dtype=np.float32)}


def steps_per_epoch(config: Config, n_images: int) -> int:
    """Count the batches of one epoch, the short last one included."""
    return -(-n_images // config.batch_size)


def epoch_batches(config: Config, images: Images, epoch: int, start: int = 0) -> Iterator[Batch]:
    """Yield the batches of one epoch from step `start` on.

    Each is a function of (seed, epoch, step) alone.
    """
    order = stream(Purpose.ORDER, config.seed, epoch).permutation(len(images))
    for step in range(start, steps_per_epoch(config, len(images))):
        rows = order[step * config.batch_size : (step + 1) * config.batch_size]
        clean, rng = to_float(images[rows]), stream(Purpose.NOISE, config.seed, epoch, step)
        noisy = add_noise(clean, config.noise, rng, clip=config.clip)
        more = latent_noise(config, len(rows), stream(Purpose.LATENT, config.seed, epoch, step))
        batch = Batch(noisy, clean, **more)
        yield batch.each(lambda numbers: numbers.astype(config.dtype, copy=False))


def training_batches(config: Config, images: Images, steps: int, first: int = 1) -> Iterator[Batch]:
    """Yield the batches of `steps` steps of a training, from step `first` (1 is the first) on.

    They may be of several epochs.
    """
    epoch, start = divmod(first - 1, steps_per_epoch(config, len(images)))
    later = (epoch_batches(config, images, number) for number in count(epoch + 1))
    now = epoch_batches(config, images, epoch, start)
    return islice(chain(now, chain.from_iterable(later)), steps)


def ahead(batches: Iterator[Batch]) -> Generator[Batch]:
    """Yield the same batches, each made by another thread while the one before it is in use.

    With a spare core, making noise then takes no time.
    """
    with ThreadPoolExecutor(1) as maker:
        following = maker.submit(next, batches, None)
        while batch := following.result():
            following = maker.submit(next, batches, None)
            yield batch


def uniform_batches(
    config: Config, widths: tuple[int, int], steps: int, first: int = 1
) -> Iterator[Batch]:
    """Yield batches of uniform random numbers in [0, 1).

    They are for a network whose (input, output) widths are not those of an image.
    """
    for step in range(first, first + steps):
        rng = stream(Purpose.UNIFORM, config.seed, step=step)
        drawn = (rng.random((config.batch_size, width), np.float32) for width in widths)
        batch = Batch(*drawn, **latent_noise(config, config.batch_size, rng))
        yield batch.each(lambda numbers: numbers.astype(config.dtype))


def noisy_test_images(config: Config, images: Images) -> Batch:
    """Return test images as one batch, in float32.

    Every measurement of this config uses the same noise.
    """
    clean, rng = to_float(images), stream(Purpose.TEST_NOISE, config.seed)
    more = latent_noise(config, len(images), stream(Purpose.TEST_LATENT, config.seed))
    return Batch(add_noise(clean, config.noise, rng, clip=config.clip), clean, **more)
