"""The batches of an epoch, for tests of a side."""

import pytest

from compare.experiment.batches import Batch, epoch_batches
from compare.experiment.config import Config
from compare.experiment.data import Dataset


@pytest.fixture
def batches(config: Config, dataset: Dataset) -> list[Batch]:
    """Return the batches of an epoch, the last of them short."""
    return list(epoch_batches(config, dataset.train_images, 0))
