"""A checkpoint comes back bit for bit; any other file is refused in one line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from compare.data.config import Config
from compare.errors import UserError
from compare.files import DIGEST, HEADER, _digest
from compare.sides.interface import State
from compare.sides.numpy_side import initial_state
from compare.training.checkpoint import Checkpoint, EpochRecord, PartOfEpoch, previous

HISTORY = (EpochRecord(113.9, 0.065, 1.5), EpochRecord(0.1 + 0.2, 1e-30, 0.0))


@pytest.fixture
def checkpoint(config: Config) -> Checkpoint:
    """Return one whose tensors are all different, and not zero."""
    rng = np.random.default_rng(0)
    state = {
        name: rng.standard_normal(value.shape).astype(value.dtype)
        for name, value in initial_state(config).items()
    }
    state |= {name: value**2 for name, value in state.items() if name.startswith("adam.exp_avg_sq")}
    return Checkpoint(
        "numpy",
        config,
        {**state, "adam.step": np.array(7)},
        HISTORY,
        {"python": "3"},
        PartOfEpoch(4, 0.5),
    )


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
    saved = Checkpoint(
        "torch", replace(config, dtype=dtype), state, HISTORY, {"packages": {"torch": None}}
    )
    saved.save(tmp_path / "file")
    loaded = Checkpoint.load(tmp_path / "file")
    assert replace(loaded, state={}) == replace(saved, state={})
    assert sorted(loaded.state) == sorted(state)
    for name, value in state.items():
        np.testing.assert_array_equal(loaded.state[name], value, strict=True)


def test_arrays_in_any_memory_order_are_saved_as_they_read(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
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
        (
            "param/fc2.weight",
            lambda x: x.astype(np.float64),
            "param/fc2.weight is float64, its config needs float32",
        ),
        ("param/fc4.bias", lambda x: x * np.nan, "param/fc4.bias holds NaN or infinity"),
        (
            "adam.exp_avg_sq/fc3.bias",
            lambda x: x + np.inf,
            "adam.exp_avg_sq/fc3.bias holds NaN or infinity",
        ),
        ("adam.exp_avg_sq/fc3.bias", lambda x: x - 9, "adam.exp_avg_sq/fc3.bias is negative"),
        ("adam.step", np.array(-1), "adam.step is negative"),
    ],
)
def test_a_state_that_the_network_cannot_take_is_refused_by_the_tensors_name(
    tmp_path: Path, checkpoint: Checkpoint, name: str, change: Any, fault: str
) -> None:
    state: State = dict(checkpoint.state)
    value = change(state.pop(name)) if callable(change) else change
    spoiled = {
        **{key: old for key, old in state.items() if key != name},
        **({} if value is None else {name: value}),
    }
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
        lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),  # one bit of one weight
        lambda whole: whole.replace(b"latent_dim", b"latent_din"),
        lambda whole: whole.replace(b'\\"seed\\": 42', b'\\"seed\\": 43'),
    ],
)
def test_a_file_that_is_not_whole_or_not_as_it_was_written_is_refused(
    tmp_path: Path, checkpoint: Checkpoint, content: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "file"
    checkpoint.save(path)
    whole = path.read_bytes()
    path.write_bytes(content(whole))
    assert path.read_bytes() != whole
    assert refusal(path).startswith("cannot read")


WHOLE = {"side": "numpy", "config": {}, "history": [], "environment": {}, "part": {}}
CHANGES: list[dict[str, Any]] = [
    {"side": "julia"},
    {"side": ["numpy"]},
    {"config": {}},
    {"config": {"lr": -1}},
    {"history": [{"loss": 1.0}]},
    {"history": [{"loss": float("nan"), "test_mse": 0.1, "seconds": 1}]},
    {"history": [{"loss": "1", "test_mse": 0.1, "seconds": 1}]},
    {"history": 3},
    {"environment": "here"},
    {"part": {"steps": -1}},
    {"part": {"steps": 0.5}},
    {"part": {"stops": 1}},
]


@pytest.mark.parametrize("change", [*CHANGES, "", [], {}, None])
def test_a_header_that_is_none_of_a_checkpoint_is_refused(
    tmp_path: Path, config: Config, change: Any
) -> None:
    header = (
        {**WHOLE, "config": config.to_dict(), **change}
        if isinstance(change, dict) and change
        else change
    )
    if isinstance(change, dict) and change.get("config"):
        header["config"] = {**config.to_dict(), **change["config"]}
    tensors = initial_state(config)
    text = json.dumps(header)
    save_file(tensors, tmp_path / "file", metadata={HEADER: text, DIGEST: _digest(tensors, text)})
    assert "is no checkpoint of ae-mirror" in refusal(tmp_path / "file")


@pytest.mark.parametrize(
    "metadata", [None, {"other": "{}"}, {HEADER: "{}"}, {HEADER: "{}", DIGEST: "0"}]
)
def test_another_file_of_tensors_is_refused(
    tmp_path: Path, config: Config, metadata: dict[str, str] | None
) -> None:
    save_file(initial_state(config), tmp_path / "file", metadata=metadata)
    assert refusal(tmp_path / "file").startswith("cannot read")


def test_the_one_before_is_kept_and_named_where_the_newer_is_broken(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    path = tmp_path / "numpy.safetensors"
    checkpoint.save(path)
    assert not previous(path).exists()
    first = path.read_bytes()
    replace(checkpoint, part=PartOfEpoch(5)).save(path)
    assert previous(path).read_bytes() == first
    assert Checkpoint.load(previous(path)).part == checkpoint.part
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(path).endswith(
        f"the one before it is {previous(path)}: rename that to go on from there"
    )


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "missing")
