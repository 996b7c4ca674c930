"""The rest of our package's surface: what neither an observed step nor training uses, held against what they do."""

from collections.abc import Iterator

import numpy as np

import numpy_ae
from compare.parity.side import Array
from compare.parity.verdict import Finding, Verdict
from numpy_ae import train

ROWS, PIXELS, HIDDEN, LATENT = 6, 5, 4, 3


def check_interface() -> Iterator[Finding]:
    """Judge the call of a model, the gradient of its input, the sum over an epoch, and Adam on two threads."""
    rng = np.random.default_rng(0)
    noisy, clean = rng.random((2, ROWS, PIXELS))

    model = _model()
    cache: dict[str, Array] = {}
    y = model.forward(noisy, cache)
    yield _finding("Autoencoder.__call__", "y", np.array_equal(model(noisy), y))

    dy = 2 * (y - clean)
    unasked, asked = model.backward(dy, cache), model.backward(dy, cache, input_grad=True)
    same = all(np.array_equal(asked[name], grad) for name, grad in unasked.items())
    dx = np.asarray(model.fc1.backward(asked["fc1"], noisy)[0])
    right = asked.keys() - unasked.keys() == {"input"} and np.array_equal(asked["input"], dx)
    yield _finding("Autoencoder.backward", "dact/input", same and right)

    unwanted, *_ = model.fc1.backward(asked["fc1"], noisy, input_grad=False)
    yield _finding("Linear.backward", "dx, not asked for", unwanted is None)

    batches = [(noisy[:4], clean[:4]), (noisy[4:], clean[4:])]
    steps, epoch = _trainer(), _trainer()
    losses = [train.train_step(*steps, *batch) for batch in batches]
    yield _finding("train_epoch", "loss", train.train_epoch(*epoch, iter(batches)) == sum(losses))

    ends = [_adam(parallel=parallel) for parallel in (False, True)]
    yield _finding("Adam.step", "parallel", all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[0]))


def _model() -> numpy_ae.Autoencoder:
    return numpy_ae.Autoencoder(LATENT, HIDDEN, PIXELS, rng=np.random.default_rng(1), dtype=np.float64)


def _trainer() -> tuple[numpy_ae.Autoencoder, numpy_ae.SumSquaredError, numpy_ae.Adam]:
    model = _model()
    return model, numpy_ae.SumSquaredError(), numpy_ae.Adam(model.parameters())


def _adam(*, parallel: bool) -> dict[str, Array]:
    """Return four parameters after two steps."""
    rng = np.random.default_rng(2)
    params = {name: rng.standard_normal(64) for name in "abcd"}
    adam = numpy_ae.Adam(params, parallel=parallel)
    for _ in range(2):
        adam.step({name: rng.random(64) for name in params})
    return params


def _finding(operation: str, tensor: str, held: bool) -> Finding:
    verdict = Verdict.EXACT if held else Verdict.OFF
    return Finding("interface", "NumPy", "", operation, tensor, verdict, 0.0 if held else np.inf)
