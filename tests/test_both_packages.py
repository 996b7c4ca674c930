"""What holds of both packages alike: arguments, defaults, start, each other's parameters."""

import inspect
from types import ModuleType

import numpy as np
import pytest
import torch
from scipy.stats import kstest, uniform

import numpy_ae
import torch_ae
from tests.networks import PARAMETERS, in_torch, network
from tests.operands import Array

BOTH = pytest.mark.parametrize("package", [numpy_ae, torch_ae], ids=["numpy_ae", "torch_ae"])
CHANCE = 1e-6  # of a uniform start to look less so; the seeds are fixed


def start(package: ModuleType) -> dict[str, Array]:
    """Return the parameters of the network with default arguments."""
    if package is numpy_ae:
        return numpy_ae.Autoencoder(rng=np.random.default_rng(0)).state_dict()
    state = torch_ae.Autoencoder(generator=torch.Generator().manual_seed(0)).state_dict()
    return {name: value.numpy() for name, value in state.items()}


@BOTH
def test_the_widths_are_the_articles_by_default_and_the_latent_32(package: ModuleType) -> None:
    arguments = inspect.signature(package.Autoencoder).parameters
    defaults = {
        name: a.default for name, a in arguments.items() if a.kind is a.POSITIONAL_OR_KEYWORD
    }
    assert defaults == {"latent_dim": 32, "hidden_dim": 400, "input_dim": 784}
    keywords = [
        name for name, argument in arguments.items() if argument.kind is argument.KEYWORD_ONLY
    ]
    assert keywords == (
        ["rng", "dtype"] if package is numpy_ae else ["generator", "dtype", "device"]
    )
    assert {value.dtype for value in start(package).values()} == {np.dtype(np.float32)}


@BOTH
@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_start_uniform_in_one_over_the_root_of_the_inputs(
    package: ModuleType, name: str
) -> None:
    state = start(package)
    bound = state[f"{name.split('.')[0]}.weight"].shape[1] ** -0.5
    values = state[name].ravel()
    assert np.abs(values).max() <= np.float32(bound)
    assert kstest(values, uniform(-bound, 2 * bound).cdf).pvalue > CHANCE


@BOTH
def test_no_two_parameters_start_alike(package: ModuleType) -> None:
    state = start(package)
    weights = [state[name].ravel()[:100] * state[name].shape[1] ** 0.5 for name in PARAMETERS[::2]]
    correlation = np.corrcoef(weights) - np.eye(len(weights))
    assert np.abs(correlation).max() < 0.5  # of 100 independent pairs: five standard deviations


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_reads_the_others_parameters_bit_for_bit_with_no_transposing(dtype: str) -> None:
    ours = network(3, 6, 8, seed=0, dtype=dtype)
    theirs = in_torch(ours)
    back = network(3, 6, 8, seed=1, dtype=dtype)
    back.load_state_dict(theirs.state_dict())
    assert tuple(theirs.state_dict()) == tuple(back.state_dict()) == PARAMETERS
    for name, value in ours.state_dict().items():
        np.testing.assert_array_equal(back.state_dict()[name], value, strict=True)
        np.testing.assert_array_equal(theirs.state_dict()[name].numpy(), value, strict=True)


@BOTH
def test_the_same_line_makes_the_optimizer_on_both_sides(package: ModuleType) -> None:
    model = network() if package is numpy_ae else in_torch(network())
    package.Adam(model.parameters(), lr=1e-3)
