"""The variants that need no torch: the step by hand, lower bounds, scikit-learn's network."""

from functools import partial
from typing import Any

import numpy as np

import numpy_ae
from compare.bench.variants import LARGE, PIXELS, products
from compare.data.batches import Batch
from compare.data.config import Config
from compare.sides.interface import Array, State, under_prefix
from compare.sides.numpy_side import NumpySide


class _OnTheCpu:
    at_once = 1
    repeats = 1

    def put(self, batch: Batch) -> Batch:
        """Return the batch as it is."""
        return batch

    def wait(self) -> None:
        """Return at once: nothing runs behind one's back."""


class NumpyVariant(_OnTheCpu):
    """`numpy_ae`'s own training step."""

    def __init__(self, config: Config, *, device: str = "cpu") -> None:
        self.side = NumpySide(config)
        self.start = self.side.state()
        grads = under_prefix("param", self.start)  # any gradients will do to time Adam alone
        self.update = partial(self.side.optimizer.step, grads)

    def step(self, batch: Batch) -> None:
        """Take one training step."""
        numpy_ae.train_step(self.side.model, self.side.loss, self.side.optimizer, *batch)

    def reset(self) -> None:
        """Go back to the start."""
        self.side.load(self.start)

    def state(self) -> State:
        """Return parameters, moments and step."""
        return self.side.state()

    def reconstruct(self, x: Array) -> Array:
        """Map images to images."""
        return self.side.reconstruct(x)


class SklearnVariant(_OnTheCpu):
    """`MLPRegressor` of the same widths.

    Not quite our network: its output has no sigmoid, its latent has a ReLU, its loss is half the
    mean over the batch.
    """

    def __init__(self, config: Config, *, device: str = "cpu") -> None:
        from sklearn.neural_network import MLPRegressor

        self.model = MLPRegressor(
            hidden_layer_sizes=(config.hidden_dim, config.latent_dim, config.hidden_dim),
            alpha=0,
            batch_size=config.batch_size,
            learning_rate_init=config.lr,
            random_state=config.seed,
        )

    def step(self, batch: Batch) -> None:
        """Take one training step: `partial_fit` on one batch is one step."""
        self.model.partial_fit(*batch)


class Products(_OnTheCpu):
    """The 11 matrix products of a step and nothing else, on operands laid out as the step's."""

    def __init__(self, config: Config, *, device: str = "cpu", input_dim: int = PIXELS) -> None:
        shapes = enumerate(products(config, input_dim))
        self.operands = [operands(which, *shape) for which, shape in shapes]

    def step(self, batch: Batch) -> None:
        """Do the products."""
        for a, b in self.operands:
            a @ b


class LargeProduct(Products):
    """One large square product: what is called the machine's peak."""

    def __init__(self, config: Config, *, device: str = "cpu") -> None:
        self.operands = [operands(4, LARGE, LARGE, LARGE)]


def operands(
    which: int, rows: int, inner: int, columns: int, dtype: Any = np.float32
) -> tuple[Array, Array]:
    """Return the operands of product number `which`.

    That is x Wᵀ in the first four, dyᵀ x in the next, dy W in the last.
    """
    rng = np.random.default_rng(which)

    def draw(*shape: int) -> Array:
        return rng.random(shape, dtype=np.float32).astype(dtype)

    if which < 4:
        return draw(rows, inner), draw(columns, inner).T
    return (draw(inner, rows).T if which < 8 else draw(rows, inner)), draw(inner, columns)
