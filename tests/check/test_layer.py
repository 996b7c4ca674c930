"""One layer at a prompt: right ones pass however they are written, wrong ones are named."""

import itertools
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import numpy_ae
from compare.check.layer import check_layer
from compare.errors import UserError
from compare.sides.layer_places import NotTaken
from tests.operands import Array

REFERENCES = {
    "Linear": torch.nn.Linear(6, 4),
    "ReLU": torch.nn.ReLU(),
    "Sigmoid": torch.nn.Sigmoid(),
}
RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 6)).astype(np.float32)


def ours(kind: str) -> Any:
    """Return our own layer of a kind."""
    return (
        numpy_ae.Linear(6, 4, rng=np.random.default_rng(0))
        if kind == "Linear"
        else getattr(numpy_ae, kind)()
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", REFERENCES)
def test_each_of_our_layers_agrees_with_torchs(kind: str, dtype: str) -> None:
    layer = ours(kind)
    if kind == "Linear":
        layer.weight, layer.bias = layer.weight.astype(dtype), layer.bias.astype(dtype)
    report = check_layer(layer, REFERENCES[kind], X.astype(dtype))
    assert report.held, report.sentence
    assert report.sentence.startswith(f"{kind} agrees with its reference")


def drawn(*shape: int) -> Array:
    return np.asarray(RNG.standard_normal(shape), np.float32)


class Cached:
    """W (in, out), b (1, out); caches its input, leaves gradients in attributes."""

    def __init__(self, n_in: int = 6, n_out: int = 4) -> None:
        self.W, self.b = drawn(n_in, n_out), drawn(1, n_out)

    def forward(self, inputs: Array) -> None:
        self.inputs = inputs
        self.output = inputs @ self.W + self.b

    def backward(self, dvalues: Array) -> None:
        self.dW = self.inputs.T @ dvalues
        self.db = dvalues.sum(0, keepdims=True)
        self.dinputs = dvalues @ self.W.T


class Dicts:
    """Parameters and gradients in dicts, the latter added to from call to call."""

    def __init__(self, n_in: int = 6, n_out: int = 4) -> None:
        self.params = {"W": drawn(n_in, n_out), "b": drawn(n_out)}
        self.grads = {name: np.zeros_like(param) for name, param in self.params.items()}

    def forward(self, x: Array) -> tuple[Array, tuple[Array]]:
        return x @ self.params["W"] + self.params["b"], (x,)

    def backward(self, dout: Array, cache: tuple[Array]) -> Array:
        (x,) = cache
        self.grads["W"] += x.T @ dout
        self.grads["b"] += dout.sum(0)
        return dout @ self.params["W"].T


class Columns:
    """Bias (out, 1); gradients by name."""

    def __init__(self, n_in: int = 6, n_out: int = 4) -> None:
        self.weights, self.biases = drawn(n_out, n_in), drawn(n_out, 1)

    def __call__(self, x: Array) -> Array:
        return (self.weights @ x.T + self.biases).T

    def backward(self, dy: Array, x: Array) -> dict[str, Array]:
        return {
            "dweights": dy.T @ x,
            "dbiases": dy.T.sum(1, keepdims=True),
            "dx": dy @ self.weights,
        }


class Otherwise(Cached):
    """Gradients returned, those of the parameters first."""

    def backward(self, dout: Array) -> Any:
        super().backward(dout)
        return self.dW, self.db, self.dinputs


class CachedReLU:
    """Keeps a mask."""

    def forward(self, x: Array) -> Array:
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout: Array) -> list[Array]:
        return [dout * self.mask]


class Sigmoid:
    """Takes its output."""

    def forward(self, z: Array) -> Array:
        e = np.exp(-np.abs(z))
        return np.where(z >= 0, 1, e) / (1 + e)

    def backward(self, da: Array, a: Array) -> Array:
        return da * a * (1 - a)


class Softmax:
    """Over the rows' entries."""

    def forward(self, x: Array) -> Array:
        e = np.exp(x - x.max(1, keepdims=True))
        self.y = e / e.sum(1, keepdims=True)
        return self.y

    def backward(self, dy: Array) -> Array:
        return self.y * (dy - (dy * self.y).sum(1, keepdims=True))


