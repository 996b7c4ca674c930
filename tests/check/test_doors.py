"""Anybody's functions: the right ones pass, the wrong ones are named, whatever they do is told."""

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from compare.check import regimes
from compare.check.bounds import Verdict
from compare.check.doors import check_function
from compare.errors import UserError
from compare.sides import watched
from tests.check.right_functions import (
    LABELS,
    RIGHT,
    affine,
    affine_backward,
    max_pool,
    normal,
    normalized,
    sigmoid,
    softmax,
)
from tests.operands import Array

X = {"x": normal(6, 5)}


def judged(name: str, **changed: Any) -> Any:
    """Check one of the right functions with something else in its place."""
    return check_function(*RIGHT[name]._replace(**changed))


@pytest.mark.parametrize("name", RIGHT)
def test_right_functions_pass_in_both_dtypes(name: str) -> None:
    report = check_function(*RIGHT[name])
    assert report.held and report, report.sentence
    assert "agrees with its reference" in report.sentence
    assert {finding.dtype for finding in report.findings} == {"float32", "float64"}
    assert max(finding.ratio for finding in report.findings) < 0.5
    report.raise_if_wrong()


def back(name: str, **gradients: Callable[..., Any]) -> Callable[..., Any]:
    """Return a backward that gives something else for some gradients, of dy and the operands."""
    right = RIGHT[name].backward

    def backward(dy: Array, **operands: Array) -> Any:
        changed = {of: make(dy, *operands.values()) for of, make in gradients.items()}
        return right(dy, **operands) | changed

    return backward


def accumulating() -> Callable[..., Any]:
    """Return a backward whose gradient of the bias grows from call to call."""
    total: dict[Any, Any] = {}

    def backward(dy: Array, **operands: Array) -> Any:
        gradients = affine_backward(dy, **operands)
        key = dy.dtype.name
        gradients["bias"] = total[key] = total.get(key, 0) + gradients["bias"]
        return gradients

    return backward


SQUARE = {"x": normal(6, 5), "weight": normal(5, 5), "bias": np.zeros(5, np.float32)}
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "affine",
        {"backward": back("affine", weight=lambda dy, x, w, b: dy.T @ x / len(x))},
        "dweight",
        "it is divided by the number of rows of x",
    ),
    (
        "affine",
        {"backward": back("affine", bias=lambda dy, x, w, b: dy.sum()), "operands": SQUARE},
        "dbias",
        r"its shape is \(\), and \(5,\) is needed: it is summed over everything",
    ),
    (
        "affine",
        {"backward": back("affine", bias=lambda dy, x, w, b: dy), "operands": SQUARE},
        "dbias",
        r"its shape is \(6, 5\), and \(5,\) is needed: it is not summed along axis 0",
    ),
    (
        "affine",
        {"backward": back("affine", x=lambda dy, x, w, b: dy @ w.T), "operands": SQUARE},
        "dx",
        "it is as if weight were its transpose",
    ),
    (
        "affine",
        {"backward": back("affine", weight=lambda dy, x, w, b: x.T @ dy), "operands": SQUARE},
        "dweight",
        "it is the transpose of what it should be",
    ),
    (
        "affine",
        {"backward": back("affine", weight=lambda dy, x, w, b: dy.T @ x + w / 2)},
        "dweight",
        "1/2 times weight is added",
    ),
    (
        "affine",
        {"forward": lambda x, weight, bias: x @ weight.T},
        "y",
        "it is as if bias were zero",
    ),
    (
        "affine",
        {"forward": lambda x, weight, bias: affine(x, weight, bias) + bias},
        "y",
        "it is as if bias were twice of it",
    ),
    (
        "affine",
        {"backward": accumulating(), "operands": SQUARE},
        "dbias",
        "the results of all calls before are added",
    ),
    (
        "affine",
        {"backward": back("affine", weight=lambda dy, x, w, b: dy[:-1].T @ x[:-1])},
        "dweight",
        "the last row of dy is left out",
    ),
    (
        "relu",
        {"backward": lambda dy, x: {"x": dy * (x >= 0)}},
        "dx",
        "it is wrong only where x is zero",
    ),
    ("relu", {"backward": lambda dy, x: {"x": dy}}, "dx", "the factor y > 0 is missing"),
    ("relu", {"forward": lambda x: np.where(x > 0, x, x * 0.01)}, "y", ""),
    (
        "tanh",
        {"backward": lambda dy, x: {"x": dy * (1 - x**2)}},
        "dx",
        r"where the derivative is taken, x stands where tanh\(x\) should",
    ),
    (
        "tanh",
        {"forward": lambda x: np.tanh(x).astype(np.float32)},
        "y",
        "it is float32 where the operands are float64",
    ),
    (
        "tanh",
        {"forward": lambda x: np.tanh(x.astype(np.float32)).astype(x.dtype)},
        "y",
        "it is right to the digits of float32 alone",
    ),
    (
        "tanh",
        {"forward": lambda x: np.tanh(x) * x.dtype.type(1 + 1e-12)},
        "y",
        r"it is 1\.000000000001 times what it should be",
    ),
    (
        "sigmoid",
        {"backward": lambda dy, x: {"x": dy * sigmoid(x)}},
        "dx",
        "the factor 1 − y is missing",
    ),
    (
        "softmax",
        {"backward": lambda dy, z: {"z": dy * softmax(z) * (1 - softmax(z))}},
        "dz",
        "it is as if each entry of y depended on that very entry alone",
    ),
    (
        "cross-entropy",
        {"backward": back("cross-entropy", z=lambda dy, z, t: dy * (softmax(z) - np.eye(5)[t]))},
        "dz",
        r"float64 where the operands are float32|it is 6 times what it should be",
    ),
    (
        "layer norm",
        {"backward": back("layer norm", x=lambda dy, x, g, b: dy * g / normalized(x, 1)[1])},
        "dx",
        "it is as if mean and variance were constants",
    ),
    (
        "layer norm",
        {"forward": lambda x, gamma, beta: normalized(x, 0)[0] * gamma + beta},
        "y",
        "",
    ),
    (
        "batch norm",
        {"backward": back("batch norm", gamma=lambda dy, x, g, b: (dy * x).sum(0))},
        "dgamma",
        "",
    ),
    (
        "max pool",
        {"forward": lambda x: np.minimum(max_pool(x), 1)},
        "y",
        "it is clipped to at most 1",
    ),
    (
        "dropout",
        {"backward": lambda dy, x, mask: {"x": dy * 2}},
        "dx",
        "it is as if mask were one",
    ),
    (
        "Gaussian KL",
        {"backward": lambda dy, mu, logvar: {"mu": dy * mu, "logvar": dy * np.expm1(logvar)}},
        "dlogvar",
        "it is 2 times what it should be",
    ),
    (
        "mean squared error",
        {"forward": lambda y, target: np.square(y - target).sum()},
        "y",
        r"it is 30 times what it should be \(entries of y: 30\)",
    ),
]


