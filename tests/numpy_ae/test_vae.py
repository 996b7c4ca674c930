"""The variational autoencoder: its gradients by autograd and by the complex step, its draw."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch.distributions import Normal, kl_divergence

import numpy_ae
import torch_ae
from tests.operands import (
    Array,
    Draw,
    assert_equal,
    assert_near,
    assert_same,
    frozen,
    seeds,
    sizes,
    tensor,
)

LAYERS = ("fc1", "fc_mean", "fc_logvar", "fc3", "fc4")
PARAMETERS = tuple(f"{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias"))
CACHE = (
    *("input", "fc1", "relu1", "fc_mean", "fc_logvar", "noise", "deviation", "draw"),
    *("fc3", "relu3", "fc4", "sigmoid"),
)
AUTOGRAD, COMPLEX_STEP = 1e-14, 1e-13  # of a tensor's largest entry, in float64
H = 1e-30  # of the complex step
BETAS = (0.0, 0.25, 1.0, 3.0)

loss, kl = numpy_ae.SumSquaredError(), numpy_ae.GaussianKL()


def vae(*widths: int, seed: int = 0, dtype: str = "float64") -> numpy_ae.VariationalAutoencoder:
    """Return the network by hand, 3-6-8 unless told otherwise, at a random start."""
    rng = np.random.default_rng(seed)
    return numpy_ae.VariationalAutoencoder(*(widths or (3, 6, 8)), rng=rng, dtype=dtype)


def in_torch(model: numpy_ae.VariationalAutoencoder) -> torch_ae.VariationalAutoencoder:
    """Return torch's network of the same widths, dtype and parameters."""
    latent, hidden = model.fc_mean.weight.shape
    widths = latent, hidden, model.fc1.weight.shape[1]
    dtype = getattr(torch, model.fc1.weight.dtype.name)
    theirs = torch_ae.VariationalAutoencoder(*widths, generator=torch.Generator(), dtype=dtype)
    theirs.load_state_dict(model.state_dict())
    return theirs


