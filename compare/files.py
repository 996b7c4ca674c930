"""Files that are written whole or not at all."""

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from compare.errors import UserError

PARTIAL = ".partial"  # how a file's name ends while it is being written
HEADER, DIGEST = "ae-mirror", "sha256"  # keys of a safetensors file's metadata: our JSON, and the sum of all of it


def write_whole(path: Path, data: bytes) -> None:
    """Write data under a temporary name in the same folder, flush it to disk, and rename it into place.

    A link is followed: what it points to is what changes. Raises `UserError` where the system refuses (no space, no
    permission); what was there before stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.resolve()
        temporary = target.with_name(f".{target.name}.{os.getpid()}{PARTIAL}")  # each process its own
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            _flush_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        what = "free some space" if error.errno == errno.ENOSPC else "choose another place"
        raise UserError(f"cannot write {path}: {error.strerror}; {what}") from error


def _flush_folder(folder: Path) -> None:
    """Have a rename in a folder outlast a power cut, where the system has a way to say so."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Write value as indented JSON. NaN and infinity, which JSON has not, raise `ValueError`."""
    write_whole(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Return the JSON value in a file. Raises `UserError` where it is absent or not JSON."""
    try:
        _require_file(path)
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON ({error}); restore it or start a new run") from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], header: Any = None) -> None:
    """Write arrays by name, and a JSON value that says what they are, as one safetensors file with a checksum."""
    tensors = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps(header, allow_nan=False)
    write_whole(path, save(tensors, metadata={HEADER: text, DIGEST: _digest(tensors, text)}))


def read_arrays(path: Path, *, advice: str = "delete it to go on without") -> tuple[dict[str, np.ndarray], Any]:
    """Return what `write_arrays` wrote, bit for bit: the arrays and the header.

    Raises `UserError`, with a reason and this advice, for any other file and for one that has changed since.
    """
    try:
        _require_file(path)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        text = metadata[HEADER]
        if metadata[DIGEST] != _digest(arrays, text):
            raise ValueError("its content has changed since it was written")
        return arrays, json.loads(text)
    except KeyError as error:
        raise UserError(f"cannot read {path} (it has no {error} among its metadata); {advice}") from error
    except (OSError, SafetensorError, ValueError, RecursionError, TypeError, AttributeError) as error:
        # The last two are NumPy's for dtypes that it has not: bfloat16, float8.
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read {path} ({reason}); {advice}") from error


def _require_file(path: Path) -> None:
    """Raise `OSError` for a pipe or a device, which would be read for ever; what is absent is told by who opens it."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "It is not a file")


def _digest(arrays: Mapping[str, np.ndarray], header: str) -> str:
    """Return the SHA-256 of a header and of arrays with their names, dtypes and shapes."""
    total = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"\0{name} {array.dtype.str} {array.shape}\0".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
