"""Adam is torch's: the same gradients give the same moments and parameters, step by step."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from numpy_ae import Adam
from tests.operands import Array, Draw, assert_equal, assert_near, frozen, tensor

SHAPE = 7, 5
STEPS = 50
ROUNDINGS = 4  # of one moment in one step, not all on one way

Gradients = list[Array]

GRADIENTS: dict[str, Callable[[Draw], Gradients]] = {
    "random": lambda draw: [draw(*SHAPE) for _ in range(STEPS)],
    "as small as eps": lambda draw: [1e-8 * draw(*SHAPE) for _ in range(STEPS)],
    "zero": lambda _: [np.zeros(SHAPE)] * STEPS,
    "zero after the first": lambda draw: [draw(*SHAPE), *[np.zeros(SHAPE)] * (STEPS - 1)],
    "huge": lambda draw: [1e15 * draw(*SHAPE) for _ in range(STEPS)],
    "of alternating sign": lambda draw: [(-1) ** i * np.abs(draw(*SHAPE)) for i in range(STEPS)],
    "of every scale": lambda draw: [
        10.0 ** (4 * draw(*SHAPE)) * draw(*SHAPE) for _ in range(STEPS)
    ],
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"lr": 0.3, "betas": (0.5, 0.9)},
    {"eps": 1.0},
    {"betas": (0.9, 0.9)},
]


def trained(start: Array, gradients: Gradients, **settings: Any) -> tuple[Array, dict[str, Array]]:
    """Return the parameter, and its moments, after a step on each gradient."""
    param = start.copy()
    optimizer = Adam({"w": param}, **settings)
    for gradient in gradients:
        optimizer.step({"w": frozen(gradient)})
    return param, optimizer.state["w"]


def torch_trained(
    start: Array, gradients: Gradients, **settings: Any
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the same of torch's own Adam."""
    param = torch.nn.Parameter(tensor(start))
    optimizer = torch.optim.Adam([param], **settings)
    for gradient in gradients:
        param.grad = tensor(gradient)
        optimizer.step()
    return param, optimizer.state[param]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("kind", GRADIENTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments_and_parameters_are_torchs(dtype: str, kind: str, settings: dict[str, Any]) -> None:
    draw = Draw(0)
    start = draw(*SHAPE).astype(dtype)
    gradients = [gradient.astype(dtype) for gradient in GRADIENTS[kind](draw)]
    param, state = trained(start, gradients, **settings)
    their_param, their_state = torch_trained(start, gradients, **settings)

    # Adam itself, on absolute gradients from zero, adds up the same terms without their signs: the
    # scale of an error.
    absolute = [np.abs(gradient).astype(np.float64) for gradient in gradients]
    path, scale = trained(np.zeros(SHAPE), absolute, **settings)
    unit = np.finfo(dtype).eps / 2
    moment = 2 * STEPS * ROUNDINGS * unit  # relative; two sides
    assert_near(state["exp_avg"], their_state["exp_avg"], moment * scale["exp_avg"])
    assert_near(
        state["exp_avg_sq"],
        their_state["exp_avg_sq"],
        moment * scale["exp_avg_sq"] + np.finfo(dtype).tiny,
    )
    assert state["step"] == their_state["step"] == STEPS
    # A step errs by one moment, by half the other (a root halves), and by ten roundings of its own
    # on either side; then each is subtracted from a parameter that may have come from as far as
    # start and path together.
    step = 1.5 * moment + 2 * 10 * unit
    subtractions = 2 * STEPS * unit * (np.abs(start) + np.abs(path))
    assert_near(param, their_param, step * np.abs(path) + subtractions)


def test_the_arguments_and_their_defaults_are_torchs() -> None:
    ours, theirs = (
        inspect.signature(optimizer).parameters for optimizer in (Adam, torch.optim.Adam)
    )
    names = ["params", "lr", "betas", "eps"]
    assert list(ours)[:4] == list(theirs)[:4] == names
    for name in names:
        assert (ours[name].default, ours[name].kind) == (theirs[name].default, theirs[name].kind)


def test_the_state_has_torchs_names_and_starts_at_rest() -> None:
    optimizer = Adam({"w": np.ones(SHAPE)})
    _, their_state = torch_trained(np.ones(SHAPE), [np.ones(SHAPE)])
    assert optimizer.state["w"].keys() == their_state.keys()
    assert optimizer.state["w"]["step"] == 0
    assert not optimizer.state["w"]["exp_avg"].any()
    assert not optimizer.state["w"]["exp_avg_sq"].any()


@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble"])
def test_adam_stays_in_the_dtype_of_the_parameter(dtype: str) -> None:
    param, state = trained(Draw(0, dtype)(*SHAPE), [Draw(1, dtype)(*SHAPE)] * 2)
    assert param.dtype == state["exp_avg"].dtype == state["exp_avg_sq"].dtype == np.dtype(dtype)


def test_a_step_changes_the_arrays_that_it_was_given_and_needs_only_their_gradients() -> None:
    params = {"a": np.ones(3), "b": np.ones((2, 2))}
    a, b = params.values()
    optimizer = Adam(params)
    optimizer.step({"b": -np.ones((2, 2)), "activation": np.ones(9), "a": np.ones(3)})
    assert params["a"] is a
    assert params["b"] is b
    # The first step is lr long, but for eps.
    np.testing.assert_allclose(a, 1 - optimizer.lr, rtol=1e-7)
    np.testing.assert_allclose(b, 1 + optimizer.lr, rtol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_threads_give_the_numbers_of_one_bit_for_bit(dtype: str) -> None:
    draw = Draw(0, dtype)
    shapes = {"a": SHAPE, "b": (3, 400), "c": (1, 1)}
    alone = {name: draw(*shape).copy() for name, shape in shapes.items()}
    shared = {name: param.copy() for name, param in alone.items()}
    optimizers = Adam(alone), Adam(shared, parallel=True)
    for _ in range(STEPS):
        gradients = {name: draw(*shape) for name, shape in shapes.items()}
        for optimizer in optimizers:
            optimizer.step(gradients)
    for name in shapes:
        assert_equal(shared[name], alone[name])
        assert_equal(
            optimizers[1].state[name]["exp_avg_sq"], optimizers[0].state[name]["exp_avg_sq"]
        )


@pytest.mark.parametrize("sign", [1, -1])
def test_the_averages_of_a_dead_unit_end_at_zero_and_not_among_the_subnormal_numbers(
    sign: int,
) -> None:
    start = np.ones(3, np.float32)
    gradients = [np.full(3, sign * 1e-18, np.float32), *[np.zeros(3, np.float32)] * 1199]
    param, state = trained(start, gradients)
    assert not state["exp_avg"].any() and not state["exp_avg_sq"].any()
    assert (param == start).all()
