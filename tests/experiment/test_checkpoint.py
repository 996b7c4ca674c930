"""A checkpoint comes back bit for bit; a file that is none, or not of its config's network, is refused in one line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from compare.errors import UserError
from compare.experiment.checkpoint import HEADER, Checkpoint, EpochRecord
from compare.experiment.config import Config
from compare.parity.numpy_side import initial_state
from compare.parity.side import State

HISTORY = (EpochRecord(113.9, 0.065, 1.5), EpochRecord(0.1 + 0.2, 1e-30, 0.0))


@pytest.fixture
def checkpoint(config: Config) -> Checkpoint:
    """Return one whose tensors are all different, and not zero."""
    rng = np.random.default_rng(0)
    state = {
        name: rng.standard_normal(value.shape).astype(value.dtype) for name, value in initial_state(config).items()
    }
    return Checkpoint("numpy", config, {**state, "adam.step": np.array(7)}, HISTORY, {"python": "3"})


def refusal(path: Path) -> str:
    """Return the one line with which a file is refused, which names it."""
    with pytest.raises(UserError) as caught:
        Checkpoint.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_checkpoint_comes_back_bit_for_bit(tmp_path: Path, config: Config, dtype: str) -> None:
    state = initial_state(replace(config, dtype=dtype))
    saved = Checkpoint("torch", replace(config, dtype=dtype), state, HISTORY, {"packages": {"torch": None}})
    saved.save(tmp_path / "file")
    loaded = Checkpoint.load(tmp_path / "file")
    assert replace(loaded, state={}) == replace(saved, state={})
    assert sorted(loaded.state) == sorted(state)
    for name, value in state.items():
        np.testing.assert_array_equal(loaded.state[name], value, strict=True)


def test_arrays_in_any_memory_order_are_saved_as_they_read(tmp_path: Path, checkpoint: Checkpoint) -> None:
    turned = {name: value.copy(order="F") for name, value in checkpoint.state.items()}
    replace(checkpoint, state=turned).save(tmp_path / "file")
    loaded = Checkpoint.load(tmp_path / "file").state
    for name, value in checkpoint.state.items():
        np.testing.assert_array_equal(loaded[name], value)


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("param/fc1.bias", None, "param/fc1.bias is missing or unknown"),
        ("adam.step", None, "adam.step is missing or unknown"),
        ("param/fc5.bias", np.zeros(3), "param/fc5.bias is missing or unknown"),
        (
            "param/fc1.weight",
            lambda x: np.ascontiguousarray(x.T),
            "param/fc1.weight has shape (784, 8), its config needs",
        ),
        ("adam.step", np.zeros(1, dtype=np.int64), "adam.step has shape (1,), its config needs ()"),
        ("param/fc2.weight", lambda x: x.astype(np.float64), "param/fc2.weight is float64, its config needs float32"),
        ("param/fc4.bias", lambda x: x * np.nan, "param/fc4.bias holds NaN or infinity"),
        ("adam.exp_avg_sq/fc3.bias", lambda x: x + np.inf, "adam.exp_avg_sq/fc3.bias holds NaN or infinity"),
    ],
)
def test_a_state_that_the_network_cannot_take_is_refused_by_the_tensors_name(
    tmp_path: Path, checkpoint: Checkpoint, name: str, change: Any, fault: str
) -> None:
    state: State = dict(checkpoint.state)
    value = change(state.pop(name)) if callable(change) else change
    spoiled = {**{key: old for key, old in state.items() if key != name}, **({} if value is None else {name: value})}
    replace(checkpoint, state=spoiled).save(tmp_path / "file")
    assert fault in refusal(tmp_path / "file")


@pytest.mark.parametrize(
    "content",
    [
        lambda _: b"",
        lambda _: b"garbage",
        lambda _: bytes(1000),
        lambda whole: whole[:100],
        lambda whole: whole[:-1],
        lambda whole: whole + b"more",
    ],
)
def test_a_file_that_is_not_whole_is_refused(
    tmp_path: Path, checkpoint: Checkpoint, content: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "file"
    checkpoint.save(path)
    path.write_bytes(content(path.read_bytes()))
    assert "is no checkpoint of ae-mirror" in refusal(path)


CONFIG = Config(latent_dim=3, hidden_dim=8)
WHOLE = {"side": "numpy", "config": CONFIG.to_dict(), "history": [], "environment": {}}
CHANGES: list[dict[str, Any]] = [
    {"config": {}},
    {"config": {**CONFIG.to_dict(), "lr": -1}},
    {"history": [{"loss": 1.0}]},
    {"history": 3},
]
HEADERS = ["", "{", "[]", "{}", *(json.dumps({**WHOLE, **change}) for change in CHANGES)]


@pytest.mark.parametrize("metadata", [None, {"other": "{}"}, *({HEADER: text} for text in HEADERS)])
def test_another_file_of_tensors_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file(initial_state(CONFIG), tmp_path / "file", metadata=metadata)
    assert "is no checkpoint of ae-mirror" in refusal(tmp_path / "file")


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "missing")
