"""What many tests share: hypothesis without chance, where MNIST lies, small data and settings."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from compare import machine
from compare.data import datasets
from compare.data.batches import Batch, epoch_batches
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides import first_calls  # noqa: F401 - before torch computes
from tests.once import once
from tests.running import compare

settings.register_profile("fixed", derandomize=True, database=None, deadline=None, max_examples=25)
settings.load_profile("fixed")

NOBODY = 65534  # the user and the group of that name


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Keep BLAS and torch, whose idle threads spin, to one thread; children inherit it."""
    machine.set_threads(1)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what would lie in the user's cache for the whole test run, and away from there."""
    os.environ["XDG_CACHE_HOME"] = str(once(tmp_path_factory, "cache", lambda _: None))


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """Return the folder that AE_DATA_ROOT names."""
    if "AE_DATA_ROOT" not in os.environ:
        pytest.skip("AE_DATA_ROOT does not say where MNIST lies")
    return Path(os.environ["AE_DATA_ROOT"])


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """Give a test an empty folder and, if it runs as root, the rights of nobody."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(os.getuid())


@pytest.fixture(scope="session")
def config() -> Config:
    """Return the article's experiment, but for a small network and few steps."""
    return Config(latent_dim=3, hidden_dim=8, batch_size=50, epochs=3)


@pytest.fixture(scope="session")
def bundled() -> Dataset:
    """Return the digits that need no download, all of them."""
    return datasets.load("digits", Path("no such folder"))


@pytest.fixture(scope="session")
def dataset(bundled: Dataset) -> Dataset:
    """Return 130 digits, two batches of the config and a short one, and 40 to test on."""
    return replace(
        bundled,
        train_images=bundled.train_images[:130],
        train_labels=bundled.train_labels[:130],
        test_images=bundled.test_images[:40],
        test_labels=bundled.test_labels[:40],
    )


@pytest.fixture
def batches(config: Config, dataset: Dataset) -> list[Batch]:
    """Return the batches of an epoch, the last of them short."""
    return list(epoch_batches(config, dataset.train_images, 0))


RUN = ("run", "--epochs", 1, "--hidden-dim", 16, "--threads", 1, "--no-faults")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Do the whole job once; return its folder, which nobody changes, and what was printed."""

    def make(folder: Path) -> None:
        (cwd := folder / "cwd").mkdir()
        (folder / "printed").write_text(compare(*RUN, "--out", "run", cwd=cwd))

    made = once(tmp_path_factory, "finished", make)
    return made / "cwd/run", (made / "printed").read_text()


@pytest.fixture
def folder(finished: tuple[Path, str], tmp_path: Path) -> Path:
    """Return a copy of the finished run, without its pictures."""
    return Path(
        shutil.copytree(finished[0], tmp_path / "copy", ignore=shutil.ignore_patterns("figures"))
    )
