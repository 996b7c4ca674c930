"""What a reader gets who says nothing: the defaults of our two packages, and the weights that a network starts with."""

import inspect
from collections.abc import Iterator

import numpy as np

import numpy_ae
from compare.check.bounds import Finding, Verdict
from compare.sides.interface import Array
from compare.sides.subject import torch_is_needed
from numpy_ae import train

# ---- compare.parity.defaults: '"""What a reader gets who says nothing: the defaults of our two
# packag'
DRAWS = (300, 400)  # a weight's shape: 120,000 draws
# The distance between the draws' distribution and the uniform one exceeds 2.5 / √n once in 120,000
# times or less. Massart, The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality (1990): 2
# e^(−2 · 2.5²) = 7.5e-6.
FARTHEST = 2.5


def check_defaults() -> Iterator[Finding]:
    """Hold the signatures of `numpy_ae` against those of `torch_ae`, and its first weights against their formula."""
    with torch_is_needed():
        import torch_ae

    for ours, theirs, names in (
        (numpy_ae.Autoencoder, torch_ae.Autoencoder, ("latent_dim", "hidden_dim", "input_dim")),
        (numpy_ae.Adam, torch_ae.Adam, ("lr", "betas", "eps")),
    ):
        for name in names:
            pair = [
                inspect.signature(function).parameters[name].default for function in (ours, theirs)
            ]
            yield _finding("defaults", ours.__name__, name, pair[0] == pair[1])
    yield from check_start()


def check_start() -> Iterator[Finding]:
    """Hold first weights and biases against the uniform distribution, and Adam's first state against zero.

    And what an optimizer is given against what the layers hold: it has to be the same arrays.
    """
    out_features, in_features = DRAWS
    for shape, name in ((DRAWS, "weight"), ((in_features * out_features, 1), "bias")):
        layer = numpy_ae.Linear(shape[1], shape[0], rng=np.random.default_rng(0))
        value = getattr(layer, name)
        bound = 1 / np.sqrt(shape[1])
        ranked = np.sort(
            (value.ravel().astype(np.float64) / bound + 1) / 2
        )  # uniform on [0, 1], if all is well
        distance = np.abs(ranked - np.arange(ranked.size) / ranked.size).max() * np.sqrt(
            ranked.size
        )
        inside = np.abs(value).max() <= np.float32(bound)
        yield _finding(
            "defaults",
            "Linear",
            name,
            value.dtype == np.float32 and bool(inside and distance <= FARTHEST),
        )

    model = numpy_ae.Autoencoder(1, 2, 3, rng=np.random.default_rng(0))
    live = {"fc1.weight": model.fc1.weight, "fc4.bias": model.fc4.bias}
    handed_out = model.parameters()
    shared = all(np.shares_memory(handed_out[name], array) for name, array in live.items())
    yield _finding("defaults", "Autoencoder.parameters", "parameters", shared)

    for name, slot in numpy_ae.Adam({"weight": layer.weight}).state.items():
        at_rest = slot.keys() == {"step", "exp_avg", "exp_avg_sq"} and not any(
            np.any(value) for value in slot.values()
        )
        yield _finding("defaults", "Adam", f"state of {name}", at_rest)


def _finding(stage: str, operation: str, tensor: str, held: bool) -> Finding:
    verdict = Verdict.EXACT if held else Verdict.FAIL
    return Finding(stage, "NumPy", "", operation, tensor, verdict, 0.0 if held else np.inf)


# ---- compare.parity.interface: '"""The rest of our package\'s surface: what neither an observed
# step no'
ROWS, PIXELS, HIDDEN, LATENT = 6, 5, 4, 3


def check_interface() -> Iterator[Finding]:
    """Judge the call of a model, the gradient of its input, the sum over an epoch, and Adam on two threads."""
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
    losses = [train.train_step(*steps, *batch) for batch in batches]
    yield _finding(
        "interface", "train_epoch", "loss", train.train_epoch(*epoch, iter(batches)) == sum(losses)
    )

    ends = [_adam(parallel=parallel) for parallel in (False, True)]
    yield _finding(
        "interface",
        "Adam.step",
        "parallel",
        all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[0]),
    )


def _model() -> numpy_ae.Autoencoder:
    return numpy_ae.Autoencoder(
        LATENT, HIDDEN, PIXELS, rng=np.random.default_rng(1), dtype=np.float64
    )


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
