"""Stages defaults and interface: the rest of our own package's surface.

What a reader gets who says nothing, and what neither an observed step nor training uses.
"""

import inspect
from collections.abc import Iterator

import numpy as np

import numpy_ae
from compare.check.bounds import Finding, equal
from compare.sides.interface import Array
from compare.sides.subject import torch_is_needed
from numpy_ae import train

DRAWS = (300, 400)  # a weight's shape: 120,000 draws
# The distance between the draws' distribution and the uniform one exceeds 2.5 / √n once in 120,000
# times or less. Massart, The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality (1990):
# 2 e^(−2 · 2.5²) = 7.5e-6.
FARTHEST = 2.5
ROWS, PIXELS, HIDDEN, LATENT = 6, 5, 4, 3


def check_defaults() -> Iterator[Finding]:
    """Hold `numpy_ae`'s defaults against `torch_ae`'s, its first weights against their rule."""
    with torch_is_needed():
        import torch_ae

    for ours, theirs, names in (
        (numpy_ae.Autoencoder, torch_ae.Autoencoder, ("latent_dim", "hidden_dim", "input_dim")),
        (numpy_ae.Adam, torch_ae.Adam, ("lr", "betas", "eps")),
    ):
        mine, other = (inspect.signature(of).parameters for of in (ours, theirs))
        for name in names:
            same = mine[name].default == other[name].default
            yield _finding("defaults", ours.__name__, name, same)
    yield from check_start()


def check_start() -> Iterator[Finding]:
    """Hold first weights and biases against the uniform distribution, Adam's state against zero.

    And what an optimizer is given against what the layers hold: it has to be the same arrays.
    """
    out_features, in_features = DRAWS
    for shape, name in ((DRAWS, "weight"), ((in_features * out_features, 1), "bias")):
        layer = numpy_ae.Linear(shape[1], shape[0], rng=np.random.default_rng(0))
        value = getattr(layer, name)
        bound = 1 / np.sqrt(shape[1])
        # uniform on [0, 1], if all is well
        ranked = np.sort((value.ravel().astype(np.float64) / bound + 1) / 2)
        gaps = np.abs(ranked - np.arange(ranked.size) / ranked.size)
        spread = gaps.max() * np.sqrt(ranked.size) <= FARTHEST
        inside = np.abs(value).max() <= np.float32(bound)
        yield _finding("defaults", "Linear", name, value.dtype == np.float32 and inside and spread)

    model = numpy_ae.Autoencoder(1, 2, 3, rng=np.random.default_rng(0))
    live = {"fc1.weight": model.fc1.weight, "fc4.bias": model.fc4.bias}
    handed_out = model.parameters()
    shared = all(np.shares_memory(handed_out[name], array) for name, array in live.items())
    yield _finding("defaults", "Autoencoder.parameters", "parameters", shared)

    slot = numpy_ae.Adam({"weight": layer.weight}).state["weight"]
    at_rest = not any(np.any(value) for value in slot.values())
    named = slot.keys() == {"step", "exp_avg", "exp_avg_sq"}
    yield _finding("defaults", "Adam", "state of weight", named and at_rest)


def check_interface() -> Iterator[Finding]:
    """Judge a model's call, its input's gradient, an epoch's sum, and Adam on two threads."""
    rng = np.random.default_rng(0)
    noisy, clean = rng.random((2, ROWS, PIXELS))

    model = _model()
    cache: dict[str, Array] = {}
    y = model.forward(noisy, cache)
    yield _finding("interface", "Autoencoder.__call__", "y", np.array_equal(model(noisy), y))

    dy = 2 * (y - clean)
    unasked, asked = model.backward(dy, cache), model.backward(dy, cache, input_grad=True)
    same = all(np.array_equal(asked[name], grad) for name, grad in unasked.items())
    dx = np.asarray(model.fc1.backward(asked["fc1"], noisy)[0])
    right = asked.keys() - unasked.keys() == {"input"} and np.array_equal(asked["input"], dx)
    yield _finding("interface", "Autoencoder.backward", "dact/input", same and right)

    unwanted, *_ = model.fc1.backward(asked["fc1"], noisy, input_grad=False)
    yield _finding("interface", "Linear.backward", "dx, not asked for", unwanted is None)

    batches = [(noisy[:4], clean[:4]), (noisy[4:], clean[4:])]
    steps, epoch = _trainer(), _trainer()
    total = sum(train.train_step(*steps, *batch) for batch in batches)
    same = train.train_epoch(*epoch, iter(batches)) == total
    yield _finding("interface", "train_epoch", "loss", same)

    alone, together = (_adam(parallel=parallel) for parallel in (False, True))
    same = all(np.array_equal(alone[name], together[name]) for name in alone)
    yield _finding("interface", "Adam.step", "parallel", same)


def _model() -> numpy_ae.Autoencoder:
    rng = np.random.default_rng(1)
    return numpy_ae.Autoencoder(LATENT, HIDDEN, PIXELS, rng=rng, dtype=np.float64)


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


def _finding(stage: str, operation: str, tensor: str, held: object) -> Finding:
    verdict, ratio, *_ = equal(held)
    return Finding(stage, "NumPy", "", operation, tensor, verdict, ratio)