def gradients(
    model: numpy_ae.VariationalAutoencoder, x: Array, target: Array, noise: Array, beta: float
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the cache and every gradient of squared error + beta · divergence, by hand."""
    cache: dict[str, Array] = {}
    y = model.forward(x, noise, cache)
    dmean, dlogvar = kl.backward(cache["fc_mean"], cache["fc_logvar"])
    return cache, model.backward(loss.backward(y, target), beta * dmean, beta * dlogvar, cache)


@pytest.mark.parametrize("beta", BETAS)
@given(seed=seeds, batch=sizes, latent=sizes, hidden=sizes, pixels=sizes)
def test_every_activation_and_gradient_is_autograds(
    beta: float, seed: int, batch: int, latent: int, hidden: int, pixels: int
) -> None:
    draw, model = Draw(seed), vae(latent, hidden, pixels, seed=seed)
    x, target, noise = draw(batch, pixels), draw(batch, pixels), draw(batch, latent)
    cache, found = gradients(model, x, target, noise, beta)
    theirs, acts = in_torch(model), dict[str, torch.Tensor]()
    y = theirs(tensor(x), tensor(noise), acts)
    traced = {name: act for name, act in acts.items() if act.requires_grad}
    for act in traced.values():
        act.retain_grad()
    divergence = torch_ae.GaussianKL()(acts["fc_mean"], acts["fc_logvar"])
    (torch_ae.SumSquaredError()(y, tensor(target)) + beta * divergence).backward()
    assert tuple(cache) == tuple(acts) == CACHE
    leaves = {**traced, **dict(theirs.named_parameters())}
    assert found.keys() == leaves.keys()
    for name, act in acts.items():
        assert_near(cache[name], act, AUTOGRAD * np.abs(cache[name]).max())
    for name, leaf in leaves.items():
        assert leaf.grad is not None
        assert_near(found[name], leaf.grad, AUTOGRAD * np.abs(found[name]).max(initial=1e-300))


@pytest.mark.parametrize("name", PARAMETERS)
@settings(max_examples=10)
@given(seed=seeds)
def test_each_gradient_is_the_complex_steps(name: str, seed: int) -> None:
    model, draw, beta = vae(seed=seed), Draw(seed), 0.7
    x, target, noise = draw(5, 8), draw(5, 8), draw(5, 3)
    _, found = gradients(model, x, target, noise, beta)
    direction = draw(*found[name].shape)
    moved = vae(dtype="complex128")
    moved.load_state_dict(
        {
            key: p + (1j * H * direction if key == name else 0)
            for key, p in model.state_dict().items()
        }
    )
    cache: dict[str, Array] = {}
    y = moved.forward(x + 0j, noise + 0j, cache)
    value = loss.forward(y, target + 0j) + beta * kl.forward(cache["fc_mean"], cache["fc_logvar"])
    terms = found[name] * direction
    assert abs(value.imag / H - terms.sum()) <= COMPLEX_STEP * np.abs(terms).sum()


@given(seeds, sizes, sizes)
def test_the_divergence_is_torchs_own(seed: int, batch: int, latent: int) -> None:
    draw = Draw(seed)
    mean, logvar = draw(batch, latent), draw(batch, latent)
    theirs = Normal(tensor(mean), torch.exp(tensor(logvar) / 2))
    expected = kl_divergence(theirs, Normal(0.0, 1.0)).sum().item()
    assert kl.forward(mean, logvar) == pytest.approx(expected, rel=1e-12)


def test_the_divergence_keeps_its_digits_near_the_prior() -> None:
    # e^x − 1 − x is x²/2 + x³/6 + …; in float64, 1e-6 squared has no digit left beside 1.
    x = np.full((1, 1), 1e-6)
    assert kl.forward(np.zeros((1, 1)), x) == pytest.approx(1e-12 / 4, rel=1e-3)
    assert kl.forward(0 * x, 0 * x) == 0


def test_a_draw_has_the_mean_and_the_deviation_that_it_is_given() -> None:
    noise = np.random.default_rng(0).standard_normal((100_000, 1))
    y = numpy_ae.Draw().forward(np.full_like(noise, 3), np.full_like(noise, 0.5), noise)
    assert y.mean() == pytest.approx(3, abs=0.01)  # six standard errors
    assert y.std() == pytest.approx(0.5, abs=0.01)
    logvar = np.log(np.array([[0.25, 4.0]]))
    np.testing.assert_allclose(numpy_ae.Deviation().forward(logvar), [[0.5, 2.0]], rtol=1e-15)


def test_without_noise_the_network_is_the_decoding_of_the_mean() -> None:
    model, x = vae(), Draw(0)(5, 8)
    mean, _ = model.encode(x)
    assert_equal(model(x, np.zeros_like(mean)), model.decode(mean))


@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble", "complex128"])
def test_it_stays_in_the_dtype_that_it_is_given_and_changes_no_argument(dtype: str) -> None:
    model, draw = vae(dtype=dtype), Draw(0, dtype)  # what is drawn cannot be written into
    for param in model.parameters().values():
        frozen(param)
    cache, found = gradients(model, draw(5, 8), draw(5, 8), draw(5, 3), 0.5)
    assert {array.dtype for array in (*cache.values(), *found.values())} == {np.dtype(dtype)}
    shapes = {**cache, **model.parameters()}
    assert all(gradient.shape == shapes[name].shape for name, gradient in found.items())
    for array in cache.values():
        frozen(array)
    dy, dmean, dlogvar = draw(5, 8), draw(5, 3), draw(5, 3)
    model.backward(dy, dmean, dlogvar, cache)


def test_the_start_is_pytorchs_and_drawn_once_in_the_order_of_the_layers() -> None:
    model = vae(4, 30, 50)
    assert tuple(model.state_dict()) == PARAMETERS == tuple(in_torch(model).state_dict())
    rng = np.random.default_rng(0)
    for name, widths in zip(LAYERS, ((50, 30), (30, 4), (30, 4), (4, 30), (30, 50)), strict=True):
        drawn = numpy_ae.Linear(*widths, rng=rng, dtype=np.float64)
        assert_equal(model.parameters()[f"{name}.weight"], drawn.weight)
        assert_equal(model.parameters()[f"{name}.bias"], drawn.bias)


@pytest.mark.parametrize("beta", BETAS)
def test_a_step_returns_both_terms_from_before_it_and_takes_the_gradients_step(beta: float) -> None:
    draw, model, other = Draw(0), vae(), vae()
    x, target, noise = draw(5, 8), draw(5, 8), draw(5, 3)
    optimizer = numpy_ae.Adam(model.parameters())
    found = numpy_ae.vae_train_step(model, loss, kl, optimizer, x, target, noise, beta)
    cache, grads = gradients(other, x, target, noise, beta)
    error = loss.forward(cache["sigmoid"], target)
    assert found == (float(error), float(kl.forward(cache["fc_mean"], cache["fc_logvar"])))
    assert [type(term) for term in found] == [float, float]
    numpy_ae.Adam(other.parameters()).step(grads)
    assert_same(model.parameters(), other.parameters())


def test_torchs_steps_are_the_same_ones() -> None:
    draw, model = Draw(0), vae()
    theirs = in_torch(model)
    ours, adam = numpy_ae.Adam(model.parameters()), torch_ae.Adam(theirs.parameters())
    parts = torch_ae.SumSquaredError(), torch_ae.GaussianKL()
    for _ in range(20):
        batch = draw(5, 8), np.abs(np.tanh(draw(5, 8))), draw(5, 3)
        found = numpy_ae.vae_train_step(model, loss, kl, ours, *batch, 0.5)
        noisy, clean, noise = map(tensor, batch)
        expected = torch_ae.vae_train_step(theirs, *parts, adam, noisy, clean, noise, 0.5)
        assert found == pytest.approx(expected, rel=1e-12)
    for name, param in theirs.named_parameters():
        assert_near(model.parameters()[name], param, 1e-12)


def test_training_lowers_the_bound() -> None:
    draw, model = Draw(0), vae()
    optimizer = numpy_ae.Adam(model.parameters(), lr=0.01)
    x, target = draw(5, 8), np.abs(np.tanh(draw(5, 8)))
    first, *_, last = (
        sum(numpy_ae.vae_train_step(model, loss, kl, optimizer, x, target, draw(5, 3)))
        for _ in range(300)
    )
    assert last < first / 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda model: model(np.ones((5, 8)), np.ones((1, 3))),
            ValueError,
            r"noise has shape \(1, 3\), not \(5, 3\)",
        ),
        (
            lambda model: model(np.ones((5, 8)), np.ones((5, 3), "longdouble")),
            TypeError,
            "noise is .*, where float64 is needed",
        ),
        (
            lambda _: kl.forward(np.ones((5, 3)), np.ones((5, 1))),
            ValueError,
            r"logvar has shape \(5, 1\), not \(5, 3\)",
        ),
        (lambda model: model.decode(np.ones((5, 4))), ValueError, r"x has shape \(5, 4\), not .*"),
    ],
)
def test_what_does_not_fit_is_refused(
    call: Callable[[numpy_ae.VariationalAutoencoder], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        call(vae())


def test_torch_refuses_what_it_would_broadcast() -> None:
    model = in_torch(vae())
    with pytest.raises(ValueError, match=r"noise has shape \(1, 3\), not \(5, 3\)"):
        model(torch.ones(5, 8).double(), torch.ones(1, 3).double())
    with pytest.raises(ValueError, match=r"logvar has shape \(5, 1\), not \(5, 3\)"):
        torch_ae.GaussianKL()(torch.ones(5, 3), torch.ones(5, 1))
