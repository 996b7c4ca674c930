"""The whole network: its cache, its gradients against autograd, and what it refuses to load."""

import numpy as np
import pytest
import torch
from hypothesis import given

from tests.networks import CACHE, LAYERS, Network, autograd, in_torch, network
from tests.operands import Array, Draw, assert_equal, assert_near, frozen, seeds, sizes, tensor

# A wrong formula shows in the first digits, rounding in the last.
HALF_THE_DIGITS = np.finfo(np.float64).eps ** 0.5


def recorded(model: Network, x: Array) -> dict[str, Array]:
    """Return the cache of a forward pass."""
    cache: dict[str, Array] = {}
    model.forward(x, cache)
    return cache


@given(seeds, sizes, sizes, sizes, sizes)
def test_all_activations_and_gradients_are_torchs(
    seed: int, batch: int, latent: int, hidden: int, pixels: int
) -> None:
    draw, model = Draw(seed), network(latent, hidden, pixels, seed=seed)
    x, dy = draw(batch, pixels), draw(batch, pixels)
    cache = recorded(model, x)
    gradients = model.backward(dy, cache, input_grad=True)
    their_cache: dict[str, torch.Tensor] = {}
    reference = in_torch(model)
    reference(tensor(x), their_cache)
    expected = {f"act/{name}": value.detach().numpy() for name, value in their_cache.items()}
    expected |= {
        f"grad/{name}": value.numpy() for name, value in autograd(reference, x, dy).items()
    }
    actual = {f"act/{name}": value for name, value in cache.items()}
    actual |= {f"grad/{name}": value for name, value in gradients.items()}
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert_near(actual[name], value, HALF_THE_DIGITS * np.abs(value).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradients_of_whole_numbers_are_torchs_bit_for_bit(dtype: str) -> None:
    draw, model = Draw(0, dtype), network(dtype=dtype)
    model.load_state_dict(
        {name: draw.whole(*param.shape) for name, param in model.parameters().items()}
    )
    cache = recorded(model, draw.whole(5, 8))
    their_cache: dict[str, torch.Tensor] = {}
    reference = in_torch(model)
    reference(tensor(cache["input"]), their_cache)
    for name in CACHE[:-1]:
        assert_equal(cache[name], their_cache[name])
    # As if it were: y (1 − y) is then a whole number, −2.
    cache["sigmoid"] = np.full_like(cache["fc4"], 2)
    dy = draw.whole(5, 8)
    gradients = model.backward(dy, cache)
    torch.autograd.backward(their_cache["fc4"], tensor(-2 * dy))
    for name, param in reference.named_parameters():
        assert param.grad is not None
        assert_equal(gradients[name], param.grad)
        assert np.any(gradients[name])


def test_a_cache_holds_every_activation_in_order() -> None:
    model, x = network(), Draw(0)(5, 8)
    cache = recorded(model, x)
    assert tuple(cache) == CACHE
    assert cache["input"] is x
    for before, name in zip(CACHE, LAYERS, strict=False):
        assert_equal(cache[name], getattr(model, name).forward(cache[before]))


def test_the_latent_is_fc2_and_a_reconstruction_is_its_decoding() -> None:
    model, x = network(), Draw(0)(5, 8)
    cache = recorded(model, x)
    assert_equal(model.encode(x), cache["fc2"])
    assert_equal(model.decode(cache["fc2"]), cache["sigmoid"])
    assert_equal(model(x), cache["sigmoid"])
    assert_equal(model.forward(x), cache["sigmoid"])


def test_gradients_come_last_layer_first_each_in_the_shape_of_what_it_belongs_to() -> None:
    model = network()
    cache = recorded(model, Draw(0)(5, 8))
    gradients = model.backward(Draw(1)(5, 8), cache)
    names = (
        "sigmoid fc4 relu3 fc4.weight fc4.bias fc3 fc2 fc3.weight fc3.bias relu1 "
        "fc2.weight fc2.bias fc1"
    )
    assert list(gradients) == [*names.split(), "fc1.weight", "fc1.bias"]
    owners = {**cache, **model.parameters()}
    assert all(gradient.shape == owners[name].shape for name, gradient in gradients.items())
    with_input = model.backward(Draw(1)(5, 8), cache, input_grad=True)
    assert [*with_input] == [*gradients, "input"]
    assert with_input["input"].shape == (5, 8)


def test_neither_pass_changes_its_arguments_or_leaves_anything_behind() -> None:
    model = network()
    for param in model.parameters().values():
        frozen(param)
    before = {name: dict(vars(getattr(model, name))) for name in LAYERS}
    cache = {name: frozen(value) for name, value in recorded(model, Draw(0)(5, 8)).items()}
    gradients = model.backward(Draw(1)(5, 8), cache, input_grad=True)
    assert tuple(cache) == CACHE
    assert list(vars(model)) == list(LAYERS)
    for name, attributes in before.items():
        after = vars(getattr(model, name))
        assert after.keys() == attributes.keys()
        assert all(after[key] is value for key, value in attributes.items())
    assert not any(
        np.shares_memory(d, value) for d in gradients.values() for value in cache.values()
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble", "complex128"])
def test_the_network_stays_in_the_dtype_that_it_is_given(dtype: str) -> None:
    model, draw = network(dtype=dtype), Draw(0, dtype)
    cache = recorded(model, draw(5, 8))
    arrays = [
        *cache.values(),
        *model.backward(draw(5, 8), cache, input_grad=True).values(),
        *model.parameters().values(),
    ]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
