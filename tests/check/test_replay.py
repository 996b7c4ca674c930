"""A replay with noise: every operation of the table is met, and gets what the table says."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from compare.check.replay import BRANCHES, ENTRYWISE, SUMS, UNROUNDED, Replay
from compare.errors import UserError

Tensor = torch.Tensor
UNIT = 1e-9


def names(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


def normal(*shape: int) -> Tensor:
    """Return a tensor of float64, the same at every call."""
    return torch.tensor(np.random.default_rng(0).standard_normal(shape))


X, SQUARE, IMAGES, BITS = normal(4, 3), normal(3, 3), normal(2, 3, 6, 6), torch.arange(12) % 3 > 0
BITS = BITS.reshape(4, 3)
ROWS = torch.tensor([0, 0, 1])
RECURRENT = [of(3, 2).to(torch.float64) for of in (torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM)]


def assigned(x: Tensor) -> Tensor:
    """Return an array that x's first row is written into."""
    y = torch.zeros(4, 3, dtype=x.dtype)
    y[0] = x[0]
    return y


FUNCTIONS: list[Callable[..., Any]] = [
    lambda x: F.linear(x, SQUARE, X[0]),
    lambda x: torch.stack([x, x]) @ SQUARE,
    lambda x: torch.einsum("ij,kj->ik", x, X),
    lambda x: x @ X[0],
    lambda x: F.cross_entropy(x, torch.tensor([0, 1, 2, 1])),
    lambda x: F.layer_norm(x, (3,)),
    lambda x: F.batch_norm(x, None, None, training=True),
    lambda x: F.group_norm(x.reshape(2, 6, 1), 2),
    lambda x: F.rms_norm(x, (3,)),
    lambda x: F.embedding(ROWS, x),
    lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None]),
    lambda x: -0.5 * (1 + x - x**2 - x.exp()).sum(),
    *(getattr(F, name) for name in names("relu gelu silu elu leaky_relu softplus mish hardswish")),
    *(getattr(F, name) for name in names("hardtanh logsigmoid relu6 selu celu softsign")),
    *(getattr(torch, name) for name in names("tanh sigmoid exp sin cos tan sinh cosh abs sign")),
    *(getattr(torch, name) for name in names("erf erfc atan square exp2 expm1 floor ceil round")),
    *(getattr(torch, name) for name in names("trunc logit sum mean amax amin max min")),
    *(getattr(torch, name) for name in names("isfinite isinf logical_not zeros_like ones_like")),
    lambda x: torch.log(x.abs()) + torch.log1p(x.abs()) + torch.log2(x.abs()) + x.abs().log10(),
    lambda x: x.abs().sqrt() + x.abs().rsqrt() + x.reciprocal() + x.abs().pow(1.5),
    lambda x: torch.asin(x / 9) + torch.acos(x / 9) + torch.atan2(x, X + 9) + torch.erfinv(x / 9),
    lambda x: torch.logaddexp(x, X + 1) + torch.xlogy(x, X.abs()) + torch.lgamma(x.abs() + 1),
    lambda x: torch.remainder(x, 2) + torch.fmod(x, 2) + (1 - x) + torch.lerp(x, X, 0.3),
    lambda x: torch.addcmul(x, x, X) + torch.addcdiv(x, x, X),
    lambda x: F.softmax(x, 1) + F.log_softmax(x, 1),
    lambda x: x.logsumexp(1) + x.var(1) + x.std(1) + x.norm(dim=1) + x.prod(1) + x.max(1)[0],
    lambda x: x.cumsum(0) + x.cumprod(1) + x.sort(1)[0] + x.argsort(1) + x.topk(3)[0],
    lambda x: x.argmax(1) + x.argmin(1) + x[:, 0],
    lambda x: x.clamp(-1, 1) + x.clamp_min(0) + x.clamp_max(0),
    lambda x: torch.maximum(x, X + 0.1) + torch.minimum(x, X + 0.1),
    lambda x: torch.where((x > 0) | (x <= -1) & (x != 3) ^ (x >= 2), x, 2 * x),
    lambda x: x.masked_fill(x < 0, 0.0) + x * BITS.bitwise_not() + torch.where(x == 0, x, 1.0),
    lambda x: torch.where(torch.isnan(x) | ~torch.logical_xor(BITS, x > 0), x, 0.0),
    assigned,
    lambda x: x[1:, 0],
    lambda x: x.permute(1, 0).reshape(4, 3).expand(2, 4, 3).repeat(1, 1, 2),
    lambda x: x[ROWS] + x.index_select(0, ROWS) + x.gather(0, ROWS.expand(3, 3)),
    lambda x: x.index_add(0, ROWS, x[:3]) + x.scatter_add(0, ROWS.expand(3, 3), x[:3]),
    lambda x: torch.cat([x, x]) + torch.stack([x, x]).reshape(8, 3) + x.repeat(2, 1),
    lambda x: torch.cat([*x.split(2), *x.chunk(2)]) + torch.vstack(x.unbind(0) * 2),
    lambda x: x.tril() + x.triu() + x.roll(1, 0) + x.flip(0) + x.permute(1, 0).reshape(4, 3),
    lambda x: x.diagonal() + torch.diag_embed(x)[0, 0] + x.narrow(0, 0, 1)[0] + x.T.clone()[:, 0],
    lambda x: x.to(torch.float64) + x.to(torch.float32).double() + x.new_ones(3) + x.new_zeros(3),
    lambda x: x + torch.full((3,), 2.0) + torch.arange(3) + x.new_full((3,), 1.0) + torch.zeros(3),
    lambda x: x + F.one_hot(ROWS, 3)[0] + torch.full_like(x, 2) + torch.ones(3) + torch.eye(3)[0],
    lambda x: F.pad(x, (1, 1)),
    lambda x: F.mse_loss(x, X + 1) + F.smooth_l1_loss(x, X + 1) + F.huber_loss(x, X + 1),
    lambda x: F.l1_loss(x, X + 1) + F.kl_div(x.log_softmax(1), X.softmax(1), reduction="batchmean"),
    lambda x: F.binary_cross_entropy(x.sigmoid(), X.sigmoid()),
    lambda x: F.binary_cross_entropy_with_logits(x, X.sigmoid()),
    lambda x: F.normalize(x) + F.cosine_similarity(x, x * 2 + 1)[:, None] + F.glu(x[:, [0, 1]]),
    lambda x: F.conv2d(IMAGES * x.sum(), SQUARE[None, :, :2, None] * x[0, 0], padding=1),
    lambda x: F.conv_transpose2d(IMAGES * x.sum(), SQUARE[:, :, None, None], stride=2),
    lambda x: F.conv1d(x[None], X[:, None, :2].expand(4, 4, 2), groups=1),
    lambda x: F.max_pool2d(IMAGES * x.sum(), 3, 2),
    lambda x: F.avg_pool2d(IMAGES * x.sum(), 2),
    lambda x: F.adaptive_avg_pool2d(IMAGES * x.sum(), 2),
    lambda x: F.interpolate(IMAGES * x.sum(), scale_factor=2),
    lambda x: F.fold(F.unfold(IMAGES * x.sum(), 2), (6, 6), 2),
    lambda x: x.clone().add_(1).mul_(2).sub_(X).div_(3).tanh_(),
    lambda x: x.clone().relu_() + x.clone().sigmoid_(),
    lambda x: x.clone().zero_() + x.clone().fill_(2.0),
    *(lambda x, cell=cell: cell(x[:, None])[0] for cell in RECURRENT),
]


