"""Steps of training that are not the observed ones: which, and in what way, and no crash."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

from compare.check.bounds import Finding
from compare.check.stages import check_subject
from compare.check.trajectory import check_step
from compare.data.batches import Batch, uniform_batches
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.interface import Grads, State, under_prefix
from compare.sides.user import user_supplied
from examples.own_side import Network

CONFIG = Config(batch_size=8)
Fit = Callable[[Network, Iterable[Batch]], Iterator[float]]


def twice(side: Network, batches: Iterable[Batch]) -> Iterator[float]:
    for batch in batches:
        side.observe(batch)
        yield float(side.observe(batch)["loss"])


def never_zeroed(side: Network, batches: Iterable[Batch]) -> Iterator[float]:
    left: Grads = {}
    for batch in batches:
        state, trace = side.state(), side.observe(batch)
        for name, grad in under_prefix("grad", trace).items():
            left[name] = left[name] + grad if name in left else grad
        side.load(state)
        side.update(left)
        yield float(trace["loss"])


def clipped(side: Network, batches: Iterable[Batch]) -> Iterator[float]:
    for batch in batches:
        state, trace = side.state(), side.observe(batch)
        side.load(state)
        grads = under_prefix("grad", trace)
        side.update({name: np.clip(grad, -500, 500) for name, grad in grads.items()})
        yield float(trace["loss"])


def half_the_loss(side: Network, batches: Iterable[Batch]) -> Iterator[float]:
    for batch in batches:
        yield float(side.observe(batch)["loss"]) / 2


def drifting(side: Network, batches: Iterable[Batch]) -> Iterator[float]:
    for batch in batches:
        yield float(side.observe(batch)["loss"])
        side.now["param/hidden.bias"] = side.now["param/hidden.bias"] + 1


def judged(fit: Fit, monkeypatch: pytest.MonkeyPatch, **methods: Any) -> list[Finding]:
    """Return what fails of the example's network, which maps 20 to 3, with this training."""
    for name, method in {"fit": fit, **methods}.items():
        monkeypatch.setattr(Network, name, method)
    first, second = uniform_batches(CONFIG, (20, 3), 2)
    large = Batch(first.noisy, first.clean * np.float32(1e3))
    side = Network(CONFIG)
    before = side.state()
    found = list(check_step(side, (first, second, large)))
    assert all(np.array_equal(before[name], value) for name, value in side.state().items())
    return [one for one in found if not one.verdict.held]


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        (twice, "the update is wrong, and the loss is too"),
        (never_zeroed, "the gradients of the step before are added: they are never zeroed"),
        (clipped, "only the third step is wrong, whose gradients are large"),
        (half_the_loss, "the update is right and the loss is not"),
    ],
)
def test_steps_that_differ_are_told_and_in_what_way(
    fit: Fit, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = judged(fit, monkeypatch)
    assert failed
    assert {one.detail for one in failed} == {said}


def test_nothing_is_said_of_steps_that_are_right_where_something_else_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (failed,) = judged(Network.fit, monkeypatch, reconstruct=lambda self, x: x[:, :3])
    assert (failed.tensor, failed.detail) == ("reconstruct", "")


def test_what_was_found_is_told_even_where_the_side_raises_in_the_diagnosis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls, right = count(), Network.update

    def tired(side: Network, grads: Grads) -> State:
        if next(calls) >= 3 + 3:  # in the steps observed, and those taken
            raise ValueError("no more")
        return right(side, grads)

    failed = judged(drifting, monkeypatch, update=tired)
    assert failed
    assert {one.detail for one in failed} == {""}


def test_a_faulty_fit_of_unequal_widths_is_named(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Network, "fit", twice)
    subject = user_supplied("examples.own_side:make", CONFIG, dataset.train_images)
    sentence = check_subject(subject, CONFIG, torch=False).sentence
    assert "is the first to fail (step, float32); introduced in fit." in sentence
