"""Files that are written whole or not at all, and read with nothing taken on trust."""

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from compare.errors import UserError
from compare.terminal import printable

STUMBLES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@contextmanager
def as_we_wrote_it(what: object, *stumbles: type[Exception]) -> Iterator[None]:
    """Turn an exception that unexpected content leads to into a `UserError` that names both."""
    expected: tuple[type[Exception], ...] = (*STUMBLES, *stumbles)
    try:
        yield
    except expected as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(
            f"{what}: not all is as compare wrote it ({reason}); restore it or make it anew"
        ) from error


PARTIAL = ".ae-mirror.partial"  # how a file's name ends while a process writes it
# Keys of a safetensors file's metadata: our JSON, and the sum of all of it.
HEADER, DIGEST = "ae-mirror", "sha256"


def write_whole(path: Path, data: bytes) -> None:
    """Write data under a temporary name in the same folder, flush it to disk, rename it.

    A link is followed: what it points to is what changes. Raises `UserError` where the system
    refuses (no space, no permission); what was there before stays as it was.
    """
    with refusals_told(path), made(path.resolve().parent):
        target = path.resolve()
        require_file(target)
        temporary = _partial(target)
        try:
            temporary.unlink(missing_ok=True)  # of an earlier process with this number
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            _flush_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8; half a surrogate pair, no character, becomes its escape, as in JSON."""
    write_whole(path, text.encode(errors="backslashreplace"))


def require_writable(path: Path) -> None:
    """Raise `UserError` where `write_whole` would, before the work is done. It leaves nothing."""
    with refusals_told(path):
        target = path.resolve()
        require_file(target)
        there = next(place for place in (target, *target.parents) if place.exists())
        folder = there.parent if there == target else there  # the nearest that exists
        temporary = _partial(folder / target.name)
        temporary.unlink(missing_ok=True)
        temporary.touch(exist_ok=False)
        temporary.unlink()


def remove_partials(folder: Path) -> None:
    """Remove what processes that ended left of the files that they were writing in a folder.

    Only our own names count, and only files: whatever else lies there is somebody's.
    """
    ours = re.compile(rf"\..+\.([1-9][0-9]{{0,8}}){re.escape(PARTIAL)}", re.DOTALL)
    for path in folder.glob(f".*{PARTIAL}"):
        named = ours.fullmatch(path.name)
        if named and stat.S_ISREG(path.lstat().st_mode) and not _is_at_work(int(named[1])):
            with suppress(PermissionError):  # another user's, in a folder that is everybody's
                path.unlink(missing_ok=True)


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; what was made and is empty at the end goes again."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for path in missing:
            if any(path.iterdir()):
                break
            path.rmdir()


@contextmanager
def refusals_told(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write a path into a `UserError`."""
    try:
        yield
    except OSError as error:
        what = "free some space" if error.errno == errno.ENOSPC else "choose another place"
        raise UserError(f"cannot write {path}: {error.strerror}; {what}") from error
    except RuntimeError as error:  # pathlib's, before Python 3.13
        reason = "it is a loop of links"
        raise UserError(f"cannot write {path}: {reason}; choose another place") from error


def _partial(target: Path) -> Path:
    """Return the name under which this process, and no other, writes a file."""
    return target.with_name(f".{target.name}.{os.getpid()}{PARTIAL}")


def _is_at_work(process: int) -> bool:
    """Whether another process of this number runs; where there is no way to ask, it may."""
    if process == os.getpid():
        return False
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


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
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return a file's JSON, its texts made `printable`. Raises `UserError` where it has none."""
    try:
        require_file(path)
        return _harmless(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not valid JSON ({error}); restore it or start a new run"
        ) from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], header: Any = None) -> None:
    """Write arrays by name, and a JSON header, as one safetensors file with a checksum."""
    tensors = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps(header, allow_nan=False)
    write_whole(path, save(tensors, metadata={HEADER: text, DIGEST: _digest(tensors, text)}))


def read_arrays(
    path: Path, *, advice: str = "delete it to go on without"
) -> tuple[dict[str, np.ndarray], Any]:
    """Return what `write_arrays` wrote, bit for bit; the header's texts are made `printable`.

    Raises `UserError`, with a reason and this advice, for any other file and for one that has
    changed since.
    """
    try:
        path.stat()  # safetensors' own message of an absent file repeats its path
        require_file(path)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        text = metadata[HEADER]
        if metadata[DIGEST] != _digest(arrays, text):
            raise ValueError("its content has changed since it was written")
        return arrays, _harmless(json.loads(text))
    except KeyError as error:
        reason = f"it has no {error} among its metadata"
        raise UserError(f"cannot read {path} ({reason}); {advice}") from error
    except (OSError, SafetensorError, *STUMBLES) as error:
        told = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read {path} ({told}); {advice}") from error


def require_own(folder: Path, names: Iterable[str]) -> None:
    """Raise `UserError` for a name below a folder that is a link out of it, or a device.

    Whoever made a folder could have put into it a link to any file of its reader, or a pipe that
    never ends.
    """
    for name in names:
        path = folder / name
        try:
            inside = path.resolve().is_relative_to(folder.resolve())
            if path.exists() and not path.is_dir():
                require_file(path)
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or "it is a loop of links"
            raise UserError(f"cannot use {path}: {reason}; remove it") from error
        if not inside:
            raise UserError(
                f"{path} is a link that leads out of {folder}; "
                "put the file itself there, or remove it"
            )


def require_file(path: Path) -> None:
    """Raise `OSError` for a folder, a pipe or a device, which may be read for ever."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "It is not a file")


def _harmless(value: Any) -> Any:
    """Return a JSON value whose texts can be shown anywhere, whatever a terminal would obey."""
    match value:
        case str():
            return printable(value)
        case list():
            return [_harmless(item) for item in value]
        case dict():
            return {printable(key): _harmless(item) for key, item in value.items()}
    return value


def _digest(arrays: Mapping[str, np.ndarray], header: str) -> str:
    """Return the SHA-256 of a header and of arrays with their names, dtypes and shapes."""
    total = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"\0{name} {array.dtype.str} {array.shape}\0".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