class LayerNorm:
    """γ and β."""

    def __init__(self, n: int) -> None:
        self.gamma, self.beta = np.ones(n, np.float32), np.zeros(n, np.float32)

    def forward(self, x: Array) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        self.scale = 1 / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        self.normed = centred * self.scale
        return self.gamma * self.normed + self.beta

    def backward(self, dout: Array) -> tuple[Array, Array, Array]:
        d = dout * self.gamma
        mean, along = d.mean(-1, keepdims=True), (d * self.normed).mean(-1, keepdims=True)
        dx = self.scale * (d - mean - self.normed * along)
        return dx, (dout * self.normed).sum(0), dout.sum(0)


class BatchNorm(LayerNorm):
    """The same, over the rows."""

    def forward(self, x: Array) -> Array:
        centred = x - x.mean(0)
        self.scale = 1 / np.sqrt((centred**2).mean(0) + 1e-5)
        self.normed = centred * self.scale
        return self.gamma * self.normed + self.beta

    def backward(self, dout: Array) -> tuple[Array, Array, Array]:
        d = dout * self.gamma
        dx = self.scale * (d - d.mean(0) - self.normed * (d * self.normed).mean(0))
        return dx, (dout * self.normed).sum(0), dout.sum(0)


class Embedding:
    """Rows of a table."""

    def __init__(self, n: int, width: int) -> None:
        self.weight = drawn(n, width)

    def forward(self, x: Array) -> Array:
        return self.weight[x]

    def backward(self, dy: Array, x: Array) -> dict[str, Array]:
        dweight = np.zeros_like(self.weight)
        np.add.at(dweight, x, dy)
        return {"dweight": dweight}


