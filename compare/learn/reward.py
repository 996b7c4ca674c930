"""The reward: somebody's own functions, put together, train on the digits and denoise them.

The reference trains on the same batches, from the same weights. Functions that are right and slow
get digits of a quarter of the size, and as many steps as there is time for.
"""

import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compare.data.batches import (
    Batch,
    Images,
    Purpose,
    epoch_batches,
    noisy_test_images,
    stream,
    to_float,
)
from compare.data.config import Config
from compare.errors import UserError, told
from compare.learn import given
from compare.learn.catalogue import EXERCISES
from compare.learn.child import forked
from compare.learn.work import Work, line_of
from compare.learn.workbook import Workbook
from compare.sides.interface import Array, under_prefix
from compare.sides.numpy_side import NumpySide, initial_state

PICTURE = "denoised.png"
FULL, SMALL = Config(epochs=3), Config(epochs=3, hidden_dim=24, batch_size=32, lr=0.01)
BLOCK = 4  # pixels of a side that become one of a small digit
SLOW = 0.02  # seconds for a small step; with products of matrices it takes one
PATIENCE = 60.0  # seconds of training, at most
DEADLINE = 300.0  # seconds of all, the picture included
EXAMPLES = 10  # digits in the picture

Functions = Mapping[str, Callable[..., Any]]


def reward(book: Workbook) -> list[str]:
    """Train, and write the picture into the folder; return what to tell.

    Raises `UserError`, in one line, where their functions come to no end.
    """
    needed = [(of, book.source(of)) for of in EXERCISES if not of.extra]

    def work() -> list[str] | str:
        try:
            with redirect_stdout(io.StringIO()):
                theirs = _linked(
                    (Work(of.file, source, [of.tasks[0].function]), of.tasks[0].function)
                    for of, source in needed
                )
                return list(_trained(theirs, book.folder / PICTURE))
        except Exception as error:  # theirs may raise anything
            return f"your functions were put together, and a training with them {told(error)}"

    ended = forked(work, DEADLINE)
    if isinstance(ended.value, list):
        return ended.value
    lines = ((of.file, source, ended.line(of.file)) for of, source in needed)
    at = (f": it was in {file}{line_of(source, line)}" for file, source, line in lines if line)
    ends = f"a training with your functions did not come to an end{next(at, '')}"
    raise UserError(ended.value or ends)


def _linked(works: Iterator[tuple[Work, str]]) -> Functions:
    """Return somebody's functions by name; what they were given of ours is now their own."""
    found = list(works)
    theirs = {name: work.space[name] for work, name in found}
    layers = {kind: theirs[f"{kind}_forward"] for kind in ("linear", "relu", "sigmoid")}
    theirs["network_forward"] = partial(given.network_forward, **layers)
    for work, _ in found:
        work.space |= {name: theirs[name] for name in work.space.keys() & theirs.keys()}
    return theirs


class Network:
    """The network that their functions make, at the start that a config gives."""

    def __init__(self, theirs: Functions, config: Config, pixels: int) -> None:
        self._theirs, self._steps = theirs, 0
        self._rates = (config.lr, config.beta1, config.beta2, config.eps)
        self._params = under_prefix("param", initial_state(config, pixels))
        zeros = {name: np.zeros_like(param) for name, param in self._params.items()}
        self._moments = {name: (zero, zero) for name, zero in zeros.items()}

    def step(self, noisy: Array, clean: Array) -> float:
        """Take a step of training; return the loss before it."""
        self._steps += 1
        loss, self._params, self._moments = self._theirs["train_step"](
            self._params, self._moments, self._steps, noisy, clean, self._rates
        )
        return float(loss)

    def reconstruct(self, x: Array) -> Array:
        """Map images (n, pixels) to images."""
        y, _ = self._theirs["network_forward"](x, self._params)
        made: Array = y
        return made


def _trained(theirs: Functions, picture: Path) -> Iterator[str]:
    """Train both, write the picture; yield what to tell."""
    from compare.data import digits
    from compare.report import images, style

    train, _, test, _ = digits.load()
    config = FULL
    if (seconds := _small_step(theirs, _coarse(train))) > SLOW:
        train, test, config = _coarse(train), _coarse(test), SMALL
        yield f"One small step takes {seconds:.2g} s, so the digits are small. Products of matrices"
        yield "take a thousandth of it, and then there are large ones.\n"
    pixels = train[0].size
    network, side = Network(theirs, config, pixels), NumpySide(config, pixels)
    yield "loss per image     yours   numpy_ae"
    for epoch, losses in enumerate(_epochs(network, side, theirs, config, train), 1):
        yield f"epoch {epoch}         {losses[0]:9.4f}  {losses[1]:9.4f}"
    batch = noisy_test_images(config, test[:EXAMPLES])
    yours, reference = network.reconstruct(batch.noisy), side.reconstruct(batch.noisy)
    clean, noisy, yours, reference = (
        array.reshape(-1, *test.shape[1:]) for array in (batch.clean, batch.noisy, yours, reference)
    )
    style.save(images.denoising(clean, noisy, {"Yours": yours, "numpy_ae": reference}), picture)
    yield f"your digits, denoised: {picture}"


def _small_step(theirs: Functions, small: Images) -> float:
    clean = to_float(small[: SMALL.batch_size])
    network = Network(theirs, SMALL, clean.shape[1])
    network.step(clean, clean)  # whatever is done once
    began = time.perf_counter()
    network.step(clean, clean)
    return time.perf_counter() - began


def _coarse(images: Images) -> Images:
    n, height, width = images.shape
    blocks = images.reshape(n, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    small: Images = blocks.mean(axis=(2, 4)).astype(np.uint8)
    return small


def _epochs(
    network: Network, side: NumpySide, theirs: Functions, config: Config, train: Images
) -> Iterator[tuple[float, float]]:
    """Train both on the same noisy images; yield both losses per image after each epoch."""
    end = time.monotonic() + PATIENCE
    for epoch in range(1, config.epochs + 1):
        losses, seen = np.zeros(2), 0
        for step, batch in enumerate(epoch_batches(config, train, epoch)):
            rng = stream(Purpose.NOISE, config.seed, epoch, step)
            noisy = theirs["add_noise"](batch.clean, config.noise, rng)
            (reference,) = side.fit([Batch(noisy, batch.clean)])
            losses += network.step(noisy, batch.clean), reference
            seen += len(noisy)
            if time.monotonic() > end:
                break
        yield losses[0] / seen, losses[1] / seen
        if time.monotonic() > end:
            return
