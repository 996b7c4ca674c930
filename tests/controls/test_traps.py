"""What workers get wrong is caught and named; healthy workers raise no alarm."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compare.check.shared_check import Case, check_shared_steps, healthy_cases
from compare.check.shared_steps import IMAGES, LAST, SMALL, Record, Trap, judge, record
from compare.controls.traps import TRAPS, Through
from compare.data.batches import Batch, Images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.flat import Flat
from compare.sides.subject import LABELS
from compare.training.shards import Team
from tests.teams import in_threads

SAID = {
    "gradients averaged over workers": "the gradient is averaged over workers: it is 1/{count}",
    "mean of means over uneven shards": "the mean of the workers' means, whose shards have {rows}",
    "the same noise on every worker": "every worker draws the same noise",
    "last batch dropped": "nobody trains on the last 13 images",
    "sampler's duplicates": "the workers see {seen}: some are repeated",
    "a worker that starts from other weights": "worker {last} starts from other weights",
    "a worker that misses an update": "step 3, worker {last} misses the update",
}
TWO = {"count": 2, "last": 1, "rows": "6 and 7", "seen": "14 images of a batch of 13"}
THREE = {"count": 3, "last": 2, "rows": "10, 11 and 11", "seen": "33 images of a batch of 32"}


def test_two_workers_are_told_of_every_trap_and_of_none_where_there_is_none(
    bundled: Dataset,
) -> None:
    cases: list[Case] = [(trap, name, SMALL) for trap in TRAPS for name in LABELS]
    healthy = healthy_cases()
    found = check_shared_steps(2, bundled.train_images, [*healthy, *cases])
    assert found[: len(healthy)] == [None] * len(healthy)
    for (trap, *_), sentence in zip(cases, found[len(healthy) :], strict=True):
        assert SAID[trap.name].format(**TWO) in (sentence or "")
    assert {trap.name for trap in TRAPS} == SAID.keys()


def judged(images: Images, trap: type[Trap], count: int, config: Config = SMALL) -> str | None:
    """Return what is said of so many workers of the NumPy side."""

    def work(team: Team) -> Record:
        return record("numpy", config, images[:IMAGES], trap(team.rank, count), team)

    alone = record("numpy", config, images[:IMAGES], Trap(0, count), None)
    return judge(in_threads(count, work), alone)


@pytest.mark.parametrize("trap", TRAPS)
def test_three_are_told_too(bundled: Dataset, trap: type[Trap]) -> None:
    sentence = judged(bundled.train_images, trap, 3)
    assert SAID[trap.name].format(**THREE) in (sentence or "")


@pytest.mark.parametrize(
    ("alike", "sentence"),
    [
        (True, "every worker draws the same latent noise"),
        (False, "the workers see other latent noise than one process does"),
    ],
)
def test_latents_noise_is_told_as_such(bundled: Dataset, alike: bool, sentence: str) -> None:
    class Drawn(Trap):
        def flat(self, network: Flat) -> Flat:
            rng = np.random.default_rng(0 if alike else self.rank)

            class Flattened(Through):
                def gradient(_, batch: Batch, row: Any) -> None:
                    noise = rng.standard_normal((100, SMALL.latent_dim))[: len(batch.clean)]
                    network.gradient(batch.but(noise=noise.astype(batch.clean.dtype)), row)

            return Flattened(network)

    found = judged(bundled.train_images, Drawn, 2, replace(SMALL, model="vae"))
    assert found == f"in epoch 1, step 1, {sentence}"


def test_no_alarm_is_raised_of_as_many_as_may_be(bundled: Dataset) -> None:
    assert judged(bundled.train_images, Trap, LAST) is None


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_no_alarm_is_raised_of_healthy_workers(bundled: Dataset, count: int) -> None:
    cases = healthy_cases()
    assert check_shared_steps(count, bundled.train_images, cases) == [None] * len(cases)
