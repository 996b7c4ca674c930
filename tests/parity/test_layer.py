"""One layer at a prompt: the right one holds, a wrong one is named, what does not fit is refused with both shapes."""

from typing import Any

import numpy as np
import pytest
import torch

import numpy_ae
from compare import check_layer
from tests.operands import Array

TWINS = {"Linear": torch.nn.Linear(6, 4), "ReLU": torch.nn.ReLU(), "Sigmoid": torch.nn.Sigmoid()}
X = np.zeros((5, 6), np.float32)


def ours(kind: str) -> Any:
    """Return our own layer of a kind."""
    return numpy_ae.Linear(6, 4, rng=np.random.default_rng(0)) if kind == "Linear" else getattr(numpy_ae, kind)()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", TWINS)
def test_each_of_our_layers_agrees_with_torchs(kind: str, dtype: str) -> None:
    layer = ours(kind)
    if kind == "Linear":
        layer.weight, layer.bias = layer.weight.astype(dtype), layer.bias.astype(dtype)
    report = check_layer(layer, TWINS[kind], X.astype(dtype))
    assert report.held
    assert report.sentence.startswith(f"{kind} agrees with its reference")


class Halved(numpy_ae.ReLU):
    """A ReLU whose gradient is half of what it should be."""

    def backward(self, dy: Array, y: Array) -> Array:
        """Return half of dx."""
        return super().backward(dy, y) / 2


def test_a_wrong_one_is_named_with_its_mistake() -> None:
    report = check_layer(Halved(), TWINS["ReLU"], X)
    assert not report.held
    assert "born there: ReLU.backward. What is wrong: it is 1/2 times what it should be." in report.sentence


@pytest.mark.parametrize(
    ("layer", "twin", "x", "error", "message"),
    [
        (
            ours("Linear"),
            TWINS["Linear"],
            X[:, :5],
            ValueError,
            r"x \(5, 5\), the layer's weight \(4, 6\) and its .*",
        ),
        (ours("Linear"), torch.nn.Linear(6, 3), X, ValueError, r".*weight \(4, 6\) and its twin's \(3, 6\) do not fit"),
        (ours("ReLU"), TWINS["ReLU"], X[0], ValueError, r"x must be \(batch, in_features\) .*, not \(6,\) in float32"),
        (ours("ReLU"), TWINS["ReLU"], X.astype(int), ValueError, r"x must be .*, not \(5, 6\) in int64"),
        (ours("ReLU"), TWINS["ReLU"], X.tolist(), TypeError, "x must be an array, not list"),
        (ours("ReLU"), torch.nn.Tanh(), X, TypeError, "check_layer knows Linear, ReLU and Sigmoid, not Tanh"),
        (ours("ReLU"), 3, X, TypeError, "check_layer knows Linear, ReLU and Sigmoid, not int"),
        (ours("ReLU"), TWINS["Linear"], X, TypeError, "ReLU is no Linear that can be judged: it has no weight, bias"),
        (3, TWINS["ReLU"], X, TypeError, "int is no ReLU that can be judged: it has no forward, backward"),
    ],
)
def test_what_cannot_be_judged_is_refused(layer: Any, twin: Any, x: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        check_layer(layer, twin, x)
