"""Stages defaults and interface: the rest of our own package's surface.

What a reader gets who says nothing, and what neither an observed step nor training uses.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import numpy_ae
from compare.check.bounds import Finding, equal, finding
from compare.sides.interface import Array, Description
from compare.sides.subject import torch_is_needed
from numpy_ae import train

WHO = Description("NumPy", (), "", "cpu", threads=1)  # of no dtype of its own
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
            same = equal(mine[name].default == other[name].default)
            yield finding("defaults", WHO, ours.__name__, name, same)
    yield from check_start()


def check_start() -> Iterator[Finding]:
    """Hold first weights and biases against the uniform distribution, Adam's state against zero.

    And what an optimizer is given against what the layers hold: it has to be the same arrays.
    """
    rows, columns = DRAWS
    for shape, name in ((DRAWS, "weight"), ((rows * columns, 1), "bias")):
        layer = numpy_ae.Linear(shape[1], shape[0], rng=np.random.default_rng(0))
        value, bound = getattr(layer, name), 1 / np.sqrt(shape[1])
        # Uniform on [0, 1], if all is well.
        ranked = np.sort((value.ravel().astype(np.float64) / bound + 1) / 2)
        distance = np.abs(ranked - np.arange(ranked.size) / ranked.size).max()
        spread = distance * np.sqrt(ranked.size) <= FARTHEST
        inside = value.dtype == np.float32 and np.abs(value).max() <= np.float32(bound)
        yield finding("defaults", WHO, "Linear", name, equal(inside and spread))

    model = numpy_ae.Autoencoder(1, 2, 3, rng=np.random.default_rng(0))
    handed_out = model.parameters()
    pairs = [("fc1.weight", model.fc1.weight), ("fc4.bias", model.fc4.bias)]
    shared = all(np.shares_memory(handed_out[name], array) for name, array in pairs)
    yield finding("defaults", WHO, "Autoencoder.parameters", "parameters", equal(shared))

    slot = numpy_ae.Adam({"weight": layer.weight}).state["weight"]
    named = slot.keys() == {"step", "exp_avg", "exp_avg_sq"}
    at_rest = named and not any(np.any(value) for value in slot.values())
    yield finding("defaults", WHO, "Adam", "state of weight", equal(at_rest))


def check_interface() -> Iterator[Finding]:
    """Judge a model's call, its input's gradient, an epoch's sum, and Adam on two threads."""
    noisy, clean = np.random.default_rng(0).random((2, ROWS, PIXELS))
    model, cache = _model(), dict[str, Array]()
    y = model.forward(noisy, cache)
    dy = 2 * (y - clean)
    unasked, asked = model.backward(dy, cache), model.backward(dy, cache, input_grad=True)
    dx, *_ = model.fc1.backward(asked["fc1"], noisy)
    unwanted, *_ = model.fc1.backward(asked["fc1"], noisy, input_grad=False)
    own = "input" not in unasked and _same(asked, unasked | {"input": dx})

    batches = [(noisy[:4], clean[:4]), (noisy[4:], clean[4:])]
    steps, epoch = _trainer(), _trainer()
    total = sum(train.train_step(*steps, *batch) for batch in batches)
    summed = train.train_epoch(*epoch, iter(batches)) == total
    alone, together = (_adam(parallel=parallel) for parallel in (False, True))
    for operation, tensor, held in (
        ("Autoencoder.__call__", "y", np.array_equal(model(noisy), y)),
        ("Autoencoder.backward", "dact/input", own),
        ("Linear.backward", "dx, not asked for", unwanted is None),
        ("train_epoch", "loss", summed),
        ("Adam.step", "parallel", _same(alone, together)),
    ):
        yield finding("interface", WHO, operation, tensor, equal(held))


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


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
