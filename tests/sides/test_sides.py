"""Both adapters say the same in the same words, and an observed step is training's."""

import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from compare.data.batches import Batch
from compare.data.config import Config
from compare.errors import UserError
from compare.sides.numpy_side import initial_state
from compare.sides.subject import LABELS, make_side
from tests.networks import CACHE, LAYERS, PARAMETERS
from tests.operands import assert_same

SIDES = tuple(LABELS)
CLOSE = 1e-4  # of float32 after three steps; a lost moment would cost steps of lr = 1e-3
GRADIENTS = tuple(
    f"{name}.{kind}" for name in ("fc4", "fc3", "fc2", "fc1") for kind in ("weight", "bias")
)
STATE = (
    *(f"adam.exp_avg/{name}" for name in PARAMETERS),
    *(f"adam.exp_avg_sq/{name}" for name in PARAMETERS),
    "adam.step",
    *(f"param/{name}" for name in PARAMETERS),
)
TRACE = (
    "act/target",
    *(f"act/{name}" for name in CACHE),
    "loss",
    *(f"dact/{name}" for name in reversed(LAYERS)),
    *(f"grad/{name}" for name in GRADIENTS),
    *STATE,
)

both = pytest.mark.parametrize("name", SIDES)
in_both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@both
@in_both_dtypes
def test_a_trace_holds_every_tensor_of_the_step_in_causal_order(
    config: Config, batches: list[Batch], name: str, dtype: str
) -> None:
    side = make_side(name, replace(config, dtype=dtype))
    before = side.state()
    trace = side.observe(batches[0].each(lambda array: array.astype(dtype)))
    assert tuple(trace) == TRACE
    assert {value.dtype.name for key, value in trace.items() if key != "adam.step"} == {dtype}
    assert all(isinstance(value, np.ndarray) for value in trace.values())
    assert all(trace[f"dact/{layer}"].shape == trace[f"act/{layer}"].shape for layer in LAYERS)
    assert all(
        trace[f"grad/{param}"].shape == before[f"param/{param}"].shape for param in PARAMETERS
    )
    assert trace["adam.step"] == before["adam.step"] + 1


@both
@in_both_dtypes
def test_observed_and_unobserved_steps_end_in_the_same_state(
    config: Config, batches: list[Batch], name: str, dtype: str
) -> None:
    observed, unobserved = (make_side(name, replace(config, dtype=dtype)) for _ in range(2))
    batches = [batch.each(lambda array: array.astype(dtype)) for batch in batches]
    traces = [observed.observe(batch) for batch in batches]
    assert [float(trace["loss"]) for trace in traces] == list(unobserved.fit(batches))
    assert_same(observed.state(), unobserved.state())
    assert_same({key: traces[-1][key] for key in STATE}, unobserved.state())


@both
def test_a_trace_stays_as_it_was_while_training_goes_on(
    config: Config, batches: list[Batch], name: str
) -> None:
    side = make_side(name, config)
    state, trace = side.state(), side.observe(batches[0])
    copies = {
        key: value.copy()
        for key, value in {**trace, **{f"old {k}": v for k, v in state.items()}}.items()
    }
    list(side.fit(batches))
    assert_same({**trace, **{f"old {key}": value for key, value in state.items()}}, copies)


@both
def test_neither_observing_nor_fitting_changes_the_batches(
    config: Config, batches: list[Batch], name: str
) -> None:
    side, copies = make_side(name, config), [batch.each(np.copy) for batch in batches]
    side.observe(batches[0])
    list(side.fit(batches))
    for batch, copy in zip(batches, copies, strict=True):
        for name, array in copy.items():
            np.testing.assert_array_equal(batch[name], array)


@pytest.mark.parametrize(("first", "second"), [("numpy", "torch"), ("torch", "numpy")])
def test_a_side_takes_over_from_the_other_and_hands_back_bit_for_bit(
    config: Config, batches: list[Batch], first: str, second: str
) -> None:
    leader, follower = make_side(first, config), make_side(second, replace(config, seed=1))
    list(leader.fit(batches))
    state = leader.state()
    follower.load(state)
    assert_same(follower.state(), state)
    list(follower.fit(batches))
    assert_same(leader.state(), state)  # the two share no memory
    leader.load(state)
    list(leader.fit(batches))
    for key, value in leader.state().items():
        np.testing.assert_allclose(
            follower.state()[key], value, rtol=0, atol=CLOSE * max(1, np.abs(value).max())
        )


@both
def test_every_side_starts_at_the_seeds_weights_in_every_dtype(config: Config, name: str) -> None:
    single = make_side(name, config).state()
    double = make_side(name, replace(config, dtype="float64")).state()
    assert_same(single, initial_state(config))
    assert list(single) == list(STATE)
    for key, value in single.items():
        np.testing.assert_array_equal(value, double[key])
    other = make_side(name, replace(config, seed=43)).state()
    assert not any(
        np.array_equal(single[f"param/{param}"], other[f"param/{param}"]) for param in PARAMETERS
    )


@both
@in_both_dtypes
def test_a_side_encodes_decodes_and_reconstructs_in_its_own_dtype(
    config: Config, batches: list[Batch], name: str, dtype: str
) -> None:
    side, x = make_side(name, replace(config, dtype=dtype)), batches[0].noisy
    z = side.encode(x)
    assert (z.shape, z.dtype.name) == ((50, 3), dtype)
    assert (side.decode(z).shape, side.decode(z).dtype.name) == ((50, 784), dtype)
    np.testing.assert_array_equal(side.decode(z), side.reconstruct(x))


def test_both_sides_describe_the_same_network(config: Config) -> None:
    numpy_side, torch_side = (make_side(name, config).describe() for name in SIDES)
    assert (numpy_side.name, torch_side.name) == tuple(LABELS.values())
    assert numpy_side.layers == torch_side.layers
    assert tuple(layer.name for layer in numpy_side.layers) == LAYERS
    assert all(a.out_features == b.in_features for a, b in pairwise(numpy_side.layers))
    assert numpy_side.dtype == torch_side.dtype == "float32"
    assert numpy_side.device == torch_side.device == "cpu"
    assert numpy_side.threads >= 1 <= torch_side.threads


def test_an_absent_torch_is_told_with_what_to_do(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "compare.sides.torch_side", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        UserError,
        match=r"^the torch side needs torch: pip install torch; "
        r"`train --side numpy` works without$",
    ):
        make_side("torch", config)


def test_an_absent_device_is_told_with_those_there_are(config: Config) -> None:
    with pytest.raises(
        UserError, match="finds no 'abacus' device here; use --device with one of: cpu"
    ):
        make_side("torch", config, device="abacus")
