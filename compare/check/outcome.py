"""Stage 6, outcome: that training comes to the same in the end, over several seeds, and not that nothing differs.

Side and reference start alike and see the same batches; the reference does so once more with every
parameter moved by one ULP, which is how much of a difference means nothing. For each seed the
statistic is the logarithm of the ratio of the two test errors, after denoising. Two one-sided
t-tests ask whether its mean lies within ±MARGIN: it does, at LEVEL, when the interval of the mean
that leaves LEVEL on either side does. Schuirmann, A comparison of the two one-sided tests procedure
and the power approach (1987).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.check.bounds import Finding, Verdict
from compare.check.trajectory import moved_by_one_ulp
from compare.data.batches import noisy_test_images, steps_per_epoch, training_batches
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.data.streams import Purpose, stream
from compare.errors import UserError
from compare.sides.interface import Side
from compare.sides.subject import Subject
from compare.training.training import denoised_mse

SEEDS = 5  # the config's and the next ones
TRAININGS = 3 * SEEDS  # of a side, its reference and its reference's twin
LEVEL = 0.05
# Of the test error. Over fifteen seeds of digits the reference's twins end 0.13 % from it in root
# mean square, and so does NumPy; five such seeds, drawn again and again, pass in 999 of 1,000. A
# learning rate 1.3 times too high moves the error by 3 to 5 %.
MARGIN = 0.005

Step = Callable[[int, float], None]  # images in the batch, loss per image


@dataclass(frozen=True)
class Outcome:
    """The test errors (squared, per pixel) at the end of training, by seed."""

    ours: list[float]
    reference: list[float]
    twin: list[float]  # of the reference, moved by one ULP at the start
    margin: float = MARGIN

    def __str__(self) -> str:
        """Say how far from the reference the side ends, how far its twins do, and how far it may."""
        (mean, ours), (_, twins) = (
            interval(self.ours, self.reference),
            interval(self.twin, self.reference),
        )
        return f"after training, test error {mean:+.2%} ± {ours:.2%} off; twins ± {twins:.2%}, margin {self.margin:.1%}"


def check_outcome(
    subject: Subject, config: Config, dataset: Dataset, on_step: Step
) -> tuple[Finding, Outcome]:
    """Train all to the config's last epoch; judge the test errors."""
    ours, reference, twin = list[float](), list[float](), list[float]()
    for number in range(SEEDS):
        seeded = replace(config, seed=config.seed + number)
        moved = subject.reference(seeded)
        moved.load(moved_by_one_ulp(moved.state(), stream(Purpose.TWINS, seeded.seed)))
        for side, errors in (
            (subject.ours(seeded), ours),
            (subject.reference(seeded), reference),
            (moved, twin),
        ):
            errors.append(_train(side, seeded, dataset, on_step))
    outcome, who = Outcome(ours, reference, twin), subject.ours(config).describe()
    verdict, ratio = judge(ours, reference)
    detail = "" if verdict.held else str(outcome)
    return Finding(
        "outcome", who.name, who.dtype, "training", "test error", verdict, ratio, detail=detail
    ), outcome


def require_images(subject: Subject, config: Config, dataset: Dataset) -> None:
    """Raise `UserError` for a side that cannot be trained on images."""
    who, pixels = subject.ours(config).describe(), dataset.train_images[0].size
    widths = (who.layers[0].in_features, who.layers[-1].out_features)
    if widths != (pixels, pixels):
        raise UserError(
            f"--thorough trains on images of {pixels} pixels, {who.name} maps {widths[0]} to {widths[1]}; leave it out"
        )


def _train(side: Side, config: Config, dataset: Dataset, on_step: Step) -> float:
    """Train a side to the end; return its test error."""
    images = dataset.train_images
    steps = config.epochs * steps_per_epoch(config, len(images))
    for batch in training_batches(config, images, steps):
        (loss,) = side.fit([batch])
        on_step(len(batch.clean), loss / len(batch.clean))
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
    """Return the mean of the log ratios, and half the width of the interval that leaves LEVEL on either side."""
    from scipy.stats import t

    ratios = np.log(ours) - np.log(reference)
    half = t.ppf(1 - LEVEL, len(ratios) - 1) * ratios.std(ddof=1) / len(ratios) ** 0.5
    return float(ratios.mean()), float(half)
