"""A user-supplied checkpoint: changed bytes, another make's header or tensors, a program."""

import json
import struct
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.random import Generator

from compare.data.config import Config
from compare.errors import UserError
from compare.files import read_arrays, write_arrays
from compare.sides.interface import State
from compare.sides.numpy_side import initial_state
from compare.sides.subject import LABELS
from compare.training.checkpoint import Checkpoint, EpochRecord
from tests.trials.mutations import mutate
from tests.trials.programs import programs

CONFIG = Config(latent_dim=1, hidden_dim=2)
HISTORY = (EpochRecord(113.9, 0.065, 1.5), EpochRecord(0.1 + 0.2, 1e-30, 0.0))
LENGTHS = (0, 1, 2**31, 2**32 - 1, 2**60, 2**63, 2**64 - 1)
JUNK: tuple[Any, ...] = (
    *(None, True, False, "", "numpy", "nan", "1e3", "F32", "BF16", "F8_E4M3", "BOOL", "C64", "I64"),
    *(
        [],
        [1],
        [[[]]],
        [-1, 2],
        [0, 2**62],
        {},
        {"loss": 1.0},
        {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
    ),
    *(-1, 0, 3, 0.5, -0.5, float("nan"), float("inf"), -float("inf"), *LENGTHS, 10**400),
)
DEEP = "[" * 100_000 + "]" * 100_000


@cache
def original() -> tuple[Checkpoint, bytes]:
    """Return a checkpoint whose tensors are all different, and its file."""
    rng = np.random.default_rng(0)
    state = {
        name: rng.random(value.shape).astype(value.dtype)
        for name, value in initial_state(CONFIG).items()
    }
    made = Checkpoint(
        "numpy", CONFIG, {**state, "adam.step": np.array(7)}, HISTORY, {"python": "3"}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        made.save(path)
        return made, path.read_bytes()


def trial(rng: Generator, folder: Path) -> str:
    """Load one wrong file; assert that it is refused or makes no difference, and nothing ran."""
    name = str(rng.choice(list(WAYS)))
    path = folder / "numpy.safetensors"
    how, sound = WAYS[name]
    details = f"{name}, {how(rng, path)}, {path}"
    try:
        found = Checkpoint.load(path)
    except UserError as error:
        assert str(error).isprintable(), f"{details}: not one line: {error}"
        outcome = "refused"
    except Exception as error:
        raise AssertionError(f"{details}: {error!r}") from error
    else:
        assert sound(found), f"{details}: was accepted"
        outcome = (
            "accepted: the original"
            if _is_the_original(found)
            else "accepted: another that is sound"
        )
    assert not (folder / "ran").exists(), f"{details}: code from the file has run"
    return outcome


def _is_the_original(found: Checkpoint) -> bool:
    true, _ = original()
    return (
        replace(found, state={}) == replace(true, state={})
        and found.state.keys() == true.state.keys()
        and all(np.array_equal(found.state[name], value) for name, value in true.state.items())
    )


def _is_sound(found: Checkpoint) -> bool:
    """Whether a checkpoint is one that some training might have left."""
    numbers = [number for record in found.history for number in record.to_dict().values()]
    hyperparameters = [
        value for value in asdict(found.config).values() if not isinstance(value, str)
    ]
    return (
        found.side in LABELS
        and isinstance(found.environment, dict)
        and all(type(number) in (int, float) and 0 <= number < 1e300 for number in numbers)
        and all(
            type(value) in (int, float, bool) and abs(value) < 2**63 for value in hyperparameters
        )
        and all(np.isfinite(value).all() for value in found.state.values())
    )


def _bytes(rng: Generator, path: Path) -> str:
    """Change bytes anywhere; half the time in the header, which is the smaller part."""
    _, whole = original()
    end = 8 + int.from_bytes(whole[:8], "little")
    if rng.random() < 0.5:
        path.write_bytes(mutate(rng, whole))
        return "anywhere"
    path.write_bytes(mutate(rng, whole[:end]) + whole[end:])
    return "in the header"


def _length(rng: Generator, path: Path) -> str:
    """Claim another length of the header."""
    length = (
        LENGTHS[rng.integers(len(LENGTHS))] if rng.random() < 0.5 else int(rng.integers(10_000))
    )
    path.write_bytes(struct.pack("<Q", length) + original()[1][8:])
    return str(length)


def _format(rng: Generator, path: Path) -> str:
    """Change what the format says of the tensors: names, dtypes, shapes, places."""
    _, whole = original()
    end = 8 + int.from_bytes(whole[:8], "little")
    head = json.loads(whole[8:end])
    how = _change(rng, head)
    text = json.dumps(head).encode()
    if rng.random() < 0.2:
        how, text = f"{how}, every key twice", text[:-1] + b"," + text[1:]
    path.write_bytes(struct.pack("<Q", len(text)) + text + whole[end:])
    return how


def _header(rng: Generator, path: Path) -> str:
    """Change our own header."""
    state, header = _parts(path)
    how = _change(rng, header)
    text = json.dumps(header)
    if rng.random() < 0.05:
        how, text = "nested deeply", f'{text[:-1]}, "deep": {DEEP}}}'
    with patch("json.dumps", return_value=text):  # it would refuse NaN
        write_arrays(path, state)
    return how


def _tensors(rng: Generator, path: Path) -> str:
    """Change one tensor."""
    state, header = _parts(path)
    name = str(rng.choice(list(state)))
    value = state.pop(name)
    changed: dict[str, dict[str, np.ndarray]] = {
        "missing": {},
        "renamed": {f"{name}s": value},
        "beside another": {name: value, "param/fc5.weight": value},
        "a dimension more": {name: value[None]},
        "one longer": {name: np.append(value, value.ravel()[:1])},
        "without values": {name: value.ravel()[:0]},
        "turned": {name: np.ascontiguousarray(value.T)},
        "of another dtype": {
            name: value.astype(str(rng.choice(["f2", "f8", "i4", "u1", "?", "i8"])))
        },
        "not finite": {
            name: np.where(np.isfinite(value), [np.nan, np.inf][rng.integers(2)], value)
        },
    }
    how = str(rng.choice(list(changed)))
    write_arrays(path, {**state, **changed[how]}, header)
    return f"{name} {how}"


def _program(rng: Generator, path: Path) -> str:
    """Give a pickle."""
    kinds = programs(path.with_name("ran"))
    kind = str(rng.choice(list(kinds)))
    path.write_bytes(kinds[kind])
    return kind


def _parts(path: Path) -> tuple[State, Any]:
    path.write_bytes(original()[1])
    return read_arrays(path)


def _change(rng: Generator, value: Any) -> str:
    """Walk into nested JSON and drop something, or put junk or a strange neighbour there."""
    key = rng.integers(len(value)) if isinstance(value, list) else str(rng.choice(list(value)))
    inner = value[key]
    if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
        return f"{key}/{_change(rng, inner)}"
    junk = JUNK[rng.integers(len(JUNK))]
    if rng.random() < 0.2:
        del value[key]
        return f"{key} dropped"
    if isinstance(value, dict) and rng.random() < 0.2:
        value[f"{key}s"] = junk
        return f"{key}s added"
    value[key] = junk
    return f"{key} is {junk!r:.40}"


Way = Callable[[Generator, Path], str]
WAYS: dict[str, tuple[Way, Callable[[Checkpoint], bool]]] = {
    "bytes": (_bytes, _is_the_original),
    "length": (_length, _is_the_original),
    "format": (_format, _is_the_original),
    "header": (_header, _is_sound),
    "tensors": (_tensors, _is_sound),
    "program": (_program, _is_the_original),
}
