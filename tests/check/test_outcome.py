"""The outcome: equivalence is shown, not assumed, and a fault that hurts training is seen."""

from dataclasses import replace

import numpy as np
import pytest

from compare.check.bounds import Verdict
from compare.check.outcome import (
    MARGIN,
    SEEDS,
    TRAININGS,
    Outcome,
    check_outcome,
    interval,
    judge,
    require_images,
)
from compare.controls.injection import rewritten
from compare.data import datasets
from compare.data.batches import epoch_batches, noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.sides.subject import make_side, our_own
from compare.sides.user import user_supplied
from compare.training.training import denoised_mse

REFERENCE = [0.016, 0.0161, 0.0159, 0.0162, 0.0158]
SPREAD = np.array([-1.0, 0.5, 0.0, -0.5, 1.0]) * MARGIN / 5


def ours(shift: float, spread: float = 1.0) -> list[float]:
    """Return errors whose log ratios to the reference have this mean and this spread."""
    return list(np.array(REFERENCE) * np.exp(shift + spread * SPREAD))


def silent(images: int, loss: float) -> None:
    """Take no notice of a step."""


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        (ours(0.0), Verdict.WITHIN),
        (ours(MARGIN / 2), Verdict.WITHIN),
        (ours(MARGIN * 0.95), Verdict.INCONCLUSIVE),
        (ours(0.0, 10.0), Verdict.INCONCLUSIVE),  # no difference is seen, and so nothing is shown
        (ours(2 * MARGIN), Verdict.FAIL),
        (ours(-2 * MARGIN), Verdict.FAIL),
        ([*REFERENCE[:-1], np.nan], Verdict.NOT_FINITE),
    ],
)
def test_equivalence_is_shown_or_refuted_or_undecided(
    errors: list[float], verdict: Verdict
) -> None:
    found, ratio = judge(errors, REFERENCE)
    assert found is verdict
    assert (ratio <= 1) is verdict.held


def test_the_interval_is_that_of_two_one_sided_t_tests() -> None:
    from scipy.stats import ttest_1samp

    errors = ours(MARGIN / 3)
    mean, half = interval(errors, REFERENCE)
    ratios = np.log(errors) - np.log(REFERENCE)
    lower = ttest_1samp(ratios, mean - half, alternative="greater").pvalue
    upper = ttest_1samp(ratios, mean + half, alternative="less").pvalue
    assert (lower, upper) == pytest.approx((0.05, 0.05))


def test_side_reference_and_perturbed_reference_are_trained_to_the_end_with_every_seed(
    config: Config, dataset: Dataset
) -> None:
    images = []
    finding, outcome = check_outcome(
        our_own(dataset.train_images), config, dataset, lambda count, loss: images.append(count)
    )
    assert sum(images) == TRAININGS * config.epochs * len(dataset.train_images)
    assert finding.verdict is Verdict.WITHIN
    assert len(outcome.ours) == len(outcome.reference) == len(outcome.perturbed) == SEEDS >= 5
    assert outcome.perturbed != outcome.reference
    last = replace(config, seed=config.seed + SEEDS - 1)
    side = make_side("numpy", last)
    for epoch in range(last.epochs):
        list(side.fit(epoch_batches(last, dataset.train_images, epoch)))
    assert outcome.ours[-1] == denoised_mse(side, noisy_test_images(last, dataset.test_images))


def test_the_outcome_says_what_it_is_held_against() -> None:
    said = str(Outcome(ours(0.001), REFERENCE, ours(0.0)))
    assert said == (
        "after training, test error +0.10% ± 0.08% from the reference's; "
        "perturbed references ± 0.08%, margin 0.5%"
    )


def test_a_side_that_takes_no_images_is_refused(config: Config, dataset: Dataset) -> None:
    with pytest.raises(
        UserError, match="--thorough trains on images of 784 pixels, My network maps 20 to 3"
    ):
        require_images(
            user_supplied("examples.own_side:make", config, dataset.train_images),
            config,
            dataset,
        )


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "verdict"), [("1", Verdict.WITHIN), ("1.3", Verdict.FAIL)])
def test_a_learning_rate_that_is_too_high_is_seen_in_the_end(factor: str, verdict: Verdict) -> None:
    digits = datasets.load("digits")
    with rewritten("Adam.step", [("self.lr *", f"{factor} * self.lr *")]):
        finding, outcome = check_outcome(our_own(digits.train_images), Config(), digits, silent)
    assert finding.verdict is verdict, str(outcome)
