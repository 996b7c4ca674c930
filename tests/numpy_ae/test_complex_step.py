"""The derivative of the loss without a difference: the imaginary part of L(θ + ih·v).

h = 1e-30 is so small that no higher term is left, and nothing is subtracted, so nothing cancels.
Squire and Trapp, Using complex variables to estimate derivatives of real functions (SIAM Review
1998).
"""

import numpy as np
import pytest
from hypothesis import given, settings

from numpy_ae import SumSquaredError
from tests.networks import PARAMETERS, Network, network
from tests.operands import Array, Draw, seeds

H = 1e-30
AGREE = 1e-12  # of the sum of absolute terms: thousands of roundings

loss = SumSquaredError()


def shifted(model: Network, directions: dict[str, Array]) -> Network:
    """Return the network in complex numbers, moved by ih along a direction per parameter."""
    moved = network(dtype="complex128")
    moved.load_state_dict(
        {name: p + 1j * H * directions.get(name, 0) for name, p in model.parameters().items()}
    )
    return moved


def assert_is_derivative(value: np.generic, gradient: Array, direction: Array) -> None:
    """Require that the imaginary part is the gradient along the direction."""
    terms = gradient * direction
    assert abs(value.imag / H - terms.sum()) <= AGREE * np.abs(terms).sum()


@pytest.mark.parametrize("name", [*PARAMETERS, "input"])
@settings(max_examples=10)
@given(seed=seeds)
def test_each_gradient_by_hand_is_the_complex_steps(name: str, seed: int) -> None:
    model, draw = network(seed=seed), Draw(seed)
    x, target = draw(5, 8), draw(5, 8)
    cache: dict[str, Array] = {}
    y = model.forward(x, cache)
    gradient = model.backward(loss.backward(y, target), cache, input_grad=True)[name]
    direction = draw(*gradient.shape)
    moved = shifted(model, {} if name == "input" else {name: direction})
    value = loss.forward(
        moved.forward(x + 1j * H * direction if name == "input" else x + 0j), target + 0j
    )
    assert_is_derivative(value, gradient, direction)
