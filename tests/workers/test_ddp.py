"""The library's way: with its two lines it adds gradients up, without them it averages."""

import numpy as np
import pytest

from compare.data.datasets import Dataset
from compare.training.together import together
from tests.workers.lesson import MEAN, SUM, WAYS, lesson


@pytest.mark.slow
def test_ddp_adds_up_with_its_hook_and_averages_without(bundled: Dataset) -> None:
    one, other = together(2, lesson, bundled.train_images[:300])
    for sgd in (False, True):
        whole, added, mean = (one[sgd, way].first for way in (WAYS[0], SUM, MEAN))
        np.testing.assert_array_equal(mean, added / 2)
        # Two shards' sums against one sum over a batch of 128.
        assert np.linalg.norm(added - whole) < 128 * np.finfo("float32").eps * np.linalg.norm(whole)
        np.testing.assert_array_equal(added, other[sgd, SUM].first)
