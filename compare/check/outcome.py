"""Stage outcome: that training ends alike, over several seeds, and not that nothing differs.

Side and reference start alike and see the same batches; the reference does so once more with every
parameter perturbed by one ULP, which is how much of a difference means nothing. For each seed the
statistic is the logarithm of the ratio of the two test errors, after denoising. Two one-sided
t-tests ask whether its mean lies within ±MARGIN: it does, at LEVEL, when the interval of the mean
that leaves LEVEL on either side does. Schuirmann, A comparison of the two one-sided tests procedure
and the power approach (1987).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.check.bounds import Finding, Verdict
from compare.check.trajectory import perturbed
from compare.data.batches import (
    Purpose,
    noisy_test_images,
    steps_per_epoch,
    stream,
    training_batches,
)
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.sides.interface import Side, parts
from compare.sides.process import Step
from compare.sides.subject import Subject
from compare.training.training import denoised_mse

SEEDS = 5  # the config's and the next ones
TRAININGS = 3 * SEEDS  # of a side, its reference and its perturbed reference
LEVEL = 0.05
# Of the test error. Over fifteen seeds of digits the perturbed references end 0.13 % from it in
# root mean square, and so does NumPy; five such seeds, drawn again and again, pass in 999 of 1,000.
# A learning rate 1.3 times too high moves the error by 3 to 5 %.
MARGIN = 0.005


@dataclass(frozen=True)
class Outcome:
    """The test errors (squared, per pixel) at the end of training, by seed."""

    ours: list[float]
    reference: list[float]
    perturbed: list[float]  # of the reference, moved by one ULP at the start
    margin: float = MARGIN

    def __str__(self) -> str:
        """Say how far from the reference the side ends, how far it may, and the perturbed ones."""
        mean, ours = interval(self.ours, self.reference)
        _, theirs = interval(self.perturbed, self.reference)
        return (
            f"after training, test error {mean:+.2%} ± {ours:.2%} from the reference's; "
            f"perturbed references ± {theirs:.2%}, margin {self.margin:.1%}"
        )


def check_outcome(
    subject: Subject, config: Config, dataset: Dataset, on_step: Step
) -> tuple[Finding, Outcome]:
    """Train all to the config's last epoch; judge the test errors."""
    outcome = Outcome([], [], [])
    for number in range(SEEDS):
        seeded = replace(config, seed=config.seed + number)
        moved = subject.reference(seeded)
        moved.load(perturbed(moved.state(), stream(Purpose.PERTURBED, seeded.seed)))
        for side, errors in (
            (subject.ours(seeded), outcome.ours),
            (subject.reference(seeded), outcome.reference),
            (moved, outcome.perturbed),
        ):
            errors.append(_train(side, seeded, dataset, on_step))
    who = subject.ours(config).describe()
    verdict, ratio = judge(outcome.ours, outcome.reference)
    detail = "" if verdict.held else str(outcome)
    finding = Finding(
        "outcome", who.name, who.dtype, "training", "test error", verdict, ratio, detail=detail
    )
    return finding, outcome


def require_images(subject: Subject, config: Config, dataset: Dataset) -> None:
    """Raise `UserError` for a side that cannot be trained on images."""
    who, pixels = subject.ours(config).describe(), dataset.train_images[0].size
    widths = (who.layers[0].in_features, who.layers[-1].out_features)
    if widths != (pixels, pixels):
        raise UserError(
            f"--thorough trains on images of {pixels} pixels, {who.name} maps "
            f"{widths[0]} to {widths[1]}; leave it out"
        )


def _train(side: Side, config: Config, dataset: Dataset, on_step: Step) -> float:
    """Train a side to the end; return its test error."""
    images = dataset.train_images
    steps = config.epochs * steps_per_epoch(config, len(images))
    for batch in training_batches(config, images, steps):
        (losses,) = side.fit([batch])
        on_step(len(batch.clean), parts(losses)[0] / len(batch.clean))
    return denoised_mse(side, noisy_test_images(config, dataset.test_images))


def judge(ours: Sequence[float], reference: Sequence[float]) -> tuple[Verdict, float]:
    """Return a verdict, and the far end of the mean's interval in units of the margin."""
    mean, half = interval(ours, reference)
    ratio = (abs(mean) + half) / MARGIN
    if not np.isfinite(ratio):
        return Verdict.NOT_FINITE, np.inf
    if ratio <= 1:
        return Verdict.WITHIN, ratio
    return (Verdict.FAIL if abs(mean) - half > MARGIN else Verdict.INCONCLUSIVE), ratio


def interval(ours: Sequence[float], reference: Sequence[float]) -> tuple[float, float]:
    """Return the mean of the log ratios, and half of its interval, with LEVEL on either side."""
    from scipy.stats import t

    ratios = np.log(ours) - np.log(reference)
    half = t.ppf(1 - LEVEL, len(ratios) - 1) * ratios.std(ddof=1) / len(ratios) ** 0.5
    return float(ratios.mean()), float(half)
