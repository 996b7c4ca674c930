"""The four data sets, as bytes in memory.

One is drawn from bundled digits. Three are read from files, of which only the originals are taken.
"""

from dataclasses import dataclass
from pathlib import Path

from compare.data import digits, download, idx
from compare.errors import UserError


@dataclass(frozen=True)
class Dataset:
    """Images (n, 28, 28) and labels (n,), all uint8; a label is an index into `class_names`."""

    name: str
    class_names: tuple[str, ...]
    train_images: idx.Bytes
    train_labels: idx.Bytes
    test_images: idx.Bytes
    test_labels: idx.Bytes

    @property
    def origin(self) -> str:
        """Where its images are from, for a caption."""
        if source := SOURCES.get(self.name):
            return f"{source.torchvision_class}, as published"
        return digits.ORIGIN


@dataclass(frozen=True)
class _Source:
    """Where torchvision keeps a data set. Its class names also the folder."""

    torchvision_class: str
    class_names: tuple[str, ...]
    # Of the uncompressed files, in the order of FILES; see idx.digest_like.
    digests: tuple[str, ...]


FILES = {  # in the order of Dataset's fields
    "train-images-idx3-ubyte": (60_000, 28, 28),
    "train-labels-idx1-ubyte": (60_000,),
    "t10k-images-idx3-ubyte": (10_000, 28, 28),
    "t10k-labels-idx1-ubyte": (10_000,),
}

DIGITS = tuple("0123456789")
CLOTHES = "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot"
KANA = "o, ki, su, tsu, na, ha, ma, ya, re, wo"

# The SHA-256 of MNIST's files belong to the .gz files whose MD5 torchvision checks; those of
# Fashion-MNIST are as public projects agree on them. Of KMNIST's training images they agree on
# git's name alone.
SOURCES = {
    "mnist": _Source(
        "MNIST",
        DIGITS,
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "fashion-mnist": _Source(
        "FashionMNIST",
        tuple(CLOTHES.split(", ")),
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    "kmnist": _Source(
        "KMNIST",
        tuple(KANA.split(", ")),
        (
            "3cf037df1ccd08cf71c7e9465ca6bc729e79a251",
            "2a16eeae62da984b8bd24fa32e31d47291f01dac3fe84d5594f304f71e7d374b",
            "76fbd229ce87db80dd281af5e6670de4ad0e42fb30a7bd643972994c47c1f42e",
            "a11dc742be8e781a40a92f53d6a4957e7b7d36df2faa097659131ebfd8fd60c6",
        ),
    ),
}


def load(name: str, data_root: Path = Path(), download_deadline: float = 600.0) -> Dataset:
    """Return a data set of `config.DATASETS`. All but the digits are files; see `_folder`.

    Files that are absent are downloaded, within so many seconds; a file that is there is never
    replaced. Raises `UserError` where a file is not what it should be, or cannot be had.
    """
    if name == "digits":
        return Dataset(name, DIGITS, *digits.load())
    source = SOURCES[name]
    folder = _folder(source, data_root)
    if absent := [file for file in FILES if idx.find(folder, file) is None]:
        kind = source.torchvision_class
        download.fetch(
            kind, folder, absent, lambda fresh: _read(source, fresh), deadline=download_deadline
        )
    try:
        return Dataset(name, source.class_names, *_read(source, folder))
    except idx.IdxError as error:
        raise UserError(
            f"{folder}: {error}; move it away to have the original downloaded, "
            "or point --data-root elsewhere"
        ) from error


def _folder(source: _Source, root: Path) -> Path:
    """Return where the files of a data set are, or where they will be once downloaded.

    torchvision's ROOT/MNIST/raw comes first; ROOT may also be that MNIST, or that raw, itself.
    """
    usual = root / source.torchvision_class / "raw"
    places = (usual, root / "raw", root)
    return next((place for place in places if any(idx.find(place, f) for f in FILES)), usual)


def _read(source: _Source, folder: Path) -> list[idx.Bytes]:
    """Return the four arrays in the order of `FILES`, each checked. Raises `idx.IdxError`."""
    return [
        idx.read(
            idx.find(folder, file) or folder / file,
            shape,
            below=256 if len(shape) == 3 else len(source.class_names),
            digest=digest,
        )
        for (file, shape), digest in zip(FILES.items(), source.digests, strict=True)
    ]
