"""A file is written whole or not at all, and what cannot be read or written is told in one line."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from compare.errors import UserError
from compare.files import (
    PARTIAL,
    read_arrays,
    read_json,
    require_writable,
    write_arrays,
    write_json,
    write_whole,
)


def test_a_file_is_replaced_whole_and_alone_in_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    write_whole(path, b"a long first version")
    write_whole(path, b"short")
    assert path.read_bytes() == b"short"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if step == "fsync" else (Path, "replace", full)))
    with pytest.raises(
        UserError, match=rf"^cannot write {path}: No space left on device; free some space"
    ):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["folder", "file/below"])
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"in the way")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"^cannot write .*; choose another place$"):
        write_whole(tmp_path / place, b"new")
    assert sorted(tmp_path.iterdir()) == before


def test_an_interrupt_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", b"new")
    assert not list(tmp_path.iterdir())


def test_others_may_read_a_file_as_far_as_the_umask_lets_them(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "file", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "file")}
    assert len(modes) == 1


def test_json_comes_back_as_it_was(tmp_path: Path) -> None:
    value = {"β": [1, 0.1, 1e-30, None, True], "nested": {"é": "ü"}}
    write_json(tmp_path / "file", value)
    assert read_json(tmp_path / "file") == value
    assert "β" in (tmp_path / "file").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_nan_and_no_infinity(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "file", value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1,]"])
def test_what_is_not_json_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UserError, match=r"is not valid JSON .*; restore it or start a new run$"):
        read_json(tmp_path / "file")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^cannot read .*: No such file or directory$"):
        read_json(tmp_path / "file")


def test_arrays_come_back_with_their_header_and_dtype(tmp_path: Path) -> None:
    arrays: dict[str, np.ndarray] = {
        "a": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "b/c": np.array(0.1),
    }
    write_arrays(tmp_path / "new" / "part.safetensors", arrays, {"names": ["a", "σ"]})
    back, header = read_arrays(tmp_path / "new" / "part.safetensors")
    assert header == {"names": ["a", "σ"]}
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array, strict=True)


@pytest.mark.parametrize("content", [b"", b"no safetensors", None])
def test_a_file_of_no_arrays_is_told_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "part").write_bytes(content)
    with pytest.raises(UserError, match=r"^cannot read [^\n]*; delete it to go on without$"):
        read_arrays(tmp_path / "part")


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2"])
def test_a_dtype_that_numpy_has_not_is_told_in_one_line(tmp_path: Path, dtype: str) -> None:
    count = 2 // (2 if dtype == "BF16" else 1)
    head = json.dumps({"a": {"dtype": dtype, "shape": [count], "data_offsets": [0, 2]}}).encode()
    (tmp_path / "part").write_bytes(len(head).to_bytes(8, "little") + head + bytes(2))
    with pytest.raises(UserError, match=r"^cannot read [^\n]*; delete it to go on without$"):
        read_arrays(tmp_path / "part")


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (read_json, read_arrays):
        with pytest.raises(UserError, match="It is not a file"):
            read(tmp_path / "pipe")


def test_a_link_stays_a_link_and_what_it_points_to_changes(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_link_that_somebody_left_under_the_temporary_name_is_not_written_through(
    tmp_path: Path,
) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / f".file.{os.getpid()}{PARTIAL}").symlink_to("precious")
    write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "precious"]


def test_what_cannot_be_written_is_told_before_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.iterdir())
    for place in ("loop", "loop/below", "folder", "pipe", "x" * 250, f"new/{'x' * 250}", "x" * 300):
        for write in (require_writable, lambda path: write_whole(path, b"")):
            with pytest.raises(UserError, match=r"^cannot write [^\n]*; choose another place$"):
                write(tmp_path / place)
    assert sorted(tmp_path.iterdir()) == before
    for place in ("file", "new/and/below", "folder/file"):
        require_writable(tmp_path / place)
    assert sorted(tmp_path.iterdir()) == before


def test_half_a_character_is_written_as_its_escape(tmp_path: Path) -> None:
    write_json(tmp_path / "file", {"name": "\ud800"})
    assert json.loads((tmp_path / "file").read_text(encoding="utf-8")) == {"name": "\ud800"}


def test_texts_that_a_terminal_would_obey_are_read_as_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(
        r'{"a\u001b": ["\u001b]0;x\u0007", "\ud800", "two\nlines", 1.5, null]}'
    )
    assert read_json(tmp_path / "file") == {
        r"a\x1b": [r"\x1b]0;x\x07", r"\ud800", r"two\nlines", 1.5, None]
    }
