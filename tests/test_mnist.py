"""The article's experiment on the real MNIST, and what we promise of it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compare.data import datasets
from compare.data.batches import noisy_test_images
from compare.data.config import MODELS, Config
from compare.quality.codecs import code
from compare.quality.drawn import STANDARD, Judge, drawn
from compare.sides.subject import LABELS, make_side
from compare.training.training import Training

ROOT = Path(__file__).parents[1]
TRAIN_AND_WEIGH = """
from compare.bench.worker import peak_megabytes
from compare.cli import main
try:
    main()
finally:
    print(peak_megabytes())
"""


def trained(config: Config, root: Path, folder: Path, images: int = 60_000) -> Training:
    """Train both sides on the first images."""
    mnist = datasets.load("mnist", root)
    subset = replace(
        mnist, train_images=mnist.train_images[:images], train_labels=mnist.train_labels[:images]
    )
    training = Training(config, subset, {name: make_side(name, config) for name in LABELS}, folder)
    training.run(lambda *_: None)
    return training


def test_the_loss_falls_alike_on_both_sides(mnist_root: Path, tmp_path: Path) -> None:
    training = trained(Config(data="mnist", epochs=3), mnist_root, tmp_path, images=4000)
    for records in zip(*training.histories.values(), strict=True):
        # Float32 over less than a hundred steps.
        assert records[0].loss == pytest.approx(records[1].loss, rel=1e-3)
    losses = [record.loss for record in training.histories["numpy"]]
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.slow
def test_training_the_numpy_side_stays_under_600_mb(mnist_root: Path, tmp_path: Path) -> None:
    arguments = [
        "train",
        "--side",
        "numpy",
        "--data",
        "mnist",
        "--epochs",
        "1",
        "--out",
        str(tmp_path / "run"),
    ]
    command = [sys.executable, "-c", TRAIN_AND_WEIGH, *arguments]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "AE_DATA_ROOT": str(mnist_root)}
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    assert float(ended.stdout.splitlines()[-1]) < 600


@pytest.mark.slow
def test_both_sides_reach_the_articles_quality(mnist_root: Path, tmp_path: Path) -> None:
    ours, theirs = (
        records[-1].test_mse
        for records in trained(Config(), mnist_root, tmp_path).histories.values()
    )
    assert max(ours, theirs) <= 0.0172
    assert ours == pytest.approx(theirs, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_in_float64_the_whole_training_agrees(mnist_root: Path, tmp_path: Path, model: str) -> None:
    training = trained(Config(model=model, dtype="float64"), mnist_root, tmp_path)
    assert list(training.drift) == list(range(1, 16))
    assert max(drift.loss for drift in training.drift.values()) <= 1e-12
    assert max(drift.parameters for drift in training.drift.values()) <= 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("seed", [42, 43])
def test_a_variational_autoencoder_decodes_random_latents(
    mnist_root: Path, tmp_path: Path, seed: int
) -> None:
    mnist = datasets.load("mnist", mnist_root)
    judge, found = Judge(mnist), {}
    for model in MODELS:
        config = Config(model=model, seed=seed)
        side = make_side("numpy", config)
        Training(config, mnist, {"numpy": side}, tmp_path / model).run(lambda *_: None)
        test = noisy_test_images(config, mnist.test_images)
        coded = code(side, mnist.train_images, test)
        found[model] = drawn(config, side, coded, judge)[STANDARD]
        if model == "vae":
            assert np.square(coded.denoised - test.clean).mean() <= 0.021
            spread = np.diag(coded.noisy.covariance)  # of the codes of all such images together
            assert 0.8 < spread.min() < spread.max() < 1.25
    plain, variational = (found[model] for model in MODELS)
    assert plain["frechet"] and variational["frechet"]
    assert plain["frechet"] / variational["frechet"] >= 6
    assert plain["confidence"] and variational["confidence"]
    assert plain["confidence"] <= 0.60 < 0.83 <= variational["confidence"]
