"""The library's way: with its two lines it adds gradients up, without them it averages."""

import numpy as np
import pytest

from compare.data.datasets import Dataset
from compare.training.together import together
from tests.trials.crews import TORCHRUN, run
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


@pytest.mark.slow
def test_the_example_ends_well_and_prints_the_loss_of_one_process() -> None:
    losses = []
    for count in ("1", "2"):
        printed = run(program=(*TORCHRUN, count), module="examples.ddp")
        losses.append([float(line.split()[-1]) for line in printed.splitlines()])
    one, two = losses
    assert len(one) == 10
    np.testing.assert_allclose(two, one, atol=2e-3, rtol=0)  # printed with three decimals
