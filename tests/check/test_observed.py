"""One step on both sides, judged and pictured; a wrong side is off, and no crash."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from compare.check.observed import observe_step
from compare.controls.injection import wrong_code
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.subject import Subject, our_own

CONFIG = Config(hidden_dim=16, latent_dim=3, batch_size=8)
STATE = {"adam.step"}  # what a trace has and a picture has no place for


@pytest.fixture
def subject(dataset: Dataset) -> Subject:
    """Return our own two packages at their start."""
    return our_own(dataset.train_images)


def test_every_tensor_of_the_step_is_told_of_both_sides_and_held(subject: Subject) -> None:
    (batch,) = subject.batches(CONFIG, 1)
    trace = subject.reference(CONFIG).observe(batch)
    tensors, pictures = observe_step(subject, CONFIG, np.random.default_rng(0))
    assert {tensor.name for tensor in tensors} == trace.keys() - STATE
    for tensor in tensors:
        assert tuple(tensor.shape) == trace[tensor.name].shape
        assert tensor.largest == np.abs(trace[tensor.name]).max()
        assert list(tensor.judged) == ["NumPy", "PyTorch"]
        assert all(judged.verdict in ("exact", "within") for judged in tensor.judged.values()), (
            tensor
        )
        ours, theirs, apart = (
            pictures[f"{of}/{tensor.name}"] for of in ("NumPy", "PyTorch", "apart")
        )
        np.testing.assert_array_equal(apart, np.abs(ours - theirs))
        assert tensor.apart is not None and tensor.apart >= apart.max()


@pytest.mark.parametrize(
    ("new", "verdict"),
    [("dweight = 2 * (dy.T @ x)", "fail"), ("dweight = dy.T @ x * np.nan", "not finite")],
)
def test_a_wrong_side_is_told_as_plain_values(subject: Subject, new: str, verdict: str) -> None:
    with wrong_code("wrong", "Linear.backward", ("dweight = np.dot(dy.T, x)", new)).inject():
        tensors, _ = observe_step(subject, CONFIG, np.random.default_rng(0))
    (found,) = (tensor for tensor in tensors if tensor.name == "grad/fc4.weight")
    assert found.judged["NumPy"].verdict == verdict
    assert found.judged["PyTorch"].verdict == "within"
    json.dumps([asdict(tensor) for tensor in tensors], allow_nan=False)


def test_the_dying_moments_of_a_dead_unit_are_not_judged(dataset: Dataset) -> None:
    start = our_own(dataset.train_images).ours(CONFIG).state()
    start["param/fc1.bias"][:8] = -100
    start["adam.exp_avg/fc1.weight"][:8] = 1e-44
    subject = our_own(dataset.train_images, start=start)
    tensors, _ = observe_step(subject, CONFIG, np.random.default_rng(0))
    assert all(
        judged.verdict in ("exact", "within")
        for tensor in tensors
        for judged in tensor.judged.values()
    )
