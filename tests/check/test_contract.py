"""A side that shares its arrays, keeps float64 or leaves something behind is named for that."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare.check.stages import check_subject
from compare.data.batches import Batch
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.interface import State, Trace
from compare.sides.user import user_supplied
from examples.own_side import Network

CONFIG = Config(batch_size=8)
observe, update = Network.observe, Network.update


def live_state(side: Network) -> State:
    return dict(side.now)


def load_in_place(side: Network, state: State) -> None:
    for name, value in state.items():
        if value.ndim:
            side.now[name][...] = value
        else:
            side.now[name] = value.copy()


def keeping_load(side: Network, state: State) -> None:
    side.now = dict(state)


def in_place(side: Network, grads: State) -> State:
    """Update the very arrays that it has."""
    before = dict(side.now)
    update(side, grads)
    for name, array in before.items():
        array[...] = side.now[name]
    side.now = before
    return {name: value.copy() for name, value in side.now.items()}


def never_zeroed(side: Network, batch: Batch) -> Trace:
    trace = observe(side, batch)
    left = vars(side).setdefault("left", {})
    for name in [name for name in trace if name.startswith("grad/")]:
        left[name] = trace[name] = trace[name] + left.get(name, 0)
    return trace


def counting(side: Network, batch: Batch) -> Trace:
    trace = observe(side, batch)
    side.calls = getattr(side, "calls", 0) + 1  # type: ignore[attr-defined]
    return trace | {"loss": trace["loss"] * side.calls**2}  # type: ignore[attr-defined]


def wide(side: Network, config: Config) -> None:
    initial(side, config)
    side.now = {
        name: value.astype(np.float64) if value.ndim else value for name, value in side.now.items()
    }


initial = Network.__init__


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        (
            {"state": live_state, "update": in_place},
            "adam.step of My network's state is the first to fail (exact, float32); "
            "introduced in state. What is wrong: it hands out its own arrays, not copies.",
        ),
        (
            {"state": live_state, "load": load_in_place},
            "param/hidden.weight of My network's state is the first to fail (exact, float32); "
            "introduced in state. What is wrong: it hands out its own arrays, not copies.",
        ),
        (
            {"load": keeping_load, "update": in_place},
            "adam.step of My network's load is the first to fail (exact, float32); "
            "introduced in load. What is wrong: it keeps the arrays that it is given, not copies.",
        ),
        (
            {"observe": never_zeroed},
            "grad/output.weight of My network's observe is the first to fail (exact, float32); "
            "introduced in observe. What is wrong: "
            "the gradients of the call before are added: they are never zeroed.",
        ),
        (
            {"observe": counting},
            "loss of My network's observe is the first to fail (exact, float32); "
            "introduced in observe. What is wrong: "
            "the same step is another one when it is observed again: "
            "something is left over, or drawn at random.",
        ),
        (
            {"__init__": wide},
            "param/hidden.weight of My network's state is the first of the wrong dtype "
            "(exact, float32); introduced in state. "
            "What is wrong: dtype float64; float32 is needed.",
        ),
    ],
    ids=[
        "live state",
        "live state, load in place",
        "kept arrays",
        "never zeroed",
        "left over",
        "float64",
    ],
)
@pytest.mark.parametrize("torch", [False, True])
def test_the_method_is_named_and_the_kind(
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    methods: dict[str, Callable[..., Any]],
    said: str,
    torch: bool,
) -> None:
    for name, method in methods.items():
        monkeypatch.setattr(Network, name, method)
    subject = user_supplied("examples.own_side:make", CONFIG, dataset.train_images)
    assert check_subject(subject, CONFIG, torch=torch).sentence.startswith(said)


def test_arrays_that_are_shared_and_never_changed_are_no_fault(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Network, "load", keeping_load)
    monkeypatch.setattr(Network, "state", live_state)
    subject = user_supplied("examples.own_side:make", CONFIG, dataset.train_images)
    assert check_subject(subject, CONFIG, torch=False).held
