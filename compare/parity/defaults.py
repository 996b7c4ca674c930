"""What a reader gets who says nothing: the defaults of our two packages, and the weights that a network starts with."""

import inspect
from collections.abc import Iterator

import numpy as np

import numpy_ae
from compare.parity.sides import torch_is_needed
from compare.parity.verdict import Finding, Verdict

DRAWS = (300, 400)  # a weight's shape: 120,000 draws
# The distance between the draws' distribution and the uniform one exceeds 2.5 / √n once in 120,000 times or less.
# Massart, The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality (1990): 2 e^(−2 · 2.5²) = 7.5e-6.
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
            pair = [inspect.signature(function).parameters[name].default for function in (ours, theirs)]
            yield _finding(ours.__name__, name, pair[0] == pair[1])
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
        ranked = np.sort((value.ravel().astype(np.float64) / bound + 1) / 2)  # uniform on [0, 1], if all is well
        distance = np.abs(ranked - np.arange(ranked.size) / ranked.size).max() * np.sqrt(ranked.size)
        inside = np.abs(value).max() <= np.float32(bound)
        yield _finding("Linear", name, value.dtype == np.float32 and bool(inside and distance <= FARTHEST))

    model = numpy_ae.Autoencoder(1, 2, 3, rng=np.random.default_rng(0))
    live = {"fc1.weight": model.fc1.weight, "fc4.bias": model.fc4.bias}
    handed_out = model.parameters()
    shared = all(np.shares_memory(handed_out[name], array) for name, array in live.items())
    yield _finding("Autoencoder.parameters", "parameters", shared)

    for name, slot in numpy_ae.Adam({"weight": layer.weight}).state.items():
        at_rest = slot.keys() == {"step", "exp_avg", "exp_avg_sq"} and not any(np.any(value) for value in slot.values())
        yield _finding("Adam", f"state of {name}", at_rest)


def _finding(operation: str, name: str, held: bool) -> Finding:
    verdict = Verdict.EXACT if held else Verdict.OFF
    return Finding("defaults", "NumPy", "", operation, name, verdict, 0.0 if held else np.inf)
