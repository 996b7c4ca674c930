"""Layers in the styles of courses and books: where each keeps what it has, right and wrong."""

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from compare.check.layer import check_layer
from compare.sides.layer_places import NotTaken
from tests.operands import Array

RNG = np.random.default_rng(0)
X = RNG.standard_normal((8, 6)).astype(np.float32)
LINEAR = torch.nn.Linear(6, 4)


def drawn(*shape: int) -> Array:
    return np.asarray(RNG.standard_normal(shape), np.float32)


class Lists:
    """All parameters in one list, all gradients in another, filled in place."""

    def __init__(self) -> None:
        self.params = [drawn(6, 4), drawn(4)]
        self.grads = [np.zeros_like(param) for param in self.params]

    def forward(self, x: Array) -> Array:
        self.x = x
        weight, bias = self.params
        return x @ weight + bias

    def backward(self, dout: Array) -> Array:
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dout @ self.params[0].T


class Parameter:
    """An array, and the sum of its gradients."""

    def __init__(self, value: Array) -> None:
        self.value, self.grad = value, np.zeros_like(value)


class Objects:
    """Each parameter is an object, whose gradient is added to."""

    def __init__(self) -> None:
        self.W, self.B = Parameter(drawn(6, 4)), Parameter(drawn(1, 4))

    def forward(self, X: Array) -> Array:
        self.X = X.copy()
        return X @ self.W.value + self.B.value

    def backward(self, d_out: Array) -> Array:
        self.W.grad += self.X.T @ d_out
        self.B.grad += d_out.sum(axis=0, keepdims=True)
        return d_out @ self.W.value.T


class Tensors:
    """Each parameter has `.data`, and a `.grad` that is None until there is one."""

    def __init__(self) -> None:
        self.parameters = [SimpleNamespace(data=d, grad=None) for d in (drawn(4, 6), drawn(4))]

    def __call__(self, x: Array) -> Array:
        self.x = x
        weight, bias = self.parameters
        return x @ weight.data.T + bias.data

    def backward(self, grad: Array) -> Array:
        weight, bias = self.parameters
        weight.grad, bias.grad = grad.T @ self.x, grad.sum(axis=0)
        return grad @ weight.data


class Affine:
    """A part of a stack."""

    def __init__(self, n_in: int = 6, n_out: int = 4) -> None:
        self.W, self.b = drawn(n_in, n_out), drawn(n_out)

    def forward(self, x: Array) -> Array:
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Array) -> Array:
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Tanh:
    """Another."""

    def forward(self, x: Array) -> Array:
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout: Array) -> Array:
        return dout * (1 - self.y**2)


class Stack:
    """Parts, one after the other."""

    def __init__(self, *layers: Any) -> None:
        self.layers = layers

    def forward(self, x: Array) -> Array:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout: Array) -> Array:
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


class Numbered:
    """W1, b1, W2, b2 in one dict; backward makes another of their gradients."""

    def __init__(self) -> None:
        self.params = {"W1": drawn(6, 5), "b1": drawn(5), "W2": drawn(5, 4), "b2": drawn(4)}

    def forward(self, X: Array) -> Array:
        p, self.X = self.params, X
        self.h = np.tanh(X @ p["W1"] + p["b1"])
        return self.h @ p["W2"] + p["b2"]

    def backward(self, dout: Array) -> dict[str, Array]:
        dh = dout @ self.params["W2"].T * (1 - self.h**2)
        return {
            "W2": self.h.T @ dout,
            "b2": dout.sum(axis=0),
            "W1": self.X.T @ dh,
            "b1": dh.sum(axis=0),
            "X": dh @ self.params["W1"].T,
        }


class Columns:
    """One column for each example, A = W A_prev + b."""

    def __init__(self) -> None:
        self.W, self.b = drawn(4, 6), drawn(4, 1)

    def forward(self, A_prev: Array) -> Array:
        self.A_prev = A_prev
        return self.W @ A_prev + self.b

    def backward(self, dZ: Array) -> Array:
        self.dW, self.db = dZ @ self.A_prev.T, dZ.sum(axis=1, keepdims=True)
        return self.W.T @ dZ