class MaxPool:
    """Windows of 2 × 2 of (n, c, h, w)."""

    def forward(self, x: Array) -> Array:
        n, c, h, w = x.shape
        self.windows = x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(n, c, -1, 4)
        self.shape = x.shape
        return self.windows.max(-1).reshape(n, c, h // 2, w // 2)

    def backward(self, dy: Array) -> Array:
        n, c, h, w = self.shape
        chosen = np.arange(4) == self.windows.argmax(-1)[..., None]
        spread = chosen * dy.reshape(n, c, -1, 1)
        return spread.reshape(n, c, h // 2, w // 2, 2, 2).swapaxes(3, 4).reshape(self.shape)


class Conv:
    """Filters (out, in, 3, 3), neither padding nor strides."""

    def __init__(self, n_in: int, n_out: int) -> None:
        self.W, self.b = drawn(n_out, n_in, 3, 3), drawn(n_out)

    def forward(self, x: Array) -> Array:
        self.patches = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
        return np.einsum("nchwij,ocij->nohw", self.patches, self.W) + self.b[:, None, None]

    def backward(self, dy: Array) -> tuple[Array, Array, Array]:
        n, _, h, w = dy.shape
        dx = np.zeros((n, self.W.shape[1], h + 2, w + 2), dy.dtype)
        for i, j in itertools.product(range(3), range(3)):
            dx[:, :, i : i + h, j : j + w] += np.einsum("nohw,oc->nchw", dy, self.W[:, :, i, j])
        return dx, np.einsum("nohw,nchwij->ocij", dy, self.patches), dy.sum((0, 2, 3))


class MSE:
    """A loss: its backward takes no gradient."""

    def forward(self, y: Array, target: Array) -> Any:
        return ((y - target) ** 2).mean()

    def backward(self, y: Array, target: Array) -> Array:
        return 2 * (y - target) / y.size


RIGHT: dict[str, Any] = {
    "cached, in attributes": (Cached(), torch.nn.Linear(6, 4), X),
    "in dicts, added to": (Dicts(), torch.nn.Linear(6, 4), X),
    "columns, by name": (Columns(), torch.nn.Linear(6, 4), X),
    "returned, parameters first": (Otherwise(), torch.nn.Linear(6, 4), X),
    "square": (Cached(6, 6), torch.nn.Linear(6, 6), X),
    "square, in dicts": (Dicts(6, 6), torch.nn.Linear(6, 6), X),
    "square, columns": (Columns(6, 6), torch.nn.Linear(6, 6), X),
    "one output": (Cached(6, 1), torch.nn.Linear(6, 1), X),
    "rows as many as inputs": (Otherwise(), torch.nn.Linear(6, 4), X[:, :6]),
    "a mask kept": (CachedReLU(), torch.nn.ReLU(), X),
    "its output": (Sigmoid(), torch.nn.Sigmoid(), X),
    "softmax": (Softmax(), torch.nn.Softmax(1), X),
    "layer norm": (LayerNorm(6), torch.nn.LayerNorm(6), X),
    "batch norm": (BatchNorm(6), torch.nn.BatchNorm1d(6), X),
    "embedding": (Embedding(9, 3), torch.nn.Embedding(9, 3), np.arange(8).reshape(4, 2)),
    "max pool": (MaxPool(), torch.nn.MaxPool2d(2), drawn(3, 2, 4, 6)),
    "conv": (Conv(2, 3), torch.nn.Conv2d(2, 3, 3), drawn(4, 2, 6, 5)),
    "loss": (MSE(), torch.nn.MSELoss(), X, drawn(5, 6)),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_layer_passes_however_it_is_written(case: str) -> None:
    layer, reference, *inputs = RIGHT[case]
    if case == "embedding":
        layer.weight = layer.weight.astype(np.float64)
    report = check_layer(layer, reference, *inputs)
    assert report.held, report.sentence
    assert "Not judged" not in report.sentence or case == "loss"  # of its target, no gradient


@pytest.mark.parametrize(
    ("layer", "how"),
    [
        (Cached(), "W (in, out); b (1, out); backward uses what forward cached"),
        (Dicts(), "W (in, out); b; backward takes what forward returned beside its output"),
        (Columns(), "weights; biases (out, 1); backward takes its input"),
        (Otherwise(), "gradients returned as weight, bias, x"),
    ],
)
def test_the_report_says_how_a_layer_was_taken(layer: Any, how: str) -> None:
    assert how in check_layer(layer, torch.nn.Linear(6, 4), X).sentence


def test_a_layer_that_gives_no_gradient_is_not_taken() -> None:
    layer: Any = numpy_ae.ReLU()
    layer.backward = lambda dy, y: None
    with pytest.raises(NotTaken, match="backward of ReLU gives no gradient: it returns none, and"):
        check_layer(layer, torch.nn.ReLU(), X)


def test_a_backward_of_any_operands_is_tried_with_input_and_output() -> None:
    layer: Any = numpy_ae.ReLU()
    right = layer.backward
    layer.backward = lambda *given: right(*given)
    report = check_layer(layer, torch.nn.ReLU(), X)
    assert report.held, report.sentence
    assert "dx" in report.sentence


@pytest.mark.parametrize("act", [lambda x: None, lambda x: sys.exit(0)])
def test_a_forward_that_comes_to_nothing_is_told_once(act: Any) -> None:
    layer: Any = numpy_ae.ReLU()
    layer.forward = act
    report = check_layer(layer, torch.nn.ReLU(), X)
    assert report.sentence.startswith("ReLU.forward fails in ")
    assert "backward fails" not in report.sentence


class Halved(numpy_ae.ReLU):
    """A ReLU whose gradient is half of what it should be."""

    def backward(self, dy: Array, y: Array) -> Array:
        """Return half of dx."""
        return super().backward(dy, y) / 2


class Accumulates(Otherwise):
    """Returns gradients that it adds to from call to call."""

    total: Any = 0

    def backward(self, dout: Array) -> Any:
        dweight, dbias, dx = super().backward(dout)
        self.total = self.total + dweight
        return self.total, dbias, dx


class Untransposed(Dicts):
    """Where the weight is square, dx is of the other layout."""

    def backward(self, dout: Array, cache: tuple[Array]) -> Array:
        super().backward(dout, cache)
        return dout @ self.params["W"]


class Naive(Sigmoid):
    """Overflows for a large negative input, and says so unless it is silenced."""

    silenced = False

    def forward(self, z: Array) -> Array:
        with np.errstate(over="ignore" if self.silenced else "warn"):
            return 1 / (1 + np.exp(-z))


class Silenced(Naive):
    """The derivative by exponentials: infinite over infinite."""

    silenced = True

    def backward(self, da: Array, z: Array) -> Array:
        with np.errstate(all="ignore"):
            return da * np.exp(-z) / (1 + np.exp(-z)) ** 2


@pytest.mark.parametrize(
    ("layer", "reference", "told"),
    [
        (Halved(), torch.nn.ReLU(), r"dx of Halved.backward fails .*: it is 1/2 times what it"),
        (Untransposed(6, 6), torch.nn.Linear(6, 6), r"dx of Untransposed.backward fails"),
        (Accumulates(), torch.nn.Linear(6, 4), r"dweight of Accumulates.backward fails .*before"),
        (Naive(), torch.nn.Sigmoid(), r"Naive.forward fails .*overflow"),
    ],
)
def test_a_wrong_one_is_named_with_its_mistake(layer: Any, reference: Any, told: str) -> None:
    report = check_layer(layer, reference, X)
    assert not report.held
    assert re.search(told, report.sentence), report.sentence


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("layer", [Naive(), Silenced()])
def test_naive_sigmoids_are_caught_at_width_3(layer: Any, seed: int) -> None:
    assert not check_layer(layer, torch.nn.Sigmoid(), X[:, :3], seed=seed).held


def throw(error: BaseException) -> Any:
    """Raise it."""
    raise error


class Mute(BaseException):
    """An exception that cannot say what it is."""

    def __str__(self) -> str:
        """Raise what would end the process."""
        raise SystemExit(0)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: throw(SystemExit(0)), "it raised SystemExit: 0"),
        (lambda: throw(Mute()), "it raised Mute, which cannot say why"),
        (
            lambda: throw(ValueError("x" * 10**6)),
            r"it raised ValueError: x+… \(999,\d+ characters more\)",
        ),
        (lambda: itertools.count(), r"it returned a count.*, not an array"),
        (lambda: "text", r"it returned a str.*, not an array"),
        (lambda: np.array(None), r"it returned an array of object.*, not of numbers"),
    ],
)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_whatever_a_layer_does_is_told_in_the_report(
    direction: str, act: Callable[[], Any], message: str
) -> None:
    layer = ours("ReLU")
    setattr(layer, direction, lambda *_, **__: act())
    report = check_layer(layer, REFERENCES["ReLU"], X)
    assert not report.held
    assert re.search(rf"ReLU.{direction} fails in float32: {message}", report.sentence)


