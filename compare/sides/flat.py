"""A side's gradients in one flat row of memory, so that many can be added up or sent at once.

A step of training computes gradients and hands them to its optimizer. Here something else stands in
the optimizer's place: it keeps them, and moves nothing. So the training step stays the one that is
read and checked, and whoever adds up gradients decides when the optimizer takes its step.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, Protocol

import numpy as np

from compare.data.batches import Batch
from compare.sides.interface import parts


class Flat(Protocol):
    """A side as who adds up its gradients sees it.

    A row is as long as all parameters, and then the loss with its terms. Rows are NumPy arrays, or
    tensors on the side's own device.
    """

    losses: int  # how many numbers a step yields: the loss, and its terms where it has any

    def rows(self, count: int) -> Any:
        """Return so many rows of zeros, (count, length)."""

    def gradient(self, batch: Batch, row: Any) -> None:
        """Write the gradient of a batch's loss into a row, and after it the loss."""

    def step(self, row: Any) -> None:
        """Take a step of the optimizer on a row's gradient."""


class FlatNumpy:
    """`NumpySide`, flat."""

    def __init__(self, side: Any) -> None:
        self.side, self.params, self.losses = side, side.optimizer.params, _losses(side)

    def rows(self, count: int) -> Any:
        """Return rows of zeros."""
        return np.zeros((count, _length(self.params) + self.losses), self.side.dtype)

    def gradient(self, batch: Batch, row: Any) -> None:
        """Write gradient and loss into a row."""

        def keep(grads: dict[str, Any]) -> None:
            for name, part in _parts(self.params, row):
                part[...] = grads[name]

        with _in_place_of_the_optimizer(self.side, keep):
            _write_losses(self.side, batch, row[-self.losses :])

    def step(self, row: Any) -> None:
        """Take a step on a row."""
        self.side.optimizer.step(dict(_parts(self.params, row)))


class FlatTorch:
    """`TorchSide`, flat."""

    def __init__(self, side: Any) -> None:
        self.side, self.losses = side, _losses(side)
        self.params = dict(side.model.named_parameters())

    def rows(self, count: int) -> Any:
        """Return rows of zeros."""
        one = next(iter(self.params.values()))
        return one.new_zeros((count, _length(self.params) + self.losses))

    def gradient(self, batch: Batch, row: Any) -> None:
        """Write gradient and loss into a row."""

        def keep() -> None:
            for name, part in _parts(self.params, row):
                part.copy_(self.params[name].grad)

        with _in_place_of_the_optimizer(self.side, keep):
            _write_losses(self.side, batch, row[-self.losses :])

    def step(self, row: Any) -> None:
        """Take a step on a row."""
        for name, part in _parts(self.params, row):
            self.params[name].grad = part
        self.side.optimizer.step()


def make_flat(side: Any) -> Flat:
    """Return one of our two sides, flat."""
    return FlatTorch(side) if hasattr(side.model, "named_parameters") else FlatNumpy(side)


def _losses(side: Any) -> int:
    return 1 + len(side.describe().terms)


def _length(params: dict[str, Any]) -> int:
    return sum(prod(param.shape) for param in params.values())


def _parts(params: dict[str, Any], row: Any) -> Iterator[tuple[str, Any]]:
    """Yield each parameter's name, and its part of a row in its shape."""
    begin = 0
    for name, param in params.items():
        end = begin + prod(param.shape)
        yield name, row[begin:end].reshape(param.shape)
        begin = end


class _Keeper:
    """What a training step takes for its optimizer."""

    def __init__(self, optimizer: Any, step: Callable[..., None]) -> None:
        self.optimizer, self.step = optimizer, step

    def __getattr__(self, name: str) -> Any:
        return getattr(self.optimizer, name)


@contextmanager
def _in_place_of_the_optimizer(side: Any, step: Callable[..., None]) -> Iterator[None]:
    optimizer = side.optimizer
    side.optimizer = _Keeper(optimizer, step)
    try:
        yield
    finally:
        side.optimizer = optimizer


def _write_losses(side: Any, batch: Batch, row: Any) -> None:
    (losses,) = side.fit([batch])
    for i, loss in enumerate(parts(losses)):
        row[i] = loss
