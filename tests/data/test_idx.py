"""A file is read exactly, or refused in one line that says why."""

import gzip
import hashlib
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare.data import idx
from compare.data.idx import IdxError, find, header, parse, read

SHAPE = (3, 2, 2)
VALUES = np.arange(12, dtype=np.uint8).reshape(SHAPE)
FILE = bytes.fromhex("00000803 00000003 00000002 00000002") + VALUES.tobytes()
PACKED = gzip.compress(FILE, mtime=0)
SHA256 = hashlib.sha256(FILE).hexdigest()
GIT = "2b353a665f729dc7404f1df4bb1e5540fa5e080d"  # what `git hash-object` prints of it


@st.composite
def mutated(draw: st.DrawFn, original: bytes) -> bytes:
    """Bytes after one to three replacements of a piece by another, mostly of the same length."""
    data = original
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 4)))
        piece = (
            st.binary(min_size=stop - start, max_size=stop - start)
            | st.binary(max_size=20)
            | st.just(b"")
        )
        data = data[:start] + draw(piece) + data[stop:]
    return data


@given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=3, max_side=5)))
def test_what_was_written_is_read_back(
    values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> None:
    np.testing.assert_array_equal(
        parse(header(values.shape) + values.tobytes(), values.shape), values, strict=True
    )


@given(mutated(FILE), st.integers(1, 256))
def test_only_a_valid_file_is_accepted(data: bytes, below: int) -> None:
    body = data[16:]
    if (
        data[:16] == FILE[:16]
        and len(body) == math.prod(SHAPE)
        and all(value < below for value in body)
    ):
        assert parse(data, SHAPE, below=below).tobytes() == body
    else:
        with pytest.raises(ValueError):
            parse(data, SHAPE, below=below)


@pytest.mark.parametrize("digest", [SHA256, GIT])
@given(data=mutated(FILE))
def test_only_the_original_has_its_digest(digest: str, data: bytes) -> None:
    if data == FILE:
        np.testing.assert_array_equal(parse(data, SHAPE, digest=digest), VALUES)
    else:
        with pytest.raises(ValueError):
            parse(data, SHAPE, digest=digest)


@pytest.mark.parametrize("digest", [SHA256, GIT])
def test_the_original_is_known_by_either_digest(digest: str) -> None:
    np.testing.assert_array_equal(parse(FILE, SHAPE, digest=digest), VALUES)


@given(mutated(PACKED))
def test_a_mutated_gzip_gives_the_original_values_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.gz"
    path.write_bytes(data)
    try:
        values = read(path, SHAPE)
    except IdxError:
        return
    np.testing.assert_array_equal(values, VALUES)


@pytest.mark.parametrize(
    ("content", "below", "fault"),
    [
        (b"", 256, "is empty"),
        (b"\0\0\x09" + FILE[3:], 256, "starts with the bytes 00000903"),
        (b"\0\0\x08\x01" + FILE[4:], 256, "starts with the bytes 00000801"),
        (FILE[:7], 256, "ends after 7 of 28 bytes"),
        (header((4, 2, 2)) + bytes(16), 256, "is of shape 4 × 2 × 2, not 3 × 2 × 2"),
        (FILE[:-1], 256, "ends after 27 of 28 bytes"),
        (FILE + b"\0", 256, "goes on after the 28 bytes it should have"),
        (FILE, 11, "holds the value 11, where all must be below 11"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_fault_is_named(
    tmp_path: Path, content: bytes, below: int, fault: str, packed: bool
) -> None:
    path = tmp_path / ("labels.gz" if packed else "labels")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(IdxError) as caught:
        read(path, SHAPE, below=below)
    assert str(caught.value).startswith(f"{path.name} {fault}")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (PACKED[:2], "Compressed file ended before the end-of-stream marker"),
        (PACKED[:-9], "Compressed file ended before the end-of-stream marker"),
        (PACKED[:-1], "Compressed file ended before the end-of-stream marker"),
        (PACKED[:-8] + bytes(8), "CRC check failed"),
        (PACKED[:10] + b"\xff" * 20, "invalid block type"),
    ],
)
def test_a_broken_gzip_is_named(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(IdxError, match=rf"^images\.gz cannot be read \(.*{fault}.*\)$"):
        read(path, SHAPE)


def test_a_gzip_bomb_is_inflated_one_byte_further_than_the_file_should_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.gz"
    # Who inflates it all meets the missing end.
    path.write_bytes(gzip.compress(FILE + bytes(2**24))[:-8])
    held = []
    monkeypatch.setattr(idx, "parse", lambda data, *_, **__: held.append(len(data)))
    read(path, SHAPE)
    assert held == [len(FILE) + 1]


@pytest.mark.parametrize("content", [FILE, PACKED])
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_a_file_is_gzipped_or_not_whatever_its_name(
    tmp_path: Path, content: bytes, name: str
) -> None:
    (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(read(tmp_path / name, SHAPE), VALUES)


@pytest.mark.parametrize("digest", [SHA256, GIT])
def test_a_wrong_digest_is_named(tmp_path: Path, digest: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(FILE)
    with pytest.raises(IdxError, match=f"begins with {digest[:12]}, not with {'0' * 12}"):
        read(path, SHAPE, digest="0" * len(digest))


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (Path.mkdir, "a folder"),
        (os.mkfifo, "not a file"),
        (lambda path: path.symlink_to("nowhere"), "not a file"),
    ],
)
def test_what_is_no_file_is_refused_without_waiting(
    tmp_path: Path, make: object, what: str
) -> None:
    path = tmp_path / "images"
    assert callable(make)
    make(path)
    assert find(tmp_path, "images") == path
    with pytest.raises(IdxError, match=rf"^images is {what}$"):
        read(path, SHAPE)


def test_a_file_without_permission_is_named(unprivileged: Path) -> None:
    path = unprivileged / "images"
    path.touch(mode=0)
    with pytest.raises(IdxError, match=r"^images cannot be read \(Permission denied\)$"):
        read(path, SHAPE)


def test_a_file_is_found_by_each_of_its_names_and_before_a_folder_of_that_name(
    tmp_path: Path,
) -> None:
    name = "images-idx3-ubyte"
    assert find(tmp_path, name) is None
    assert find(tmp_path / "absent", name) is None
    names = ["images.idx3-ubyte.gz", "images.idx3-ubyte", f"{name}.gz", name]
    for other in names:  # the later hides the earlier
        (tmp_path / other).touch()
        assert find(tmp_path, name) == tmp_path / other
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    assert find(tmp_path, name) == tmp_path / f"{name}.gz"
