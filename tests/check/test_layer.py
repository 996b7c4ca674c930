"""One layer at a prompt: the right one holds, a wrong one is named, what cannot be is refused."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import prune

import numpy_ae
from compare.check.layer import check_layer
from tests.operands import Array

REFERENCES = {
    "Linear": torch.nn.Linear(6, 4),
    "ReLU": torch.nn.ReLU(),
    "Sigmoid": torch.nn.Sigmoid(),
}
X = np.zeros((5, 6), np.float32)
KNOWS = r"check_layer knows torch\.nn's Linear, ReLU and Sigmoid, not"


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
    assert report.held
    assert report.sentence.startswith(f"{kind} agrees with its reference")


class Halved(numpy_ae.ReLU):
    """A ReLU whose gradient is half of what it should be."""

    def backward(self, dy: Array, y: Array) -> Array:
        """Return half of dx."""
        return super().backward(dy, y) / 2


def test_a_wrong_one_is_named_with_its_mistake() -> None:
    report = check_layer(Halved(), REFERENCES["ReLU"], X)
    assert not report.held
    assert (
        "introduced in Halved.backward. What is wrong: it is 1/2 times what it should be."
        in report.sentence
    )


NO_BIAS = torch.nn.Linear(6, 4, bias=False)


def with_(**changed: Any) -> Any:
    """Return our own Linear with something else for its weight or bias."""
    layer = ours("Linear")
    vars(layer).update(changed)
    return layer


def named(name: str, *bases: type) -> Any:
    """Return an object of a class of this name."""
    return type(name, bases, {})()


class Elusive:
    """A layer whose every attribute ends the process."""

    def __getattr__(self, name: str) -> Any:
        """Exit."""
        raise SystemExit(0)


class Mute(BaseException):
    """An exception that cannot say what it is."""

    def __str__(self) -> str:
        """Raise what would end the process."""
        raise SystemExit(0)


class Nameless(type):
    """A class that does not tell its name."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        """Raise what would end the process."""
        raise SystemExit(0)


class Hidden(BaseException, metaclass=Nameless):
    """An exception that hides its class and where it was raised."""

    __traceback__ = None


class Anonymous(numpy_ae.ReLU, metaclass=Nameless):
    """A layer whose class does not tell its name."""


class Endless:
    """A sequence of itself."""

    def __len__(self) -> int:
        """Say one."""
        return 1

    def __getitem__(self, index: int) -> "Endless":
        """Return another."""
        return Endless()


class Unready:
    """What would be an array and ends the process."""

    def __array__(self, *_: Any, **__: Any) -> Array:
        """Exit."""
        raise SystemExit


class Elsewhere(np.ndarray):
    """An array that says nothing of itself."""

    @property
    def ndim(self) -> int:
        """Exit."""
        raise SystemExit


class Zero(torch.nn.Linear):
    """A Linear with a forward of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return nothing but zeros."""
        return x * 0


class Named(torch.nn.Linear):
    """A Linear by another name, whose forward is torch's."""


THE_REFERENCES = (
    r"the reference's weight and bias must be parameters, as torch\.nn\.Linear makes them"
)


def made_of_others() -> list[torch.nn.Module]:
    """Return references whose weight or bias is no parameter, or of no Linear's shape."""
    without_bias, without_weight, tall, wide = (torch.nn.Linear(6, 4) for _ in range(4))
    del without_bias.bias, without_weight.weight
    tall.weight = torch.nn.Parameter(torch.zeros(4, 6, 1))
    wide.bias = torch.nn.Parameter(torch.zeros(7))
    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(6, 4))
    pruned = prune.l1_unstructured(torch.nn.Linear(6, 4), "weight", 1)  # type: ignore[no-untyped-call]
    return [without_bias, without_weight, tall, wide, normed, pruned]


def secretive() -> torch.nn.Module:
    """Return a Linear whose attributes end the process."""
    reference = torch.nn.Linear(6, 4)

    class Secretive(torch.nn.Linear):
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise SystemExit

        def __getattr__(self, name: str) -> Any:
            raise SystemExit

    reference.__class__ = Secretive
    return reference


def throw(error: BaseException) -> Any:
    """Raise it."""
    raise error


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: throw(SystemExit(0)), "it raised SystemExit: 0"),
        (lambda: throw(BaseException()), "it raised BaseException"),
        (lambda: throw(Mute()), "it raised Mute, which cannot say why"),
        (lambda: throw(Hidden()), "it raised Hidden"),
        (
            lambda: throw(ValueError("x" * 10**6)),
            r"it raised ValueError: x+… \(999,\d+ characters more\)",
        ),
        (lambda: itertools.count(), "it returned a count as '(y|dx)', not an array"),
        (lambda: [X], "it returned a list as '(y|dx)', not an array"),
        (lambda: "text", "it returned a str as '(y|dx)', not an array"),
        (lambda: np.array(None), "it returned an array of object as '(y|dx)', not of numbers"),
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
    assert re.search(
        rf"introduced in ReLU.{direction}. What is wrong: {message}\.$", report.sentence
    )


def test_a_layer_whose_attributes_end_the_process_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"^forward of Elusive raised SystemExit: 0; it cannot be judged$"
    ):
        check_layer(Elusive(), REFERENCES["ReLU"], X)


def test_a_reference_whose_attributes_end_the_process_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"^the reference raised SystemExit; it is no reference to judge by$"
    ):
        check_layer(ours("Linear"), secretive(), X)


