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
from numpy_ae import train, vae

WHO = Description("NumPy", (), "", "cpu", threads=1)  # of no dtype of its own
DRAWS = (300, 400)  # a weight's shape: 120,000 draws
# The distance between the draws' distribution and the uniform one exceeds 2.5 / √n once in 120,000
# times or less. Massart, The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality (1990):
# 2 e^(−2 · 2.5²) = 7.5e-6.
FARTHEST = 2.5
ROWS, PIXELS, HIDDEN, LATENT = 6, 5, 4, 3
DEFAULTS: dict[str, dict[str, tuple[str, ...]]] = {  # by network, the arguments that have one
    "autoencoder": {"Autoencoder": ("latent_dim", "hidden_dim", "input_dim")},
    "vae": {
        "VariationalAutoencoder": ("latent_dim", "hidden_dim", "input_dim"),
        "vae_train_step": ("beta",),
    },
}


def check_defaults(network: str) -> Iterator[Finding]:
    """Hold `numpy_ae`'s defaults against `torch_ae`'s, its first weights against their rule."""
    with torch_is_needed():
        import torch_ae

    for of, names in {**DEFAULTS[network], "Adam": ("lr", "betas", "eps")}.items():
        ours, theirs = getattr(numpy_ae, of), getattr(torch_ae, of)
        mine, other = (inspect.signature(of).parameters for of in (ours, theirs))
        for name in names:
            same = equal(mine[name].default == other[name].default)
            yield finding("defaults", WHO, ours.__name__, name, same)
    yield from check_start(network)


def check_start(network: str) -> Iterator[Finding]:
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

    model = _model(network)
    handed_out = model.parameters()
    own = {
        f"{name}.{key}": array
        for name, layer in vars(model).items()
        for key, array in vars(layer).items()
    }
    shared = handed_out.keys() == own.keys() and all(
        np.shares_memory(handed_out[name], array) for name, array in own.items()
    )
    owner = "Autoencoder" if network == "autoencoder" else "Decoder"
    yield finding("defaults", WHO, f"{owner}.parameters", "parameters", equal(shared))

    slot = numpy_ae.Adam({"weight": layer.weight}).state["weight"]
    named = slot.keys() == {"step", "exp_avg", "exp_avg_sq"}
    at_rest = named and not any(np.any(value) for value in slot.values())
    yield finding("defaults", WHO, "Adam", "state of weight", equal(at_rest))


def check_interface(network: str) -> Iterator[Finding]:
    """Judge a model's call, what only one of the networks offers, and Adam on two threads."""
    yield from (_of_vae if network == "vae" else _of_autoencoder)()
    alone, together = (_adam(parallel=parallel) for parallel in (False, True))
    yield finding("interface", WHO, "Adam.step", "parallel", equal(_same(alone, together)))


def _of_autoencoder() -> Iterator[Finding]:
    """Judge the input's gradient, and an epoch's sum."""
    noisy, clean = np.random.default_rng(0).random((2, ROWS, PIXELS))
    model, cache = _model("autoencoder"), dict[str, Array]()
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
    for operation, tensor, held in (
        ("Autoencoder.__call__", "y", np.array_equal(model(noisy), y)),
        ("Autoencoder.backward", "dact/input", own),
        ("Linear.backward", "dx, not asked for", unwanted is None),
        ("train_epoch", "loss", summed),
    ):
        yield finding("interface", WHO, operation, tensor, equal(held))


def _of_vae() -> Iterator[Finding]:
    """Judge the call, what encode and backward do, and a step without a weight: one with 1."""
    rng = np.random.default_rng(0)
    (noisy, clean), noise = rng.random((2, ROWS, PIXELS)), rng.standard_normal((ROWS, LATENT))
    model, other = _model("vae"), _model("vae")
    called = np.array_equal(model(noisy, noise), model.forward(noisy, noise))
    yield finding("interface", WHO, "VariationalAutoencoder.__call__", "y", equal(called))
    cache: dict[str, Array] = {}
    dy = model.forward(noisy, noise, cache) - clean
    latent = cache["fc_mean"], cache["fc_logvar"]
    encoded = all(map(np.array_equal, model.encode(noisy), latent))
    yield finding("interface", WHO, "VariationalAutoencoder.encode", "mean, logvar", equal(encoded))
    given = {"dy": dy, "dmean": latent[0].copy(), "dlogvar": latent[1].copy()}
    kept = {name: value.copy() for name, value in (given | cache).items()}
    model.backward(**given, cache=cache)
    changed = [name for name, of in (given | cache).items() if not np.array_equal(kept[name], of)]
    detail, alone = f"it changes {', '.join(changed)}", equal(not changed)
    yield finding("interface", WHO, "VariationalAutoencoder.backward", "operands", alone, detail)
    for of, weight in ((model, ()), (other, (1.0,))):
        parts = numpy_ae.SumSquaredError(), numpy_ae.GaussianKL(), numpy_ae.Adam(of.parameters())
        vae.vae_train_step(of, *parts, noisy, clean, noise, *weight)
    same = _same(model.parameters(), other.parameters())
    yield finding("interface", WHO, "vae_train_step", "beta", equal(same))


def _model(network: str) -> Any:
    kind = numpy_ae.VariationalAutoencoder if network == "vae" else numpy_ae.Autoencoder
    rng = np.random.default_rng(1)
    return kind(LATENT, HIDDEN, PIXELS, rng=rng, dtype=np.float64)


def _trainer() -> tuple[numpy_ae.Autoencoder, numpy_ae.SumSquaredError, numpy_ae.Adam]:
    model = _model("autoencoder")
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
