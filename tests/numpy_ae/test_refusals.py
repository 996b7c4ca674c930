"""What does not fit is refused where it enters, by name, before anything has changed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import numpy_ae
from tests.networks import network
from tests.operands import Array, Draw, assert_same

linear, loss = numpy_ae.Linear(8, 6, rng=np.random.default_rng(0)), numpy_ae.SumSquaredError()


def ones(*shape: int, dtype: str = "float32") -> Array:
    """Return an array that fits a layer in float32."""
    return np.ones(shape, dtype)


@pytest.mark.parametrize(
    ("call", "found", "needed"),
    [
        (lambda: linear.forward(ones(8)), "x has shape (8,)", "(batch, 8)"),
        (lambda: linear.forward(ones(5, 7)), "x has shape (5, 7)", "(batch, 8)"),
        (lambda: linear.forward(ones(5, 1, 8)), "x has shape (5, 1, 8)", "(batch, 8)"),
        (lambda: linear.forward(ones()), "x has shape ()", "(batch, 8)"),
        (lambda: loss.forward(ones(5, 6), ones(6)), "target has shape (6,)", "(5, 6)"),
        (lambda: loss.forward(ones(5, 6), ones(5, 1)), "target has shape (5, 1)", "(5, 6)"),
        (lambda: network(3, 6, 8).decode(ones(5, 4)), "x has shape (5, 4)", "(batch, 3)"),
    ],
)
def test_another_shape_is_a_value_error_that_states_both(
    call: Callable[[], object], found: str, needed: str
) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == f"{found}, not {needed}"


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float64", "complex64", "object"])
def test_a_dtype_that_would_be_widened_or_counted_in_whole_numbers_is_a_type_error(
    dtype: str,
) -> None:
    for call in (
        lambda wrong: linear.forward(wrong),
        lambda wrong: loss.forward(ones(5, 8), wrong),
    ):
        with pytest.raises(TypeError, match=f"is {dtype}, where float32 is needed"):
            call(ones(5, 8, dtype=dtype))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool"])
def test_whole_numbers_that_agree_with_one_another_are_refused_too(dtype: str) -> None:
    # Their differences would wrap around, and their gradients be none.
    whole = ones(5, 8, dtype=dtype)
    with pytest.raises(TypeError, match=f"is {dtype}, where a floating-point dtype is needed"):
        loss.forward(whole, whole)


@pytest.mark.parametrize(
    "call", [lambda x: linear.forward(x), lambda x: loss.forward(ones(1, 8), x)]
)
def test_what_is_no_array_is_a_type_error(call: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match=r"is a list, not an array"):
        call([[1.0] * 8])


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (
            lambda grad: grad.T,
            ValueError,
            r"the gradient of fc4.weight has shape \(6, 8\), not \(8, 6\)",
        ),
        (
            lambda grad: grad[:1, :1],
            ValueError,
            r"the gradient of fc4.weight has shape \(1, 1\), not \(8, 6\)",
        ),
        (
            lambda grad: grad.astype("longdouble"),
            TypeError,
            "the gradient of fc4.weight is longdouble|float128",
        ),
    ],
)
def test_adam_moves_nothing_where_one_gradient_does_not_fit(
    parallel: bool, spoil: Callable[[Array], Array], error: type[Exception], message: str
) -> None:
    model = network(3, 6, 8)
    optimizer = numpy_ae.Adam(model.parameters(), parallel=parallel)
    before, grads = (
        model.state_dict(),
        {name: np.ones_like(p) for name, p in model.parameters().items()},
    )
    with pytest.raises(error, match=message):
        optimizer.step({**grads, "fc4.weight": spoil(grads["fc4.weight"])})
    with pytest.raises(KeyError, match=r"fc4\.weight"):
        optimizer.step({name: grad for name, grad in grads.items() if name != "fc4.weight"})
    assert_same(model.parameters(), before)
    assert {slot["step"] for slot in optimizer.state.values()} == {0}


def test_weights_that_are_whole_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match=r"weights are floating-point numbers, not int64"):
        numpy_ae.Linear(3, 2, rng=np.random.default_rng(0), dtype=np.int64)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lr": -1e-3},
        {"lr": np.nan},
        {"eps": -1e-8},
        {"betas": (1.0, 0.999)},
        {"betas": (0.9, -0.1)},
    ],
)
def test_adam_refuses_what_torch_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must not be negative, and betas"):
        numpy_ae.Adam({"weight": ones(2)}, **wrong)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda value: value[:-1], ValueError),
        (lambda value: np.full(value.shape, "text"), ValueError),
        (lambda value: np.full(value.shape, {}), TypeError),
    ],
)
def test_a_model_takes_nothing_over_where_one_parameter_does_not_fit(
    spoil: Callable[[Array], Array], error: type[Exception]
) -> None:
    model, other = network(3, 6, 8, seed=0), network(3, 6, 8, seed=1).state_dict()
    before = model.state_dict()
    with pytest.raises(error):
        model.load_state_dict({**other, "fc4.bias": spoil(other["fc4.bias"])})
    assert_same(model.parameters(), before)


def test_models_in_separate_threads_end_where_they_end_alone() -> None:
    def train(seed: int) -> dict[str, Array]:
        model, draw = network(3, 30, 80, seed=seed), Draw(seed)
        optimizer = numpy_ae.Adam(model.parameters(), parallel=seed % 2 == 0)
        for _ in range(50):
            x = draw(16, 80)
            numpy_ae.train_step(model, loss, optimizer, x, x)
        return model.state_dict()

    alone = [train(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for together, expected in zip(pool.map(train, range(8)), alone, strict=True):
            assert_same(together, expected)
