"""The variants that need no torch: the step by hand, lower bounds, scikit-learn's network."""

from functools import partial

import numpy as np

import numpy_ae
from compare.bench.variants import LARGE, Product, Variant, products
from compare.data.batches import Batch
from compare.data.config import Config
from compare.sides.interface import Array, under_prefix
from compare.sides.numpy_side import NumpySide
from compare.sides.numpy_vae import NumpyVae


class NumpyVariant(Variant):
    """`numpy_ae`'s own training step."""

    def __init__(self, config: Config, *, device: str) -> None:
        self.config = config
        self.side: NumpySide = NumpyVae(config) if config.model == "vae" else NumpySide(config)
        self.start = self.side.state()
        grads = under_prefix("param", self.start)  # any gradients will do to time Adam alone
        self.update = partial(self.side.optimizer.step, grads)

    def step(self, batch: Batch) -> None:
        """Take one training step."""
        side = self.side
        if isinstance(side, NumpyVae):
            list(side.fit([batch]))
        else:
            numpy_ae.train_step(side.model, side.loss, side.optimizer, batch.noisy, batch.clean)

    def reset(self) -> None:
        """Go back to the start."""
        self.side.load(self.start)


class SklearnVariant(Variant):
    """`MLPRegressor` of the same widths.

    Not quite our network: its output has no sigmoid, its latent has a ReLU, its loss is half the
    mean over the batch.
    """

    def __init__(self, config: Config, *, device: str) -> None:
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
        self.model.partial_fit(batch.noisy, batch.clean)


class Products(Variant):
    """The 11 matrix products of a step and nothing else, or one large one: the machine's peak."""

    def __init__(self, config: Config, *, device: str, large: bool = False) -> None:
        self.operands = operands(config, large=large)

    def step(self, batch: Batch) -> None:
        """Do the products."""
        for a, b in self.operands:
            a @ b


def operands(config: Config, *, large: bool) -> list[tuple[Array, Array]]:
    """Return two random float32 matrices for each product of a step, or for a `large` one.

    They lie in memory as the step's do.
    """
    rng = np.random.default_rng(0)

    def drawn(rows: int, columns: int, transposed: bool) -> Array:
        matrix = rng.random((rows, columns), dtype=np.float32)
        return np.asfortranarray(matrix) if transposed else matrix

    wanted = [Product(LARGE, LARGE, LARGE, left=True)] if large else products(config)
    return [
        (drawn(rows, inner, left), drawn(inner, columns, right))
        for rows, inner, columns, left, right in wanted
    ]