def test_hidden_names_other_errors_and_an_x_of_any_class_change_no_verdict() -> None:
    with np.errstate(all="raise"):
        assert check_layer(Anonymous(), REFERENCES["ReLU"], X.view(Elsewhere)).held
        assert check_layer(ours("Sigmoid"), REFERENCES["Sigmoid"], X).held
    assert check_layer(ours("Linear"), Named(6, 4), X).held


def test_an_interrupt_of_a_layer_is_one() -> None:
    layer = ours("ReLU")
    layer.forward = lambda *_, **__: throw(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        check_layer(layer, REFERENCES["ReLU"], X)


@pytest.mark.parametrize(
    ("layer", "reference", "x", "error", "message"),
    [
        (
            ours("Linear"),
            REFERENCES["Linear"],
            X[:, :5],
            ValueError,
            r"x \(5, 5\), the layer's weight \(4, 6\) and its .*",
        ),
        (
            ours("Linear"),
            torch.nn.Linear(6, 3),
            X,
            ValueError,
            r".*weight \(4, 6\) and its reference's \(3, 6\) do not fit",
        ),
        (
            ours("ReLU"),
            REFERENCES["ReLU"],
            X[0],
            ValueError,
            r"x must be \(batch, in_features\) .*, not \(6,\) in float32",
        ),
        (
            ours("ReLU"),
            REFERENCES["ReLU"],
            X.astype(int),
            ValueError,
            r"x must be .*, not \(5, 6\) in int64",
        ),
        (ours("ReLU"), REFERENCES["ReLU"], X.tolist(), TypeError, "x must be an array, not list"),
        (
            ours("ReLU"),
            torch.nn.Tanh(),
            X,
            TypeError,
            rf"{KNOWS} torch\.nn\.modules\.activation\.Tanh",
        ),
        (ours("ReLU"), 3, X, TypeError, rf"{KNOWS} builtins\.int"),
        (
            ours("ReLU"),
            REFERENCES["Linear"],
            X,
            TypeError,
            "ReLU is no Linear that can be judged: it has no weight, bias",
        ),
        (
            3,
            REFERENCES["ReLU"],
            X,
            TypeError,
            "int is no ReLU that can be judged: it has no forward, backward",
        ),
        (
            ours("ReLU"),
            REFERENCES["ReLU"],
            X[:, :0],
            ValueError,
            r"x must be .*, not \(5, 0\) in float32",
        ),
        (ours("ReLU"), named("ReLU"), X, TypeError, rf"{KNOWS} .*test_layer\.ReLU"),
        (ours("Linear"), named("Linear"), X, TypeError, rf"{KNOWS} .*test_layer\.Linear"),
        (
            ours("Linear"),
            named("Linear", torch.nn.Module),
            X,
            TypeError,
            rf"{KNOWS} .*test_layer\.Linear",
        ),
        (
            with_(bias=None),
            REFERENCES["Linear"],
            X,
            TypeError,
            "Linear is no Linear that can be judged: it has no bias",
        ),
        (
            with_(bias=None),
            NO_BIAS,
            X,
            TypeError,
            "Linear is no Linear that can be judged: it has no bias",
        ),
        (
            ours("Linear"),
            NO_BIAS,
            X,
            ValueError,
            "the reference has no bias, and Linear has one; give the reference bias=True",
        ),
        (
            with_(bias=X[0, :3]),
            REFERENCES["Linear"],
            X,
            ValueError,
            r"the layer's bias \(3,\) .*; it must be \(4,\)",
        ),
        (
            with_(bias=X[:1, :4]),
            REFERENCES["Linear"],
            X,
            ValueError,
            r"the layer's bias \(1, 4\) .*; it must be \(4,\)",
        ),
        (
            with_(bias=np.zeros(4)),
            REFERENCES["Linear"],
            X,
            ValueError,
            "bias of Linear is float64, and x is float32; .*",
        ),
        (
            with_(weight="x"),
            REFERENCES["Linear"],
            X,
            TypeError,
            "weight of Linear must be an array of numbers, not str",
        ),
        (
            with_(weight=object()),
            REFERENCES["Linear"],
            X,
            TypeError,
            "weight of Linear must be an array .*, not object",
        ),
        (
            with_(weight=np.array(None)),
            REFERENCES["Linear"],
            X,
            TypeError,
            "weight of Linear must be .* of object",
        ),
        (
            with_(weight=[[1], [2, 3]]),
            REFERENCES["Linear"],
            X,
            TypeError,
            "weight of Linear must be an array .*, not list",
        ),
        (
            with_(weight=itertools.count()),
            REFERENCES["Linear"],
            X,
            TypeError,
            "weight of Linear must be .*, not count",
        ),
        (
            with_(weight=Endless()),
            REFERENCES["Linear"],
            X,
            TypeError,
            "weight of Linear must be .*, not Endless",
        ),
        (
            with_(weight=Unready()),
            REFERENCES["Linear"],
            X,
            TypeError,
            "weight of Linear is no array: it raised SystemExit",
        ),
        (
            ours("ReLU"),
            REFERENCES["ReLU"],
            X[:0],
            ValueError,
            r"x must be .*, not \(0, 6\) in float32",
        ),
        *(
            (ours("Linear"), reference, X, TypeError, THE_REFERENCES)
            for reference in made_of_others()
        ),
        (ours("Linear"), Zero(6, 4), X, TypeError, rf"{KNOWS} .*test_layer\.Zero"),
        (
            ours("Linear"),
            torch.nn.LazyLinear(4),
            X,
            TypeError,
            "the reference raised RuntimeError: .*; it is no reference .*",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(
    layer: Any, reference: Any, x: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        check_layer(layer, reference, x)