def run(function: Callable[..., Any], mode: Replay) -> dict[str, np.ndarray]:
    """Return what a function and its gradient of X come to."""
    x = X.clone().requires_grad_()
    with sdpa_kernel(SDPBackend.MATH), mode:
        y = function(x)
        found = {"y": y}
        if y.requires_grad:
            (found["dx"],) = torch.autograd.grad(y, x, torch.ones_like(y), allow_unused=True)
    return {name: value.detach().numpy() for name, value in found.items() if value is not None}


def test_every_operation_of_the_table_is_met_and_replayed() -> None:
    met: set[str] = set()
    for function in FUNCTIONS:
        clean, noisy = Replay(), Replay(UNIT, seed=1)
        for name, value in run(function, clean).items():
            np.testing.assert_allclose(run(function, noisy)[name], value, rtol=1e-3, atol=1e-3)
        met |= {name for name, _ in clean.steps}
    assert met >= UNROUNDED | BRANCHES | ENTRYWISE | SUMS.keys()


ONES = torch.ones(40, 100)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda: ONES.T.reshape(50, 80)[::2].clone(), 0),
        (lambda: F.relu(ONES), 0),
        (lambda: torch.exp(0 * ONES), 1),  # of the result alone: the operand is zero
        (lambda: ONES * ONES, 3**0.5),  # two operands, one result
        (lambda: ONES.sum(1), 101**0.5 + 100 / 24),
        (lambda: ONES @ ONES.T, 101**0.5 + 100 / 24),
        (lambda: F.conv2d(torch.ones(1, 2, 9, 9), torch.ones(4, 2, 3, 3)), 19**0.5 + 18 / 24),
    ],
)
def test_the_noise_is_of_the_size_that_the_table_says(
    function: Callable[[], Tensor], expected: float
) -> None:
    with Replay():
        clean = function().double()
    with Replay(1e-4, seed=2):
        noisy = function().double()
    found = float((noisy / clean - 1).square().mean().sqrt()) / 1e-4
    assert found == pytest.approx(expected, rel=0.25)