@pytest.mark.parametrize(("name", "changed", "tensor", "kind"), WRONG)
def test_wrong_ones_fail_and_what_is_wrong_is_named(
    name: str, changed: dict[str, Any], tensor: str, kind: str
) -> None:
    report = judged(name, **changed)
    assert not report.held
    assert {f.tensor for f in report.findings if not f.verdict.held} == {tensor}
    details = {f.detail for f in report.findings if not f.verdict.held}
    assert re.search(kind, max(details)), details
    with pytest.raises(AssertionError, match=re.escape(report.sentence)):
        report.raise_if_wrong()


def test_all_independent_errors_are_told() -> None:
    wrong = back("affine", x=lambda dy, x, w, b: -dy @ w, bias=lambda dy, x, w, b: 2 * dy.sum(0))
    sentence = judged(
        "affine", backward=wrong, forward=lambda x, weight, bias: x @ weight.T
    ).sentence
    assert "y of <lambda> fails" in sentence
    assert re.search("dx of backward fails .*: it is -1 times what it should be", sentence)
    assert re.search("dbias of backward fails .*: it is 2 times what it should be", sentence)
    assert "dweight" not in sentence


def test_what_is_less_exact_passes_and_is_told() -> None:
    def backward(dy: Array, x: Array) -> dict[str, Array]:
        return {"x": 2 * dy[:, None] * (x - x.mean(1, keepdims=True)) / x.shape[1]}

    def operands(rng: np.random.Generator) -> dict[str, Array]:
        return {"x": rng.standard_normal((6, 5)) + 300 * rng.standard_normal((6, 1))}

    report = check_function(
        lambda x: (x * x).mean(1) - x.mean(1) ** 2,
        backward,
        lambda x: x.var(1, correction=0),
        operands,
    )
    assert report.held
    assert re.search(r"y is less exact than it could be: .* by \d", report.sentence)
    assert Verdict.LESS_EXACT in {finding.verdict for finding in report.findings}


