"""Each layer is torch's own, forwards and backwards; read-only operands stay as they are."""

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import nn

from numpy_ae import Linear, ReLU, Sigmoid
from tests.operands import (
    Array,
    Draw,
    assert_equal,
    assert_near,
    draws,
    frozen,
    rounding,
    sizes,
    tensor,
)

EXP = 4  # ULP by which neither library's exponential errs
EXTREMES = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    20.0,
    -20.0,
    88.0,
    -88.0,
    800.0,
    -800.0,
    1e30,
    -1e30,
    np.inf,
    -np.inf,
)


def linear(weight: Array, bias: Array) -> Linear:
    """Return a layer with these parameters."""
    layer = Linear(1, 1, rng=np.random.default_rng(0))
    layer.weight, layer.bias = weight, bias
    return layer


def torch_linear(weight: Array, bias: Array) -> nn.Linear:
    """Return torch's layer with these parameters."""
    out_features, in_features = weight.shape
    layer = nn.Linear(in_features, out_features)
    layer.weight, layer.bias = nn.Parameter(tensor(weight)), nn.Parameter(tensor(bias))
    return layer


def tensors_of_linear(layer: Linear, dy: Array, x: Array) -> list[Array]:
    """Return y, dx, dweight and dbias."""
    dx, dweight, dbias = layer.backward(dy, x)
    assert dx is not None
    return [layer.forward(x), dx, dweight, dbias]


def tensors_of_torch_linear(layer: nn.Linear, dy: Array, x: Array) -> list[torch.Tensor | None]:
    """Return the same, by autograd."""
    leaf = tensor(x, grad=True)
    y = layer(leaf)
    y.backward(tensor(dy))
    return [y, leaf.grad, layer.weight.grad, layer.bias.grad]


@given(draws, sizes, sizes, sizes)
def test_linear_is_torchs_up_to_the_order_of_summation(
    draw: Draw, batch: int, in_features: int, out: int
) -> None:
    operands = draw(out, in_features), draw(1, out)[0], draw(batch, out), draw(batch, in_features)
    weight, bias, dy, x = operands
    absolute_weight, absolute_bias, absolute_dy, absolute_x = map(np.abs, operands)
    ours = tensors_of_linear(linear(weight, bias), dy, x)
    theirs = tensors_of_torch_linear(torch_linear(weight, bias), dy, x)
    absolute = tensors_of_linear(linear(absolute_weight, absolute_bias), absolute_dy, absolute_x)
    for our, their, scale, terms in zip(
        ours, theirs, absolute, (in_features + 1, out, batch, batch), strict=True
    ):
        assert their is not None
        assert_near(our, their, rounding(terms, scale))


@given(draws, sizes, sizes, sizes)
def test_linear_of_whole_numbers_is_torchs_bit_for_bit(
    draw: Draw, batch: int, in_features: int, out: int
) -> None:
    weight, bias = draw.whole(out, in_features), draw.whole(1, out)[0]
    dy, x = draw.whole(batch, out), draw.whole(batch, in_features)
    ours = tensors_of_linear(linear(weight, bias), dy, x)
    theirs = tensors_of_torch_linear(torch_linear(weight, bias), dy, x)
    for our, their in zip(ours, theirs, strict=True):
        assert their is not None
        assert_equal(our, their)


def test_linear_computes_no_gradient_of_its_input_unless_asked() -> None:
    draw = Draw(0)
    dx, dweight, dbias = linear(draw(3, 2), draw(1, 3)[0]).backward(
        draw(5, 3), draw(5, 2), input_grad=False
    )
    assert dx is None
    assert (dweight.shape, dbias.shape) == ((3, 2), (3,))


@given(draws, sizes, sizes)
def test_relu_is_torchs_bit_for_bit_exact_zeros_included(
    draw: Draw, batch: int, features: int
) -> None:
    x, dy = draw.whole(batch, features), draw(batch, features)
    leaf = tensor(x, grad=True)
    expected = nn.ReLU()(leaf)
    expected.backward(tensor(dy))
    y = ReLU().forward(x)
    assert_equal(y, expected)
    assert leaf.grad is not None
    assert_equal(ReLU().backward(dy, frozen(y)), leaf.grad)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_relu_has_slope_zero_at_its_kink(zero: float) -> None:
    y = ReLU().forward(np.array([zero]))
    assert ReLU().backward(np.array([3.0]), y) == 0


def sigmoid_allowance(y: Array) -> Array:
    """Return how far two sigmoids may lie apart: two exponentials, a sum and a quotient each."""
    info = np.finfo(y.dtype)
    # PyTorch returns 0 for what is below `tiny`.
    allowed: Array = 2 * (2 * EXP + 2) * info.eps * y + info.tiny
    return allowed


@given(draws, sizes, sizes)
def test_sigmoid_is_torchs_up_to_its_exponentials(draw: Draw, batch: int, features: int) -> None:
    x, dy = frozen(8 * draw(batch, features)), draw(batch, features)
    leaf = tensor(x, grad=True)
    expected = nn.Sigmoid()(leaf)
    expected.backward(tensor(dy))
    y = expected.detach().numpy()
    assert_near(Sigmoid().forward(x), y, sigmoid_allowance(y))
    assert leaf.grad is not None
    assert_near(
        Sigmoid().backward(dy, frozen(y)),
        leaf.grad,
        2 * 3 * np.finfo(y.dtype).eps * np.abs(leaf.grad.numpy()),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saturated_sigmoid_is_torchs_and_warns_of_nothing(dtype: str) -> None:
    x = np.array([EXTREMES], dtype)
    y = Sigmoid().forward(x)
    assert_near(y, nn.Sigmoid()(tensor(x)), sigmoid_allowance(y))
    assert np.isfinite(Sigmoid().backward(np.ones_like(y), y)).all()


@pytest.mark.parametrize(
    ("x", "y"), [(0.0, 0.5), (800.0, 1.0), (1e30, 1.0), (-1e30, 0.0), (np.inf, 1.0)]
)
def test_sigmoid_is_exact_at_its_middle_and_its_ends(x: float, y: float) -> None:
    assert Sigmoid().forward(np.array([x])) == y


@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble", "complex128"])
def test_a_layer_stays_in_the_dtype_that_it_is_given(dtype: str) -> None:
    draw = Draw(0, dtype)
    layer = Linear(4, 3, rng=np.random.default_rng(0), dtype=dtype)
    y, z = ReLU().forward(layer.forward(draw(5, 4))), Sigmoid().forward(draw(5, 3))
    gradients = [*layer.backward(draw(5, 3), draw(5, 4)), ReLU().backward(draw(5, 3), y)]
    gradients.append(Sigmoid().backward(draw(5, 3), z))
    assert {array.dtype for array in (y, z, *gradients) if array is not None} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_slope_of_a_saturated_sigmoid_is_a_normal_number_or_zero(dtype: str) -> None:
    tiny = float(np.finfo(dtype).tiny)
    y = (np.array([0.25, 1, 4, 1e20]) * tiny).astype(dtype)
    dx = Sigmoid().backward(np.ones_like(y), y)
    assert dx.tolist() == [0, *y[1:].tolist()]
