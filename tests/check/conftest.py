"""The batches of an epoch, for tests of a side."""

import pytest

from compare.data.batches import Batch, epoch_batches
from compare.data.config import Config
from compare.data.datasets import Dataset


@pytest.fixture
def batches(config: Config, dataset: Dataset) -> list[Batch]:
    """Return the batches of an epoch, the last of them short."""
    return list(epoch_batches(config, dataset.train_images, 0))