def test_an_interrupt_of_a_layer_is_one() -> None:
    layer = ours("ReLU")
    layer.forward = lambda *_, **__: throw(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        check_layer(layer, REFERENCES["ReLU"], X)


class Elusive:
    """A layer whose every attribute ends the process."""

    def __getattr__(self, name: str) -> Any:
        """Exit."""
        raise SystemExit(0)


def with_(**changed: Any) -> Any:
    """Return our own Linear with something else for its weight or bias."""
    layer = ours("Linear")
    vars(layer).update(changed)
    return layer


@pytest.mark.parametrize(
    ("layer", "reference", "inputs", "error", "message"),
    [
        (3, torch.nn.ReLU(), (X,), NotTaken, "int cannot be judged: it has no forward, backward"),
        (ours("ReLU"), REFERENCES["Linear"], (X,), NotTaken, r"ReLU has no weight \(looked for"),
        (with_(bias=None), REFERENCES["Linear"], (X,), NotTaken, "Linear has no bias"),
        (with_(weight="x"), REFERENCES["Linear"], (X,), NotTaken, "Linear has no weight"),
        (
            ours("Linear"),
            torch.nn.Linear(6, 4, bias=False),
            (X,),
            NotTaken,
            "Linear has bias, and the reference has no bias to judge it by",
        ),
        (
            ours("Linear"),
            torch.nn.Linear(6, 3),
            (X,),
            NotTaken,
            r"weight of Linear is \(4, 6\), and the reference's weight \(3, 6\)",
        ),
        (
            with_(bias=np.zeros(4)),
            REFERENCES["Linear"],
            (X,),
            UserError,
            "bias of Linear is float64, and its input float32; give both in one dtype",
        ),
        (ours("ReLU"), 3, (X,), UserError, "the reference must be a module of torch's, not int"),
        (ours("ReLU"), torch.nn.ReLU(), (), UserError, "check_layer needs the layer's inputs"),
        (ours("ReLU"), torch.nn.ReLU(), (X.tolist(),), UserError, "x must be an array, not list"),
        (ours("ReLU"), torch.nn.ReLU(), (X[:0],), UserError, r"x must be .*, not \(0, 6\) in flo"),
        (ours("ReLU"), torch.nn.Dropout(), (X,), UserError, "give check_function the mask as an"),
        (ours("Linear"), REFERENCES["Linear"], (X[:, :5],), UserError, "the reference raised"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_what_to_do(
    layer: Any, reference: Any, inputs: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        check_layer(layer, reference, *inputs)


def test_a_layer_whose_attributes_end_the_process_is_refused() -> None:
    with pytest.raises(NotTaken, match="SystemExit: 0; it cannot be judged"):
        check_layer(Elusive(), torch.nn.ReLU(), X)


def test_a_layer_that_cannot_be_taken_is_told_of_another_door() -> None:
    with pytest.raises(NotTaken) as caught:
        check_layer(ours("ReLU"), REFERENCES["Linear"], X)
    told, *paste = str(caught.value).splitlines()
    assert told.endswith("judge it by check_function:")
    assert len(paste) == 7 and "check_function(" in paste[1]
