"""The four data sets, as bytes in memory: one drawn from bundled digits, three read from files that are checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compare.errors import UserError
from compare.experiment import digits, download, idx


@dataclass(frozen=True)
class Dataset:
    """Images (n, 28, 28) and labels (n,), all uint8; a label is an index into `class_names`."""

    name: str
    class_names: tuple[str, ...]
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


@dataclass(frozen=True)
class _Source:
    """Where torchvision keeps a data set. Its class names also the folder."""

    torchvision_class: str
    class_names: tuple[str, ...]
    sha256: Mapping[str, str] = field(default_factory=dict)  # by file, of the uncompressed bytes


_DIGITS = tuple("0123456789")
_FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

SOURCES = {
    "mnist": _Source("MNIST", _DIGITS, _MNIST_SHA256),
    "fashion-mnist": _Source("FashionMNIST", _FASHION),
    "kmnist": _Source("KMNIST", _KUZUSHIJI),
}

FILES = {  # in the order of Dataset's fields
    "train-images-idx3-ubyte": (60_000, 28, 28),
    "train-labels-idx1-ubyte": (60_000,),
    "t10k-images-idx3-ubyte": (10_000, 28, 28),
    "t10k-labels-idx1-ubyte": (10_000,),
}


def load(name: str, root: Path, *, deadline: float = 600.0) -> Dataset:
    """Return a data set of `config.DATASETS`. All but the digits live in `root`, where torchvision keeps them.

    Files that are absent are downloaded, within `deadline` seconds; a file that is there is never replaced.
    Raises `UserError` where a file is not what it should be, or cannot be had.
    """
    if name == "digits":
        return Dataset(name, _DIGITS, *digits.load())
    source = SOURCES[name]
    folder = root / source.torchvision_class / "raw"
    if absent := [file for file in FILES if idx.find(folder, file) is None]:
        download.fetch(source.torchvision_class, folder, absent, lambda fresh: _read(source, fresh), deadline=deadline)
    try:
        return Dataset(name, source.class_names, *_read(source, folder))
    except idx.IdxError as error:
        raise UserError(
            f"{folder}: {error}; delete that file to have it downloaded again, or point --data-root elsewhere"
        ) from error


def _read(source: _Source, folder: Path) -> list[NDArray[np.uint8]]:
    """Return the four arrays in the order of `FILES`, each checked. Raises `idx.IdxError`."""
    return [
        idx.read(
            idx.find(folder, file) or folder / file,
            shape,
            below=256 if len(shape) == 3 else len(source.class_names),
            sha256=source.sha256.get(file),
        )
        for file, shape in FILES.items()
    ]
