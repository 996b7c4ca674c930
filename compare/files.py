"""Files that are written whole or not at all."""

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from compare.errors import UserError

HEADER = "ae-mirror"  # the key of a safetensors file's metadata under which our JSON lies


def write_whole(path: Path, data: bytes) -> None:
    """Write data under a temporary name in the same folder, flush it to disk, and rename it into place.

    Raises `UserError` where the system refuses (no space, no permission); what was there before stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.partial")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        what = "free some space" if error.errno == errno.ENOSPC else "choose another place"
        raise UserError(f"cannot write {path}: {error.strerror}; {what}") from error


def write_json(path: Path, value: Any) -> None:
    """Write value as indented JSON. NaN and infinity, which JSON has not, raise `ValueError`."""
    write_whole(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Return the JSON value in a file. Raises `UserError` where it is absent or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); restore it or start a new run") from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], header: Any = None) -> None:
    """Write arrays by name, and a JSON value that says what they are, as one safetensors file."""
    tensors = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    write_whole(path, save(tensors, metadata={HEADER: json.dumps(header, allow_nan=False)}))


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """Return what `write_arrays` wrote: the arrays and the header. Raises `UserError` for any other file."""
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118 - it is no dict
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); delete it to go on without") from error
