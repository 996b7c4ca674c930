"""What workers get wrong is caught and named; healthy workers raise no alarm."""

import pytest

from compare.check.shared_check import check_shared_steps, healthy_cases
from compare.check.shared_steps import Trap
from compare.controls.traps import TRAPS
from compare.data.datasets import Dataset
from compare.sides.subject import LABELS

SAID = {
    "gradients averaged over workers": "the gradient is averaged over workers: it is 1/2",
    "mean of means over uneven shards": "the mean of the workers' means, whose shards have 6 and 7",
    "the same noise on every worker": "every worker draws the same noise",
    "last batch dropped": "nobody trains on the last 13 images",
    "sampler's duplicates": "the workers see 14 images of a batch of 13: some are repeated",
    "a worker that starts from other weights": "worker 1 starts from other weights",
    "a worker that misses an update": "step 3, worker 1 misses the update",
}


def test_two_workers_are_told_of_every_trap_and_of_none_where_there_is_none(
    bundled: Dataset,
) -> None:
    cases: list[tuple[type[Trap], str, str]] = [
        (trap, name, "float32") for trap in TRAPS for name in LABELS
    ]
    healthy = healthy_cases()
    found = check_shared_steps(2, bundled.train_images, [*healthy, *cases])
    assert found[: len(healthy)] == [None] * len(healthy)
    for (trap, *_), sentence in zip(cases, found[len(healthy) :], strict=True):
        assert SAID[trap.name] in (sentence or "")
    assert {trap.name for trap in TRAPS} == SAID.keys()


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_no_alarm_is_raised_of_healthy_workers(bundled: Dataset, count: int) -> None:
    cases = healthy_cases()
    assert check_shared_steps(count, bundled.train_images, cases) == [None] * len(cases)
