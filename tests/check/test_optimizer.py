"""Optimizers by the table are right, and every mistake is told of a side that makes it."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from compare.check.bounds import Bounded, Finding
from compare.check.optimizer import check_optimizer
from compare.check.update_rules import OPTIMIZERS, After, Before, Rates, Step, known
from compare.data.config import DTYPES
from compare.sides.interface import Array, Description, Grads, Layer, State

RATES = SimpleNamespace(lr=3e-3, beta1=0.8, beta2=0.97, eps=1e-6, momentum=0.9)
KNOWN = [(name, say) for name, optimizer in OPTIMIZERS.items() for say in known(optimizer)]
SHAPES = {"fc1.weight": (20, 30), "fc1.bias": (20,), "fc2.weight": (7, 20), "fc2.bias": (7,)}
LAYERS = (Layer("fc1", "Linear", 30, 20), Layer("fc2", "Linear", 20, 7))


class Stepping:
    """A side that takes nothing but steps of its optimizer, `steps` by parameter."""

    def __init__(self, name: str, dtype: str, steps: Callable[[str], Step]) -> None:
        rng = np.random.default_rng(0)
        self.name, self.dtype, self.steps = name, dtype, steps
        self.kinds = [*(f"{name}.{slot}" for slot in OPTIMIZERS[name].slots), "param"]
        self.now: State = {
            f"{kind}/{of}": np.abs(rng.standard_normal(shape)).astype(dtype)
            for kind in self.kinds
            for of, shape in SHAPES.items()
        }
        if OPTIMIZERS[name].counts:
            self.now[f"{name}.step"] = np.array(3)

    def describe(self) -> Description:
        return Description("Stepping", LAYERS, self.dtype, "cpu", 1)

    def load(self, state: State) -> None:
        self.now = dict(state)

    def state(self) -> State:
        return dict(self.now)

    def update(self, grads: Grads) -> State:
        counter = f"{self.name}.step"
        if counter in self.now:
            self.now[counter] = self.now[counter] + 1
        t = int(self.now.get(counter, 0))
        for place, (of, grad) in enumerate(grads.items()):
            *slots, param = (self.now[f"{kind}/{of}"].astype(np.longdouble) for kind in self.kinds)
            before = Before(param, tuple(slots), grad.astype(np.longdouble), t, place)
            with np.errstate(all="ignore"):
                for kind, after in zip(self.kinds, self.steps(of)(before, RATES), strict=True):
                    self.now[f"{kind}/{of}"] = np.asarray(after.value.astype(self.dtype))
        return self.state()


def judged(side: Stepping) -> list[Finding]:
    return list(check_optimizer(side, RATES, np.random.default_rng(0)))  # type: ignore[arg-type]


def said(side: Stepping) -> set[str]:
    """Return what is said to be wrong of all that fails, which is something."""
    failed = [finding for finding in judged(side) if not finding.verdict.held]
    assert failed
    return {finding.detail for finding in failed}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_right_step_passes(name: str, dtype: str) -> None:
    found = judged(Stepping(name, dtype, lambda of: OPTIMIZERS[name].step))
    assert len(found) > len(SHAPES)
    assert all(finding.verdict.held for finding in found)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "say"), KNOWN)
def test_a_known_mistake_is_told_and_no_other(name: str, say: str, dtype: str) -> None:
    wrong = known(OPTIMIZERS[name])[say]
    assert said(Stepping(name, dtype, lambda of: wrong)) == {say}


def _l2(s: Before, c: Rates) -> Before:
    return s._replace(grad=s.grad + 0.01 * s.param)


def _halved(s: Before, c: Rates) -> Before:
    return s._replace(grad=s.grad / 2)


def _decayed(s: Before, true: After) -> Array:
    return np.asarray(true[-1].value - RATES.lr * 0.01 * s.param)


def _shortened(s: Before, true: After) -> Array:
    return np.asarray(s.param + (true[-1].value - s.param) * 0.3)


FITTED: dict[str, Callable[[Step], Step]] = {
    "0.01 times the parameter is added to the gradient, as L2 regularization": lambda step: (
        lambda s, c: step(_l2(s, c), c)
    ),
    "the gradient counts 1/2 times": lambda step: lambda s, c: step(_halved(s, c), c),
    "the parameter decays by 0.01 · lr, as in AdamW": lambda step: (
        lambda s, c: (
            *step(s, c)[:-1],
            Bounded(_decayed(s, step(s, c)), s.param, 0),
        )
    ),
    "the step is 0.3 times what it should be": lambda step: (
        lambda s, c: (
            *step(s, c)[:-1],
            Bounded(_shortened(s, step(s, c)), s.param, 0),
        )
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("say", FITTED)
def test_a_mistake_with_a_number_in_it_is_told_with_it(name: str, say: str, dtype: str) -> None:
    wrong = FITTED[say](OPTIMIZERS[name].step)
    assert said(Stepping(name, dtype, lambda of: wrong)) == {say}


def test_no_kind_is_told_that_does_not_fit_all_that_fails() -> None:
    mistakes = known(OPTIMIZERS["adam"])
    steps = {
        "fc1.weight": mistakes["there is no bias correction"],
        "fc2.bias": mistakes["the step goes the wrong way"],
    }
    side = Stepping("adam", "float32", lambda of: steps.get(of, OPTIMIZERS["adam"].step))
    assert said(side) == {""}
    del steps["fc2.bias"]
    assert said(side) == {"there is no bias correction"}


class Scaling(Stepping):
    """A side that scales its gradients in place, and goes on with what they were."""

    def update(self, grads: Grads) -> State:
        after = super().update(grads)
        for grad in grads.values():
            grad *= 0.5
        return after


def test_gradients_changed_in_place_are_told_of_the_update_alone() -> None:
    found = judged(Scaling("adam", "float32", lambda of: OPTIMIZERS["adam"].step))
    (failed,) = (finding for finding in found if not finding.verdict.held)
    assert (failed.stage, failed.operation, failed.tensor) == ("exact", "update", "grads")
    assert failed.detail == "it changes the gradients that it is given, in place"


class Raising(Stepping):
    """A side that takes no step."""

    def update(self, grads: Grads) -> State:
        raise ValueError("no")


def test_what_an_update_raises_is_told() -> None:
    assert said(Raising("sgd", "float32", lambda of: OPTIMIZERS["sgd"].step)) == {
        "it raised ValueError: no"
    }
