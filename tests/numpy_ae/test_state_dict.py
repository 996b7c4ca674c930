"""Parameters are live arrays, a state dict is a copy, and one that does not fit changes nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.networks import PARAMETERS, network
from tests.operands import Array, assert_equal, assert_same


def test_parameters_are_live_and_a_state_dict_is_a_copy() -> None:
    model = network()
    assert tuple(model.parameters()) == tuple(model.state_dict()) == PARAMETERS
    assert model.parameters()["fc3.weight"] is model.fc3.weight
    copy = model.state_dict()
    model.fc3.weight += 1
    assert not np.shares_memory(copy["fc3.weight"], model.fc3.weight)
    assert_equal(copy["fc3.weight"] + 1, model.fc3.weight)


def test_loading_copies_and_casts_into_the_arrays_that_are_there() -> None:
    model, source = network(dtype="float32"), network(seed=1).state_dict()
    arrays = model.parameters()
    model.load_state_dict(source)
    for name, param in model.parameters().items():
        assert param is arrays[name]
        assert_equal(param, source[name].astype(np.float32))


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
def test_names_with_torchs_prefix_are_refused_with_the_line_that_strips_it(prefix: str) -> None:
    model, source = network(), network(seed=1).state_dict()
    state = {prefix + name: source[name] for name in sorted(source)}
    with pytest.raises(KeyError, match=rf"each name begins with {prefix}; strip it: ") as refused:
        model.load_state_dict(state)
    stripped = eval(refused.value.args[0].split("strip it: ")[1], {"state": state})
    model.load_state_dict(stripped)
    assert_same(model.parameters(), source)


def without(state: dict[str, Array]) -> None:
    """Take a parameter away."""
    del state["fc4.bias"]


def unknown(state: dict[str, Array]) -> None:
    """Add a parameter that no layer has."""
    state["fc5.bias"] = state["fc4.bias"]


def transposed(state: dict[str, Array]) -> None:
    """Turn the last weight round."""
    state["fc4.weight"] = state["fc4.weight"].T


def scalar(state: dict[str, Array]) -> None:
    """Give a number where broadcasting would make a bias of it."""
    state["fc4.bias"] = np.array(1.0)


@pytest.mark.parametrize(
    ("spoil", "error", "name"),
    [
        (without, KeyError, "fc4.bias"),
        (unknown, KeyError, "fc5.bias"),
        (transposed, ValueError, "fc4.weight"),
        (scalar, ValueError, "fc4.bias"),
    ],
)
def test_a_state_dict_that_does_not_fit_is_refused_by_name_and_changes_nothing(
    spoil: Callable[[dict[str, Array]], None], error: type[Exception], name: str
) -> None:
    model, state = network(), network(seed=1).state_dict()
    before = model.state_dict()
    spoil(state)
    with pytest.raises(error, match=name):
        model.load_state_dict(state)
    assert_same(model.parameters(), before)
