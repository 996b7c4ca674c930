"""A data set is what its name says, or one line says which file is not, and what to do."""

import gzip
import hashlib
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from compare.data import datasets, download, idx
from compare.data.config import DATASETS
from compare.data.datasets import Dataset
from compare.errors import UserError
from tests.trials import data_files
from tests.trials.many import many

needs_mnist = pytest.mark.skipif(
    "AE_DATA_ROOT" not in os.environ, reason="AE_DATA_ROOT does not say where MNIST lies"
)

# of the pixels to train on and to test on, 0 to 255
MNIST_MEANS = (33.318421449829934, 33.791224489795916)


@pytest.fixture(autouse=True)
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every attempt to download fail at once, saying what was wanted."""

    def fetch(name: str, folder: Path, files: list[str], *_: object, **__: object) -> None:
        raise UserError(f"wanted {name}: {', '.join(files)}")

    monkeypatch.setattr(download, "fetch", fetch)


@cache
def blank() -> dict[str, tuple[bytes, str]]:
    """Return files of zeros by name, each gzipped and with its digest."""
    contents = {
        file: idx.header(shape) + bytes(np.prod(shape)) for file, shape in datasets.FILES.items()
    }
    return {
        file: (gzip.compress(content, 1), hashlib.sha256(content).hexdigest())
        for file, content in contents.items()
    }


@pytest.fixture
def fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a Fashion-MNIST of zeros, gzipped, and have it accepted; return its folder."""
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for file, (packed, _) in blank().items():
        (folder / f"{file}.gz").write_bytes(packed)
    source = replace(
        datasets.SOURCES["fashion-mnist"], digests=tuple(digest for _, digest in blank().values())
    )
    monkeypatch.setitem(datasets.SOURCES, "fashion-mnist", source)
    return folder


def failure(name: str, root: Path) -> str:
    """Return the one line with which loading must fail."""
    with pytest.raises(UserError) as caught:
        datasets.load(name, root)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_every_data_set_of_the_config_is_known_and_has_ten_classes() -> None:
    assert tuple(datasets.SOURCES) == tuple(name for name in DATASETS if name != "digits")
    assert all(len(set(source.class_names)) == 10 for source in datasets.SOURCES.values())


def test_the_digits_need_no_folder(bundled: Dataset) -> None:
    assert bundled.name == "digits"
    assert bundled.class_names == tuple("0123456789")
    assert len(bundled.train_images) == len(bundled.train_labels) > 10_000
    assert len(bundled.test_images) == len(bundled.test_labels) > 1_000
    assert np.array_equal(np.unique(bundled.train_labels), np.arange(10))


@needs_mnist
def test_mnist_is_mnist() -> None:
    mnist = datasets.load("mnist", Path(os.environ["AE_DATA_ROOT"]))
    assert mnist.train_images.shape == (60_000, 28, 28)
    assert mnist.test_images.shape == (10_000, 28, 28)
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.train_labels).sum() == 60_000
    means = (mnist.train_images.mean(), mnist.test_images.mean())
    assert means == MNIST_MEANS  # a sum of integers, then one division


def test_fashion_mnist_is_read_without_a_download(fashion: Path) -> None:
    loaded = datasets.load("fashion-mnist", fashion.parents[1])
    assert loaded.class_names[9] == "Ankle boot"
    arrays = (loaded.train_images, loaded.train_labels, loaded.test_images, loaded.test_labels)
    assert [array.shape for array in arrays] == list(datasets.FILES.values())
    assert all(array.dtype == np.uint8 and array.flags.writeable for array in arrays)


@pytest.mark.parametrize("root", [".", "FashionMNIST", "FashionMNIST/raw"])
def test_the_folder_of_the_files_and_the_one_above_are_roots_too(fashion: Path, root: str) -> None:
    above = fashion.parents[1]
    assert datasets.load("fashion-mnist", above / root).test_labels.shape == (10_000,)
    assert sum(path.is_dir() for path in above.rglob("*")) == 2  # nothing was made


def test_loading_holds_the_images_once(fashion: Path) -> None:
    tracemalloc.start()
    try:
        datasets.load("fashion-mnist", fashion.parents[1])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    total = sum(int(np.prod(shape)) for shape in datasets.FILES.values())
    # a bytearray that grows takes up to an eighth in advance; a copy would double it
    assert peak < 1.25 * total


def test_only_the_absent_files_are_downloaded(fashion: Path) -> None:
    (fashion / "train-labels-idx1-ubyte.gz").unlink()
    wanted = "wanted FashionMNIST: train-labels-idx1-ubyte"
    assert failure("fashion-mnist", fashion.parents[1]) == wanted
    assert failure("kmnist", fashion.parents[1]) == f"wanted KMNIST: {', '.join(datasets.FILES)}"


@pytest.mark.parametrize(
    ("file", "content", "fault"),
    [
        ("t10k-images-idx3-ubyte", b"\0\0\x08\x03", "ends after 4 of 7840016 bytes"),
        (
            "t10k-images-idx3-ubyte",
            idx.header((60_000, 28, 28)),
            "is of shape 60000 × 28 × 28, not 10000 × 28 × 28",
        ),
        (
            "t10k-labels-idx1-ubyte",
            idx.header((10_000,)) + bytes([10] * 10_000),
            "holds the value 10, where all",
        ),
    ],
)
def test_a_faulty_file_is_named_with_what_to_do(
    fashion: Path, file: str, content: bytes, fault: str
) -> None:
    (fashion / file).write_bytes(content)  # beside the gzipped one, which it hides
    message = failure("fashion-mnist", fashion.parents[1])
    assert message.startswith(f"{fashion}: {file} {fault}")
    assert message.endswith(
        "; move it away to have the original downloaded, or point --data-root elsewhere"
    )
    assert (fashion / file).read_bytes() == content


@pytest.mark.parametrize("name", ["mnist", "kmnist"])
def test_well_formed_files_of_another_data_set_are_not_taken_for_it(
    fashion: Path, name: str
) -> None:
    fashion.parent.rename(fashion.parents[1] / datasets.SOURCES[name].torchvision_class)
    fault = "train-images-idx3-ubyte.gz is not the original: its digest"
    assert fault in failure(name, fashion.parents[1])


def test_of_many_wrong_files_each_is_refused_or_makes_no_difference(tmp_path: Path) -> None:
    outcomes = many(data_files.trial, range(500), tmp_path)
    assert outcomes.keys() == {"refused", "accepted: the original"}
    assert outcomes["refused"] > 450


def test_importing_the_data_module_imports_none_of_the_slow_libraries() -> None:
    code = "import sys, compare.data.datasets; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    slow = {"torch", "torchvision", "sklearn", "scipy", "matplotlib", "umap"}
    assert slow.isdisjoint(ended.stdout.split())
