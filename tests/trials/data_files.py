"""A data set of which one file is not what it should be, through the commands' loader."""

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.random import Generator

from compare.data import datasets, download, idx
from compare.errors import UserError
from tests.trials.mutations import mutate

# 16 kB that inflate to 16 MB; it may follow another member in its .gz.
BOMB = gzip.compress(bytes(2**24))
# Of trials on real MNIST, where AE_DATA_ROOT has it: they are a thousand times as long.
REAL_SHARE = 1 / 250
SHAPES = {  # a size that is read in no time
    "train-images-idx3-ubyte": (6, 2, 3),
    "train-labels-idx1-ubyte": (6,),
    "t10k-images-idx3-ubyte": (4, 2, 3),
    "t10k-labels-idx1-ubyte": (4,),
}

Files = dict[str, bytes]
Wrong = Callable[[Generator, str, Files], bytes | Callable[[Path], object]]


def small(name: str) -> Files:
    """Return a data set's files in small, the same at every call."""
    rng = np.random.default_rng(len(name))
    return {
        file: idx.header(shape) + rng.integers(0, 10, shape, np.uint8).tobytes()
        for file, shape in SHAPES.items()
    }


def another_shape(rng: Generator, file: str, files: Files) -> bytes:
    """Return a well-formed file with other counts, and mostly of the length that they need."""
    shape = tuple(int(n) for n in rng.integers(0, 8, rng.integers(1, 4)))
    return idx.header(shape) + rng.bytes(int(np.prod(shape)) if rng.random() < 0.7 else 20)


def another_magic(rng: Generator, file: str, files: Files) -> bytes:
    """Return the file with another first word: other types, other numbers of dimensions, junk."""
    return (
        rng.bytes(4) + files[file][4:]
        if rng.random() < 0.5
        else b"\0\0" + rng.bytes(2) + files[file][4:]
    )


WRONGS: dict[str, Wrong] = {
    "mutated": lambda rng, file, files: mutate(rng, files[file]),
    "mutated values": lambda rng, file, files: files[file][:16] + mutate(rng, files[file][16:]),
    "swapped": lambda rng, file, files: list(files.values())[rng.integers(len(files))],
    "another magic": another_magic,
    "another shape": another_shape,
    "a web page": lambda *_: b"<!DOCTYPE html><title>301 Moved Permanently</title>",
    "a folder": lambda *_: Path.mkdir,
    "a pipe": lambda *_: os.mkfifo,
    "a broken link": lambda *_: lambda path: path.symlink_to("nowhere"),
    "absent": lambda *_: lambda path: None,
}


@contextmanager
def in_small(name: str, files: Files) -> Iterator[None]:
    """Have the loader believe that these files are the data set."""
    source = datasets.SOURCES[name]
    digests = tuple(
        idx.digest_like(digest, content)
        for digest, content in zip(source.digests, files.values(), strict=True)
    )
    with (
        patch.dict(datasets.FILES, SHAPES),
        patch.dict(datasets.SOURCES, {name: replace(source, digests=digests)}),
    ):
        yield


def trial(rng: Generator, folder: Path) -> str:
    """Put one wrong file among right ones; assert that it is refused or makes no difference."""
    if rng.random() < REAL_SHARE and "AE_DATA_ROOT" in os.environ:
        raw = Path(os.environ["AE_DATA_ROOT"], "MNIST", "raw")
        return _try(
            rng, folder, "mnist", {file: (raw / file).read_bytes() for file in datasets.FILES}
        )
    name = str(rng.choice(list(datasets.SOURCES)))
    files = small(name)
    with in_small(name, files):
        return _try(rng, folder, name, files)


def _try(rng: Generator, root: Path, name: str, files: Files) -> str:
    folder = root / datasets.SOURCES[name].torchvision_class / "raw"
    folder.mkdir(parents=True)
    chosen, wrong = str(rng.choice(list(files))), str(rng.choice(list(WRONGS)))
    for file, content in files.items():
        if file != chosen:
            (folder / file).write_bytes(content)
    how = _spoil(rng, folder / chosen, WRONGS[wrong](rng, chosen, files))
    before = _contents(folder)
    details = f"{name}, {chosen}: {wrong}, {how}, in {folder}"
    try:
        with patch.object(download, "fetch", side_effect=UserError("a download would start")):
            found = datasets.load(name, root)
    except UserError as error:
        assert str(error).isprintable(), f"{details}: not one line: {error}"
        outcome = "refused"
    except Exception as error:
        raise AssertionError(f"{details}: {error!r}") from error
    else:
        arrays = (found.train_images, found.train_labels, found.test_images, found.test_labels)
        for array, (file, shape), content in zip(
            arrays, datasets.FILES.items(), files.values(), strict=True
        ):
            assert idx.header(shape) + array.tobytes() == content, (
                f"{details}: {file} was accepted and differs"
            )
        outcome = "accepted: the original"
    assert _contents(folder) == before, f"{details}: a file was changed"
    return outcome


def _spoil(rng: Generator, path: Path, content: bytes | Callable[[Path], object]) -> str:
    """Make the wrong file, plain, packed or packed and then broken; return how."""
    packed = path.with_name(f"{path.name}.gz")
    way = rng.choice(["plain", "packed", "broken packed", "members", "bomb"])
    if not isinstance(content, bytes):
        content(path if way == "plain" else packed)
    elif way == "plain":
        path.write_bytes(content)
    elif way == "bomb":
        packed.write_bytes(gzip.compress(content, 1) + BOMB)
    elif way == "members":  # a .gz may be several in a row
        cut = int(rng.integers(len(content) + 1))
        packed.write_bytes(gzip.compress(content[:cut], 1) + gzip.compress(content[cut:], 1))
    else:
        whole = gzip.compress(content, 1, mtime=0)
        packed.write_bytes(mutate(rng, whole) if way == "broken packed" else whole)
    return str(way)


def _contents(folder: Path) -> dict[str, bytes | None]:
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}