def test_what_is_not_in_the_table_is_named_in_one_line() -> None:
    told = "the reference uses aten::linalg_inv_ex, of whose rounding nothing is known; write it "
    with pytest.raises(UserError, match=f"^{re.escape(told)}"):
        run(lambda x: torch.linalg.inv(x[:3]), Replay())


@pytest.mark.parametrize("function", [F.dropout, lambda x: x + torch.rand_like(x)])
def test_what_is_random_is_asked_for_as_an_operand(function: Callable[..., Any]) -> None:
    told = r"^the reference draws random numbers \(.*\); draw them outside, and hand them in as an "
    with pytest.raises(UserError, match=told):
        run(function, Replay())


def test_a_name_is_in_one_list_alone() -> None:
    lists = (UNROUNDED, BRANCHES, ENTRYWISE, SUMS.keys())
    assert len(frozenset().union(*lists)) == sum(map(len, lists))


def test_a_domain_that_the_noise_would_leave_is_not_left() -> None:
    with Replay(UNIT):
        value = torch.acos(torch.ones(100).double())
    assert value.isfinite().all()


def test_decisions_are_recorded_and_differ_where_rounding_makes_them() -> None:
    def decided(x: Tensor, seed: int) -> list[Tensor]:
        mode = Replay(UNIT, seed)
        with mode:
            F.relu(x @ torch.ones(3, dtype=x.dtype) - 1)
        return mode.branches

    apart, near = torch.eye(3).double() * 2, torch.ones(50, 3).double() / 3
    assert all(map(torch.equal, decided(apart, 1), decided(apart, 2)))
    assert not all(map(torch.equal, decided(near, 1), decided(near, 2)))


def test_masks_stand_in_for_what_a_relu_decides_forward_and_backward() -> None:
    mask = X > 0.5
    found = run(F.relu, Replay(masks=iter([mask])))
    np.testing.assert_allclose(found["y"], torch.where(mask, X, 0), atol=1e-300)
    assert np.array_equal(found["dx"], mask)
    found = run(F.relu, Replay(masks=iter([X < 0])))
    assert np.array_equal(found["dx"], X < 0)


def test_softplus_is_replayed_without_its_approximation() -> None:
    x = torch.tensor([25.0], dtype=torch.float64)
    with Replay():
        assert F.softplus(x) - 25 == pytest.approx(np.exp(-25.0), rel=1e-3)