class Dense:
    """Makes its weights when it sees its first input."""

    kernel: Any = None

    def call(self, inputs: Array) -> Array:
        if self.kernel is None:
            self.kernel, self.bias = drawn(inputs.shape[-1], 4), drawn(4)
        self.inputs = inputs
        return inputs @ self.kernel + self.bias

    def backward(self, grad: Array) -> tuple[Array, list[Array]]:
        return grad @ self.kernel.T, [self.inputs.T @ grad, grad.sum(axis=0)]


class Static:
    """What backward needs is saved in a context."""

    @staticmethod
    def forward(ctx: Any, x: Array) -> Array:
        y = np.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Array) -> Array:
        (y,) = ctx.saved_tensors
        return np.asarray(grad_output * (1 - y**2))


@dataclass
class Gradients:
    """Gradients by name."""

    dx: Array
    dW: Array
    db: Array


class Cache(NamedTuple):
    """What backward needs."""

    x: Array
    W: Array


class Named:
    """backward(cache, dout), of a named tuple, gives an object."""

    def __init__(self) -> None:
        self.W, self.b = drawn(6, 4), drawn(4)

    def forward(self, x: Array) -> tuple[Array, Cache]:
        return x @ self.W + self.b, Cache(x, self.W)

    def backward(self, cache: Cache, dout: Array) -> Gradients:
        return Gradients(dout @ cache.W.T, cache.x.T @ dout, dout.sum(axis=0))


class Leibniz:
    """dL/dW as dLdW; methods called passes."""

    def __init__(self) -> None:
        self._W, self._b = drawn(4, 6), drawn(4, 1)

    def forward_pass(self, A: Array) -> Array:
        self.A = A
        return A @ self._W.T + self._b.T

    def backward_pass(self, dLdZ: Array) -> Array:
        self.dLdW, self.dLdb = dLdZ.T @ self.A, dLdZ.sum(axis=0)[:, None]
        return dLdZ @ self._W


TWO = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4))
RIGHT = [
    (Lists(), LINEAR, "params[0] as weight (in, out); params[1] as bias"),
    (Objects(), LINEAR, "W (in, out); B (1, out)"),
    (Tensors(), LINEAR, "parameters[0] as weight; parameters[1] as bias"),
    (Stack(Affine(6, 5), Tanh(), Affine(5, 4)), TWO, "layers[2].W (in, out); layers[2].b"),
    (Numbered(), TWO, "W1 as 0.weight (in, out)"),
    (Columns(), LINEAR, "a column for each example"),
    (Dense(), LINEAR, "kernel (in, out)"),
    (Static(), torch.nn.Tanh(), "backward takes its context"),
    (Named(), LINEAR, "W (in, out); b; backward takes what forward returned beside"),
    (Leibniz(), LINEAR, "_W; _b (out, 1)"),
]


@pytest.mark.parametrize(("layer", "reference", "how"), RIGHT, ids=lambda of: type(of).__name__)
def test_a_right_layer_of_any_style_passes_with_all_its_gradients(
    layer: Any, reference: Any, how: str
) -> None:
    report = check_layer(layer, reference, X)
    assert report.held, report.sentence
    assert how in report.sentence
    assert "Not judged" not in report.sentence


class HalfLists(Lists):
    """Half of dW."""

    def backward(self, dout: Array) -> Array:
        dx = super().backward(dout)
        self.grads[0] /= 2
        return dx


class MeanObjects(Objects):
    """The bias's gradient is a mean."""

    def backward(self, d_out: Array) -> Array:
        self.W.grad += self.X.T @ d_out
        self.B.grad += d_out.mean(axis=0, keepdims=True)
        return d_out @ self.W.value.T


class MeanColumns(Columns):
    """1/m, though dZ is of a sum."""

    def backward(self, dZ: Array) -> Array:
        dA = super().backward(dZ)
        self.dW = self.dW / dZ.shape[1]
        return dA


