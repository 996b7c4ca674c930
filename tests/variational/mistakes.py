"""Typical mistakes in a variational autoencoder: what each does to a training, and who sees it."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from compare.check.diagnosis import ALONE
from compare.controls.controls import control
from compare.controls.faults import FAULTS
from compare.controls.injection import Fault
from compare.data.batches import epoch_batches, noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.quality.drawn import STANDARD, Judge, draws
from compare.quality.gaussian import Gaussian
from compare.sides.interface import parts
from compare.sides.numpy_vae import NumpyVae
from compare.training.training import denoised_mse

MISTAKES = {  # by what one has got wrong, the fault that is injected
    "logvar taken for log std, forward and backward": (
        "Deviation.backward: a log-variance taken for a log std, forward and backward"
    ),
    "logvar taken for log std, forward alone": "Deviation.forward: the variance for the deviation",
    "std's backward without the ½": "Deviation.backward: ½ missing",
    "std's backward without std": "Deviation.backward: the exponential missing",
    "the draw's backward without the noise": "Draw.backward: noise missing",
    "one noise row for a whole batch": "VariationalAutoencoder.forward: one noise row for a batch",
    "noise drawn a second time": "VariationalAutoencoder.forward: noise drawn anew",
    "backward with new noise": "VariationalAutoencoder.backward: the forward again, with new noise",
    "no draw: the mean is decoded": "VariationalAutoencoder.forward: the mean without a draw",
    "KL without its −1": "GaussianKL.forward: −1 missing",
    "KL without its ½": "GaussianKL.forward: ½ missing",
    "KL halved, forward and backward": "GaussianKL.forward: half of it, forward and backward",
    "KL's gradient of logvar forgotten": "GaussianKL.backward: gradient of logvar forgotten",
    "KL's gradient of the mean forgotten": "GaussianKL.backward: gradient of the mean forgotten",
    "KL's gradient divided by the batch": "GaussianKL.backward: mean over the batch",
    "KL's gradient subtracted at the mean": (
        "VariationalAutoencoder.backward: KL's gradient subtracted"
    ),
    "KL's gradient overwrites the draw's": (
        "VariationalAutoencoder.backward: KL's gradient of the mean overwrites the draw's"
    ),
    "the mean's head alone into relu1": (
        "VariationalAutoencoder.backward: the mean's head alone into relu1"
    ),
    "logvar's head alone into relu1": (
        "VariationalAutoencoder.backward: logvar's head alone into relu1"
    ),
}
RIGHT, OTHER_SEED = "none", "none, another seed"


class Trained(NamedTuple):
    """What a training says of itself, and what it is worth."""

    loss: float  # squared error + KL, as the code itself reports them, per image, of the last epoch
    kl: float  # its second part
    denoised: float  # mean squared error of a pixel of the test images
    frechet: float  # of samples of N(0, I) to the training images
    confidence: float  # of the classifier, in the same samples


class Seen(NamedTuple):
    """Which stages of the check fail, and the sentence that it ends in."""

    alone: bool  # an operation on operands given to it
    formula: bool  # the complex step
    network: bool  # a whole step against the definitions, or torch
    sentence: str


def fault(name: str) -> Fault:
    """Return the fault of "operation: name"."""
    return next(one for one in FAULTS if f"{one.operation}: {one.name}" == name)


def trained(injected: Fault | None, dataset: Dataset, judge: Judge, config: Config) -> Trained:
    """Train NumPy's variational autoencoder with a fault in it, or none."""
    context: AbstractContextManager[Any] = injected.inject() if injected else nullcontext()
    with context, warnings.catch_warnings(action="ignore"):  # a fault may warn of anything
        side = NumpyVae(config)
        for epoch in range(config.epochs):
            batches = epoch_batches(config, dataset.train_images, epoch)
            sums = np.sum([parts(losses) for losses in side.fit(batches)], axis=0)
        error, kl = sums / len(dataset.train_images)
        test = noisy_test_images(config, dataset.test_images)
        means = Gaussian.of(side.encode(test.clean))
        images = draws(config, side, means, len(test.clean))[STANDARD]
        denoised = denoised_mse(side, test)
    figures = judge.figures(images)
    drawn = (figures["frechet"] or np.nan, figures["confidence"] or np.nan)
    return Trained(error + kl, kl, denoised, *drawn)


def seen(injected: Fault, dataset: Dataset) -> Seen:
    """Return what the check sees of a fault."""
    found = control(injected, dataset.train_images)
    alone = bool(found.stages & set(ALONE))
    return Seen(alone, "formula" in found.stages, "network" in found.stages, found.sentence)


def measured(dataset: Dataset, config: Config) -> Iterator[tuple[str, Trained, Seen | None]]:
    """Yield each mistake, what a training with it comes to, and who sees it; first, none."""
    judge = Judge(dataset)
    yield RIGHT, trained(None, dataset, judge, config), None
    other = replace(config, seed=config.seed + 1)
    yield OTHER_SEED, trained(None, dataset, judge, other), None
    for name, of in MISTAKES.items():
        yield name, trained(fault(of), dataset, judge, config), seen(fault(of), dataset)
