"""The reference is the library's own parts in the article's order, and touches no global state."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import torch_ae
from tests.networks import CACHE, LAYERS, PARAMETERS, in_torch, network
from tests.operands import Draw, tensor

loss = torch_ae.SumSquaredError()
KINDS = (nn.Linear, nn.ReLU, nn.Linear, nn.Linear, nn.ReLU, nn.Linear, nn.Sigmoid)


def test_every_part_is_the_librarys() -> None:
    model = in_torch(network())
    assert tuple(name for name, _ in model.named_children()) == LAYERS
    assert all(isinstance(layer, kind) for layer, kind in zip(model.children(), KINDS, strict=True))
    assert torch_ae.ReLU is nn.ReLU
    assert torch_ae.Sigmoid is nn.Sigmoid
    assert torch_ae.Adam is torch.optim.Adam
    assert torch_ae.Linear.forward is nn.Linear.forward
    assert issubclass(torch_ae.SumSquaredError, nn.MSELoss)
    assert torch_ae.SumSquaredError().reduction == "sum"


def test_the_network_is_its_layers_in_sequence() -> None:
    model, x = in_torch(network()), tensor(Draw(0)(5, 8))
    cache: dict[str, torch.Tensor] = {}
    y = model(x, cache)
    assert tuple(cache) == CACHE
    assert torch.equal(y, nn.Sequential(*model.children())(x))
    assert torch.equal(y, model.decode(model.encode(x)))
    assert torch.equal(cache["fc2"], model.encode(x))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda model: model(torch.ones(8)), ValueError, r"x has shape \(8,\), not \(batch, 8\)"),
        (
            lambda model: model(torch.ones(2, 6)),
            ValueError,
            r"x has shape \(2, 6\), not \(batch, 8\)",
        ),
        (
            lambda model: model.decode(torch.ones(2, 8)),
            ValueError,
            r"z has shape \(2, 8\), not \(batch, 3\)",
        ),
        (
            lambda model: model(torch.ones(2, 8).double()),
            TypeError,
            "x is torch.float64, where torch.float32 is needed",
        ),
        (lambda model: model([[1.0] * 8]), TypeError, "x is a list, not a tensor"),
        (
            lambda _: loss(torch.ones(2, 8), torch.ones(1, 8)),
            ValueError,
            r"target has shape \(1, 8\), not \(2, 8\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_both_shapes(
    call: Callable[[torch_ae.Autoencoder], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        call(in_torch(network(dtype="float32")))


def test_a_network_is_made_from_its_generator_and_leaves_the_global_one_alone() -> None:
    before = torch.get_rng_state()
    first, second = (
        torch_ae.Autoencoder(3, 6, 8, generator=torch.Generator().manual_seed(7)) for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


def test_arrays_are_loaded_as_tensors_are_and_copied() -> None:
    model, arrays = in_torch(network()), network(seed=1).state_dict()
    model.load_state_dict(arrays)
    loaded = model.state_dict()["fc1.weight"]
    np.testing.assert_array_equal(loaded, arrays["fc1.weight"])
    assert not np.shares_memory(loaded.numpy(), arrays["fc1.weight"])


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_state_dict_that_lacks_a_parameter_is_refused(name: str) -> None:
    model, arrays = in_torch(network()), network(seed=1).state_dict()
    del arrays[name]
    with pytest.raises(RuntimeError, match=name):
        model.load_state_dict(arrays)


def test_a_step_returns_the_loss_before_the_update_and_an_epoch_the_sum() -> None:
    draw, loss = Draw(0), torch_ae.SumSquaredError()
    batches = [(tensor(draw(n, 8)), torch.sigmoid(tensor(draw(n, 8)))) for n in (5, 5, 1)]
    model, other = in_torch(network()), in_torch(network())
    optimizer, other_optimizer = (
        torch_ae.Adam(model.parameters()),
        torch_ae.Adam(other.parameters()),
    )
    before = loss(other(batches[0][0]), batches[0][1]).item()
    steps = [torch_ae.train_step(other, loss, other_optimizer, *batch) for batch in batches]
    assert steps[0] == before
    assert torch_ae.train_epoch(model, loss, optimizer, batches) == sum(steps)
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True)
    )