class OfTheWeight(Affine):
    """The bias's gradient is made of the weight's."""

    def backward(self, dout: Array) -> Array:
        dx = super().backward(dout)
        self.db = self.dW.sum(axis=0) / len(dout)
        return dx


class AlongTheWrongAxis(Affine):
    """Summed over the outputs."""

    def backward(self, dout: Array) -> Array:
        dx = super().backward(dout)
        self.db = dout.sum(axis=1)
        return dx


class Linearized(Tanh):
    """No slope at all."""

    def backward(self, dout: Array) -> Array:
        return dout


@pytest.mark.parametrize(
    ("layer", "reference", "told"),
    [
        (HalfLists(), LINEAR, "dweight .* it is 1/2 times what it should be"),
        (MeanObjects(), LINEAR, "dbias .* it is divided by the number of rows of x"),
        (MeanColumns(), LINEAR, "dweight .* it is divided by the number of rows of x"),
        (
            OfTheWeight(),
            LINEAR,
            "dbias .* it is the sum of dweight along axis 1, divided by the number of rows of x",
        ),
        (
            AlongTheWrongAxis(),
            LINEAR,
            r"dbias .* its shape is \(8,\), and \(4,\) is needed: it is dy summed along axis 1",
        ),
        (
            Stack(Affine(6, 5), Linearized(), Affine(5, 4)),
            TWO,
            "d0.bias .* it is as if the derivative of tanh were left out",
        ),
    ],
)
def test_a_wrong_one_is_named_with_its_tensor(layer: Any, reference: Any, told: str) -> None:
    report = check_layer(layer, reference, X)
    assert not report.held
    assert re.search(told, report.sentence), report.sentence


class Forgetful(Affine):
    """Makes no gradient of its bias."""

    def backward(self, dout: Array) -> Array:
        self.dW = self.x.T @ dout
        return dout @ self.W.T


class Functional(Affine):
    """Asks for its parameters."""

    def forward(self, x: Array, W: Array, b: Array) -> Array:  # type: ignore[override]
        return x @ W + b


class Alike:
    """Two arrays of one shape, and nothing that tells which is which."""

    def __init__(self) -> None:
        self.params = [np.ones(6, np.float32), np.zeros(6, np.float32)]

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        return dy


@pytest.mark.parametrize(
    ("layer", "reference", "message"),
    [
        (Forgetful(), LINEAR, "backward of Forgetful gives no gradient of b: it returns none"),
        (Functional(), LINEAR, r"forward of Functional takes x, W, b, not 1 input\(s\) alone"),
        (Alike(), torch.nn.LayerNorm(6), "Alike has no weight .* and by shape"),
        (Lists(), torch.nn.Linear(6, 4, bias=False), r"Lists has params\[1\], and the reference"),
    ],
)
def test_what_cannot_be_told_is_refused(layer: Any, reference: Any, message: str) -> None:
    with pytest.raises(NotTaken, match=message):
        check_layer(layer, reference, X)


def test_the_call_that_a_refusal_gives_runs_once_its_blanks_are_filled() -> None:
    with pytest.raises(NotTaken) as caught:
        check_layer(Functional(), LINEAR, X)
    _, *paste = str(caught.value).splitlines()
    blanks = iter(
        (
            "x @ weight.T + bias",
            "dy @ weight",
            "dy.T @ x",
            "dy.sum(axis=0)",
            "torch.nn.functional.linear(x, weight, bias)",
        )
    )
    filled = re.sub(r"\.\.\.", lambda _: next(blanks), "\n".join(line[4:] for line in paste))
    names: dict[str, Any] = {"torch": torch}
    exec(filled, names)  # what a person would paste
    assert names["report"].held, names["report"].sentence
    assert "Not judged" not in names["report"].sentence


def test_a_call_to_paste_has_names_that_python_takes() -> None:
    with pytest.raises(NotTaken) as caught:
        check_layer(Affine(), TWO, X)
    _, *paste = str(caught.value).splitlines()
    compile("\n".join(line[4:] for line in paste), "pasted", "exec")
    assert "layer0_weight" in paste[2]
