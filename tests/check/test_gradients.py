"""Three whole networks with their gradients by hand: right, they pass; every fault is named."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from compare import check_gradients
from compare.check.bounds import Verdict
from compare.errors import UserError
from tests.check.right_functions import LABELS, conv, normal
from tests.operands import Array

Tensor = torch.Tensor
Result = tuple[Any, dict[str, Array]]


def some(*shape: int) -> Array:
    """Return small numbers of both signs, of a shape, the same at every call."""
    return normal(*shape)[::-1] * np.float32(0.5)


def softplus(x: Array) -> Array:
    """Compute log(1 + eˣ), also of complex numbers."""
    return np.where(x.real > 0, x, 0) + np.log1p(np.exp(np.where(x.real > 0, -x, x)))


def sigmoid(x: Array) -> Array:
    """Compute 1 / (1 + e⁻ˣ), also of complex numbers."""
    e = np.exp(np.where(x.real > 0, -x, x))
    return np.where(x.real > 0, 1, e) / (1 + e)


def classifier(
    x: Array, w1: Array, b1: Array, w2: Array, b2: Array, labels: Array, *, fault: str = ""
) -> Result:
    """Return the cross-entropy of a network with one hidden layer, and its gradients."""
    n, at = len(x), (np.arange(len(x)), labels)
    h = x @ w1 + b1
    a = np.where(h.real > 0, h, 0)
    z = a @ w2 + b2
    z = z - z.real.max(1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    dz = np.exp(log_p)
    dz[at] -= 1
    dz = dz / n
    if fault == "summed, not averaged":
        dz = dz * n
    da = dz @ w2.T
    dh = da if fault == "no mask" else da * (h.real > 0)
    gradients = {"w2": a.T @ dz, "b2": dz.sum(0), "w1": x.T @ dh, "b1": dh.sum(0)}
    if fault == "pre-activation":
        gradients["w2"] = h.T @ dz
    if fault == "first row":
        gradients["b1"] = dh[0]
    return -log_p[at].mean(), gradients


def classifier_reference(
    x: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    labels: Tensor,
) -> Tensor:
    """Return its loss in torch."""
    return F.cross_entropy(F.relu(x @ w1 + b1) @ w2 + b2, labels)


CLASSIFIER = {
    "x": normal(6, 5),
    "w1": some(5, 7),
    "b1": some(7),
    "w2": some(7, 5),
    "b2": np.zeros(5, np.float32),
    "labels": LABELS,
}


def vae(x: Array, eps: Array, w_mu: Array, w_lv: Array, w_d: Array, *, fault: str = "") -> Result:
    """Return the loss of a variational autoencoder whose noise is an operand, and its gradients."""
    mu, lv = x @ w_mu, x @ w_lv
    std = np.exp(lv / 2)
    z = mu + std * eps
    logits = z @ w_d
    kl = -0.5 * (1 + lv - mu * mu - np.exp(lv)).sum()
    if fault == "KL without its half":
        kl = 2 * kl
    loss = (softplus(logits) - logits * x).sum() + kl
    dlogits = sigmoid(logits) - x
    dz = dlogits @ w_d.T
    dmu = dz if fault == "KL's gradient of mu forgotten" else dz + mu
    half = 1 if fault == "half missing" else 0.5
    dlv = half * dz * eps * std
    if fault != "KL's gradient of logvar forgotten":
        dlv = dlv + 0.5 * (np.exp(lv) - 1)
    gradients = {"w_mu": x.T @ dmu, "w_lv": x.T @ dlv, "w_d": z.T @ dlogits}
    if fault == "mean instead of sample":
        gradients["w_d"] = mu.T @ dlogits
    return loss, gradients


def vae_reference(x: Tensor, eps: Tensor, w_mu: Tensor, w_lv: Tensor, w_d: Tensor) -> Tensor:
    """Return its loss in torch."""
    mu, lv = x @ w_mu, x @ w_lv
    logits = (mu + torch.exp(lv / 2) * eps) @ w_d
    kl = -0.5 * (1 + lv - mu**2 - lv.exp()).sum()
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + kl


VAE = {
    "x": np.abs(normal(6, 5)) % 1,
    "eps": normal(6, 3),
    "w_mu": some(5, 3),
    "w_lv": some(5, 3)[::-1].copy() * np.float32(0.5),
    "w_d": some(3, 5),
}


def autoencoder(x: Array, k: Array, w: Array, v: Array, *, fault: str = "") -> Result:
    """Return the squared error of a convolution, tanh, a bottleneck and back, and its gradients."""
    c = conv(x, k)
    h = np.tanh(c).reshape(len(x), -1)
    code = h @ w
    y = (code @ v).reshape(x.shape)
    error = y - x
    dy = (2 * error).reshape(len(x), -1)
    if fault == "2 forgotten":
        dy = dy / 2
    dcode = dy @ v.T
    dh = dcode @ w.T
    slope = 1 - h if fault == "slope of tanh" else 1 - h * h
    dc = (dh * slope).reshape(c.shape)
    dk = np.zeros(k.shape, np.result_type(x, k, w, v))
    for i in range(dc.shape[2]):
        for j in range(dc.shape[3]):
            patch = x[:, :, i : i + k.shape[2], j : j + k.shape[3]]
            dk += np.tensordot(dc[:, :, i, j].T, patch, 1)
    if fault == "kernel turned over":
        dk = dk[:, :, ::-1, ::-1]
    return (error * error).sum(), {"v": code.T @ dy, "w": h.T @ dcode, "k": dk}


def autoencoder_reference(x: Tensor, k: Tensor, w: Tensor, v: Tensor) -> Tensor:
    """Return its loss in torch."""
    h = torch.tanh(F.conv2d(x, k)).flatten(1)
    return (h @ w @ v - x.flatten(1)).square().sum()


AUTOENCODER = {"x": normal(3, 1, 5, 5), "k": some(2, 1, 3, 3), "w": some(18, 4), "v": some(4, 25)}
NETWORKS: dict[str, tuple[Callable[..., Result], Callable[..., Tensor], dict[str, Array]]] = {
    "classifier": (classifier, classifier_reference, CLASSIFIER),
    "VAE": (vae, vae_reference, VAE),
    "autoencoder": (autoencoder, autoencoder_reference, AUTOENCODER),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_right_networks_pass_by_the_reference_and_by_the_complex_step(name: str) -> None:
    report = check_gradients(*NETWORKS[name])
    assert report.held, report.sentence
    assert "complex" not in report.sentence, report.sentence
    steps = [f for f in report.findings if f.stage == "complex step"]
    assert len(steps) >= 3
    assert {f.verdict for f in steps} == {Verdict.WITHIN}
    assert max(f.ratio for f in report.findings) < 0.5


EVERY = "All gradients of .* fail alike: they are {} times what they should be.* Look at the loss"
FAULTS: dict[tuple[str, str], tuple[list[str], str]] = {
    ("classifier", "summed, not averaged"): (["dw2", "db2", "dw1", "db1"], EVERY.format(6)),
    ("classifier", "no mask"): (
        ["dw1", "db1"],
        "as if the derivative of relu were left out.* db2, dw2 pass, and d.1 is the first",
    ),
    ("classifier", "pre-activation"): (
        ["dw2"],
        r"in the derivative, \(x @ w1 \+ b1\)ᵀ stands where relu\(x @ w1 \+ b1\)ᵀ should",
    ),
    ("classifier", "first row"): (["db1"], r"db1 of faulty fails on \d+ of"),
    ("VAE", "KL without its half"): (["loss"], r"loss of faulty fails on \d+ of"),
    ("VAE", "KL's gradient of mu forgotten"): (["dw_mu"], r"as if \(x @ w_mu\)² were a constant"),
    ("VAE", "KL's gradient of logvar forgotten"): (
        ["dw_lv"],
        "as if the derivative of exp were left out",
    ),
    ("VAE", "half missing"): (["dw_lv"], "as if eps were 2 times as large"),
    ("VAE", "mean instead of sample"): (
        ["dw_d"],
        r"in the derivative, \(x @ w_mu\)ᵀ stands where \(x @ w_mu \+ exp",
    ),
    ("autoencoder", "2 forgotten"): (["dv", "dw", "dk"], EVERY.format("1/2")),
    ("autoencoder", "slope of tanh"): (
        ["dk"],
        "as if the derivative of tanh were 1 − y, y being its result",
    ),
    ("autoencoder", "kernel turned over"): (
        ["dk"],
        "in reverse order along axis 2 and along axis 3",
    ),
}


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_faults_are_caught_and_named(name: str, fault: str) -> None:
    tensors, told = FAULTS[name, fault]
    network, reference, operands = NETWORKS[name]

    def faulty(**given: Array) -> Result:
        return network(**given, fault=fault)

    report = check_gradients(faulty, reference, operands)
    assert not report.held
    wrong = {f.tensor for f in report.findings if not f.verdict.held and f.stage != "complex step"}
    assert wrong == set(tensors)
    assert re.search(told, report.sentence), report.sentence


def test_what_is_not_analytic_is_not_judged_by_the_complex_step_and_said() -> None:
    def loss_and_grads(x: Array) -> Result:
        return (x * np.conj(x)).real.sum(), {"x": 2 * x}

    report = check_gradients(loss_and_grads, lambda x: (x * x).sum(), {"x": normal(6, 5)})
    assert report.held
    assert "Not judged by the complex step" in report.sentence


def test_a_loss_may_be_a_float_and_then_the_complex_step_is_not_judged() -> None:
    def loss_and_grads(x: Array) -> Result:
        return float((x * x).sum()), {"x": 2 * x}

    report = check_gradients(loss_and_grads, lambda x: (x * x).sum(), {"x": normal(6, 5)})
    assert report.held
    told = "Not judged by the complex step: of complex operands, the code raised TypeError"
    assert told in report.sentence


def test_gradients_of_another_loss_than_the_references_are_told_to_be_so() -> None:
    def loss_and_grads(x: Array) -> Result:
        return (x * x * x).sum(), {"x": 3 * x * x}

    report = check_gradients(loss_and_grads, lambda x: (x**4).sum(), {"x": normal(6, 5)})
    assert not report.held
    assert "The gradients are those of this loss, which is not the reference's." in report.sentence


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (1.0, "it returned float, not a tuple of a loss and a dict of gradients"),
        (("a", {}), "it returned a str, not an array"),
        ((1.0, None), "it returned None, not a dict of arrays"),
    ],
)
def test_what_is_no_loss_with_gradients_is_told(returned: Any, told: str) -> None:
    report = check_gradients(lambda x: returned, lambda x: (x * x).sum(), {"x": normal(6, 5)})
    assert told in report.sentence


def test_a_reference_that_returns_no_scalar_is_refused() -> None:
    with pytest.raises(UserError, match=r"^the reference must return a loss, of shape \(\), not "):
        check_gradients(lambda x: (1.0, {}), lambda x: x * x, {"x": normal(6, 5)})