@pytest.mark.parametrize(
    ("name", "forward", "told"),
    [
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), "RuntimeWarning: overflow encountered in exp"),
        (
            "softmax",
            lambda z: np.exp(z) / np.exp(z).sum(1, keepdims=True),
            "RuntimeWarning: overflow encountered in exp",
        ),
        (
            "cross-entropy",
            lambda z, labels: -np.log(softmax(z)[np.arange(len(z)), labels]).mean(),
            "RuntimeWarning: divide by zero encountered in log",
        ),
    ],
)
def test_naive_forms_overflow_and_fail_by_their_warning(
    name: str, forward: Callable[..., Any], told: str
) -> None:
    assert f"it raised {told}" in judged(name, forward=forward).sentence


def silenced(x: Array) -> Array:
    """Return a naive softmax that does not warn."""
    with np.errstate(all="ignore"):
        return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def test_a_naive_form_that_is_silenced_fails_by_its_values() -> None:
    report = check_function(silenced, lambda dy, x: {}, lambda x: F.softmax(x, 1), X)
    assert (
        "it is NaN where the reference is finite, only for large operands" in report.sentence
        or ("it is NaN where the reference is finite for large operands" in report.sentence)
    )


def throw(error: BaseException) -> Any:
    """Raise it."""
    raise error


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda x: throw(SystemExit(0)), "it raised SystemExit: 0, on your example"),
        (lambda x: throw(ValueError("bad\nshape")), "it raised ValueError: bad shape"),
        (lambda x: x.tolist(), "it returned a list, not an array"),
        (lambda x: None, "it returned None, not an array"),
        (lambda x: torch.tensor(x), "it returned a Tensor, not an array"),
        (lambda x: np.array(["a"]), "it returned an array of <U1, not of numbers"),
        (lambda x: x + 1j, "it is complex64 where the operands are float32"),
        (
            lambda x: warnings.warn("old", DeprecationWarning, stacklevel=1) or x,
            "it raised DeprecationWarning: old",
        ),
        (lambda x: np.multiply(x, 2, out=x), "it changed its operand x"),
        (lambda x: x.T, r"its shape is (5, 6), and (6, 5) is needed: it is the transpose"),
    ],
)
def test_whatever_somebodys_code_does_is_one_line(act: Callable[..., Any], told: str) -> None:
    report = check_function(act, lambda dy, x: {"x": dy}, lambda x: x * 1, X)
    assert not report.held
    assert told in report.sentence
    assert "\n" not in report.sentence


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ([], "it returned a list, not a dict of arrays"),
        ({"dx": normal(6, 5)}, "a gradient of 'dx', which is no operand; these are x"),
        ({"x": [1.0]}, "it returned a list as 'x', not an array"),
    ],
)
def test_what_backward_returns_is_told(returned: Any, told: str) -> None:
    report = check_function(lambda x: x, lambda dy, x: returned, lambda x: x * 1, X)
    assert told in report.sentence


def test_gradients_that_do_not_come_are_not_judged_and_named() -> None:
    report = judged("affine", backward=lambda dy, x, weight, bias: {"x": dy @ weight})
    assert report.held
    assert report.sentence.endswith("Not judged: dweight, dbias.")


def test_a_gradient_that_comes_of_some_operands_and_not_of_others_fails() -> None:
    def backward(dy: Array, x: Array, weight: Array, bias: Array) -> dict[str, Array]:
        bias_too = {"bias": dy.sum(axis=0)} if np.abs(x).max() < 20 else {}
        return {"x": dy @ weight, **bias_too}

    report = judged("affine", backward=backward)
    assert not report.held
    assert "dbias of backward fails on " in report.sentence
    assert "it is not returned there, and elsewhere it is" in report.sentence
    assert report.sentence.endswith("Not judged: dweight.")


def test_of_a_gradient_that_is_missing_or_wrong_both_are_told() -> None:
    def backward(dy: Array, x: Array) -> dict[str, Array]:
        return {"x": 2 * dy} if np.abs(x).max() < 20 else {}

    report = check_function(lambda x: 1 * x, backward, lambda x: x * 1, X)
    told = r"it is not returned on \d+ of them, and on the others it is 2 times what it should be"
    assert re.search(told, report.sentence), report.sentence


def test_what_is_printed_is_told_and_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    report = judged("relu", forward=lambda x: print("shape", x.shape) or np.maximum(x, 0))
    assert report.held
    assert report.sentence.endswith("It prints: shape (6, 5)")
    assert capsys.readouterr().out == ""


def test_an_interrupt_is_one() -> None:
    with pytest.raises(KeyboardInterrupt):
        judged("relu", forward=lambda x: throw(KeyboardInterrupt()))


def test_a_hidden_nan_is_a_note() -> None:
    report = judged("relu", forward=lambda x: np.where(x > 0, x, 0))
    assert report.held
    assert "Hidden, where the reference shows it: a NaN of x in <lambda>." in report.sentence


