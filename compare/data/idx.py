"""IDX, the format of MNIST's files: a header that says type and shape, then the values, big-endian.

A file is accepted only after every byte of its header and its exact length have been checked.
Source of the format: LeCun, Cortes, Burges, The MNIST database of handwritten digits.
"""

import gzip
import hashlib
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Shape = tuple[int, ...]

GZIP = b"\x1f\x8b"  # how a gzipped file begins
UNSIGNED_BYTE = 0x08
CHUNK = 2**20  # bytes to a read: the most that a short file or a hostile .gz costs beyond its size


class IdxError(Exception):
    """One line: the name of a file and what is wrong with it."""


def find(folder: Path, name: str) -> Path | None:
    """Return the path of the file `name` in the folder, under any name that it goes by, or None.

    `images-idx3-ubyte` is also `images.idx3-ubyte`, as some archives have it, and either with .gz.
    The first of these is found; what is no file (a folder, a pipe), only where no other is there.
    """
    names = (name, name.replace("-idx", ".idx"))
    paths = [folder / f"{plain}{packed}" for plain in names for packed in ("", ".gz")]
    there = [path for path in dict.fromkeys(paths) if os.path.lexists(path)]
    no_file = lambda path: not os.path.isfile(path)  # noqa: E731, PTH113 (Path's own may raise)
    return min(there, key=no_file, default=None)


def read(path: Path, shape: Shape, *, below: int = 256, digest: str | None = None) -> Bytes:
    """Return the values of an IDX file, gzipped or not, whatever its name says. See `parse`.

    Never holds more than one byte beyond what the file should have. Raises `IdxError` for any other
    file.
    """
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            raise ValueError("is a folder" if path.is_dir() else "is not a file")
        data = _read_at_most(path, len(header(shape)) + math.prod(shape) + 1)
        return parse(data, shape, below=below, digest=digest)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise IdxError(f"{path.name} cannot be read ({reason})") from error
    except ValueError as error:
        raise IdxError(f"{path.name} {error}") from error


def parse(
    data: bytes | bytearray, shape: Shape, *, below: int = 256, digest: str | None = None
) -> Bytes:
    """Return the values in `data`, a whole IDX file of bytes, as an array that shares its memory.

    Raises `ValueError` unless the header gives exactly `shape`, nothing is missing or left over,
    every value is smaller than `below`, and `data` has this digest where one is given: a SHA-256,
    or a name as git makes it.
    """
    expected = header(shape)
    start, size = len(expected), len(expected) + math.prod(shape)
    if not data:
        raise ValueError("is empty")
    if data[:4] != expected[:4]:
        raise ValueError(
            f"starts with the bytes {data[:4].hex()}, "
            f"not with the magic number {expected[:4].hex()}"
        )
    if len(data) >= start and data[:start] != expected:
        counts = struct.unpack_from(f">{len(shape)}I", data, offset=4)
        raise ValueError(f"is of shape {_times(counts)}, not {_times(shape)}")
    if len(data) < size:
        raise ValueError(f"ends after {len(data)} of {size} bytes")
    if len(data) > size:
        raise ValueError(f"goes on after the {size} bytes it should have")
    values = np.frombuffer(data, np.uint8, offset=start).reshape(shape)
    if (largest := values.max(initial=0)) >= below:
        raise ValueError(f"holds the value {largest}, where all must be below {below}")
    if digest and (found := digest_like(digest, data)) != digest:
        raise ValueError(
            f"is not the original: its digest begins with {found[:12]}, not with {digest[:12]}"
        )
    return values


def digest_like(digest: str, data: bytes | bytearray) -> str:
    """Return the digest of `data` of the same kind as `digest`.

    64 digits are a SHA-256, 40 are what `git hash-object` prints.
    """
    if len(digest) == 64:
        return hashlib.sha256(data).hexdigest()
    blob = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    blob.update(data)
    return blob.hexdigest()


def header(shape: Shape) -> bytes:
    """Return the one valid header of a file of unsigned bytes in this shape."""
    return struct.pack(f">HBB{len(shape)}I", 0, UNSIGNED_BYTE, len(shape), *shape)


def _read_at_most(path: Path, limit: int) -> bytearray:
    """Return the first `limit` bytes, inflated, or all where there are fewer."""
    data = bytearray()
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
    with gzip.open(path) if packed else path.open("rb") as file:
        while len(data) < limit and (chunk := file.read(min(CHUNK, limit - len(data)))):
            data += chunk
    return data


def _times(shape: Shape) -> str:
    return " × ".join(map(str, shape))