@pytest.mark.parametrize(
    ("reference", "operands", "told"),
    [
        (lambda x: x * 1, {}, "operands must be a dict of arrays, or a function that returns one"),
        (lambda x: x * 1, {"x": [1.0]}, "operand 'x' must be an array, not list"),
        (lambda x: x * 1, {"x": np.array(["a"])}, r"operand 'x' must have real numbers .* <U1"),
        (lambda x: x * 1, {"x": np.array([np.nan])}, "operand 'x' has entries that are not finite"),
        (lambda x: x * 1, {"dy": np.ones(3)}, "an operand cannot be called 'dy': .*"),
        (lambda x: 3, X, "the reference returned int, not a tensor of real numbers"),
        (lambda x: x @ x, X, "the reference raised RuntimeError: .*"),
        (lambda z: z, X, "the reference raised TypeError: .*"),
        (lambda x: F.dropout(x), X, "the reference draws random numbers .*"),
    ],
)
def test_what_cannot_be_judged_by_is_refused_in_one_line(
    reference: Any, operands: Any, told: str
) -> None:
    with pytest.raises(UserError, match=f"^{told}$"):
        check_function(lambda x: x, lambda dy, x: {"x": dy}, reference, operands)


def test_operands_of_one_sign_or_of_two_values_keep_their_values() -> None:
    example = {
        "x": normal(6, 5),
        "mask": (normal(6, 5) > 0).astype(np.float32),
        "variance": np.abs(normal(4)) + 1,
        "labels": LABELS,
        "gamma": np.ones(3),
        "bias": np.zeros(3),
    }
    source = regimes.Source(example)
    assert source.free == {"x", "bias", "dy"}
    drawn = source.draw(np.random.default_rng(0))
    for name in ("mask", "variance", "labels"):
        assert set(drawn[name].ravel()) <= set(np.asarray(example[name], drawn[name].dtype).ravel())
    assert (drawn["gamma"] > 0).all() and len(set(drawn["gamma"])) == 3


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_of_what_fits_no_mistake_nothing_is_said(scale: float) -> None:
    def forward(x: Array) -> Array:
        error = scale * np.sin(1e5 * np.arange(1, x.size + 1).reshape(x.shape) ** 2)
        return (np.tanh(x) + error).astype(x.dtype)

    report = judged("tanh", forward=forward)
    assert not report.held
    assert {f.detail for f in report.findings if f.tensor == "y"} == {""}


def test_what_is_infinite_is_no_other_infinity() -> None:
    report = judged("relu", forward=lambda x: np.full_like(x, np.inf))
    assert "y of <lambda> fails on" in report.sentence
    assert "it is infinite where the reference is finite" in report.sentence


def test_a_function_that_never_returns_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "DEADLINE", 0.2)

    def forward(x: Array) -> Array:
        while True:
            pass

    report = check_function(forward, lambda dy, x: {}, lambda x: x, {"x": normal(3, 4)})
    assert not report
    assert (
        "forward fails in float32: it raised TimeoutError: it took longer than" in report.sentence
    )


def test_a_buffer_that_a_later_call_overwrites_is_told() -> None:
    buffers: dict[Any, Array] = {}

    def forward(x: Array) -> Array:
        buffer = buffers.setdefault((x.shape, x.dtype), np.empty_like(x))
        return np.tanh(x, out=buffer)

    assert "a later call changes what was returned" in judged("tanh", forward=forward).sentence


def test_what_is_kept_of_the_first_call_of_a_size_is_seen() -> None:
    kept: dict[Any, Array] = {}

    def backward(dy: Array, x: Array) -> dict[str, Array]:
        return {"x": dy * (kept.setdefault((x.shape, x.dtype), x.copy()) > 0)}

    def operands(rng: np.random.Generator) -> dict[str, Array]:
        return {"x": rng.standard_normal(rng.integers(1, 9, 2))}

    assert not judged("relu", backward=backward, operands=operands).held


def test_a_result_that_is_random_is_told() -> None:
    def backward(dy: Array, x: Array) -> dict[str, Array]:
        return {"x": dy * np.random.default_rng().standard_normal(x.shape).astype(x.dtype)}

    sentence = judged("tanh", backward=backward).sentence
    assert "two calls with the same operands have different results" in sentence


def test_what_ordinary_operands_show_is_told_first() -> None:
    wrong = judged("sigmoid", forward=lambda x: 2 / (1 + np.exp(-x))).sentence
    assert wrong.startswith("y of <lambda> fails")
    assert "it raised RuntimeWarning: overflow encountered in exp" in wrong
