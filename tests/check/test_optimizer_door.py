"""check_optimizer: right optimizers pass, and of wrong ones nothing is said but what is true."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from compare import check_optimizer
from compare.check import optimizer_runs
from compare.check.door_report import DoorReport
from compare.sides import watched
from tests.optimizers import (
    RIGHT,
    SGD,
    TORCHS,
    Adagrad,
    Adam,
    Arrays,
    LookAhead,
    Momentum,
    RMSprop,
    Velocity,
    fused,
    written,
)

Changes = tuple[tuple[str, str], ...]


def params() -> Arrays:
    rng = np.random.default_rng(0)
    shapes = {"W1": (5, 7), "b1": (5,), "W2": (3, 5), "b2": (3,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def judged(of: str, make: Callable[[Arrays], Any]) -> DoorReport:
    return check_optimizer(make, TORCHS[of], params())


@pytest.mark.parametrize(("of", "make"), RIGHT)
def test_a_right_optimizer_passes(of: str, make: Callable[[Arrays], Any]) -> None:
    report = judged(of, make)
    assert report, report.sentence
    assert {finding.dtype for finding in report.findings} == {"float32", "float64"}
    report.raise_if_wrong()


LR = "self.lr * grad"
ADAM_GRADIENT = ("self.m[name] = 0.9", "grad = grad + 0.01 * self.params[name]; self.m[name] = 0.9")
WRONG: list[tuple[str, type, Changes, str]] = [
    ("SGD", SGD, ((LR, "0.5 * self.lr * grad"),), "the step is 1/2 times what it should be"),
    ("SGD", SGD, (("-= self", "+= self"),), "the step goes the wrong way"),
    ("SGD", SGD, (("-= self", "-= 0 * self"),), "the parameters stay as they were"),
    ("SGD", SGD, ((LR, "self.lr * np.clip(grad, -1, 1)"),), "every gradient is clipped to ±1"),
    (
        "SGD",
        SGD,
        (("self.params[name] -=", "self.params[name] = self.params[name] -"),),
        "it puts new arrays into the dict; those that it was given have to change",
    ),
    (
        "SGD",
        SGD,
        ((LR, "(self.lr * grad).astype(np.float32)"),),
        "in float64 it is only as exact as float32",
    ),
    (
        "decay",
        SGD,
        (),
        "it does what torch.optim.SGD does with weight_decay=0, not 0.01",
    ),
    ("Nesterov", Velocity, (), "it does what torch.optim.SGD does with nesterov=False, not True"),
    ("momentum", LookAhead, (), "it does what torch.optim.SGD does with nesterov=True, not False"),
    (
        "momentum",
        Velocity,
        (("v -= 0.1", "v -= 0.1 * 0.1"),),
        "the gradient is weighted by 1 − momentum",
    ),
    (
        "momentum",
        Momentum,
        (("grad.copy()", "grad"),),
        f"it is wrong only where {optimizer_runs.REUSED}",
    ),
    (
        "momentum",
        Velocity,
        (
            ("params, {name: np", "params, {p.shape: np"),
            ("self.v[name]", "self.v[grad.shape]"),
            ("for name, p in params.items()", "for p in params.values()"),
        ),
        f"it is wrong only where {optimizer_runs.ONE_SHAPE}",
    ),
    (
        "momentum",
        Velocity,
        (
            ("for name, grad in grads.items()", "for name in self.v"),
            ("v = self.v[name]", "v = self.v[name]; grad = grads.get(name, 0)"),
        ),
        "a gradient that is missing counts as zero",
    ),
    (
        "Adam",
        Adam,
        (("self.t = params, 0", "self.t = params, 1"),),
        "the bias is corrected for one step too many",
    ),
    (
        "Adam",
        Adam,
        ((" / (1 - 0.9**self.t)", ""), (" / (1 - 0.999**self.t)", "")),
        "there is no bias correction",
    ),
    (
        "Adam",
        Adam,
        (("np.sqrt(v_hat) + 1e-8", "np.sqrt(v_hat + 1e-8)"),),
        "eps stands inside the root",
    ),
    (
        "Adam",
        Adam,
        (("1e-8", "1e-7"),),
        "it does what torch.optim.Adam does with eps=1e-07, not 1e-08",
    ),
    (
        "Adam",
        Adam,
        (ADAM_GRADIENT,),
        "it does what torch.optim.Adam does with weight_decay=0.01, not 0",
    ),
    (
        "AdamW",
        Adam,
        (ADAM_GRADIENT,),
        "it does what torch.optim.AdamW does with decoupled_weight_decay=False, not True",
    ),
    (
        "Adam",
        Adam,
        (("1e-3 * m_hat", "(1e-3 if self.t < 100 else 1e-4) * m_hat"),),
        "the first 99 steps are right",
    ),
    (
        "RMSprop",
        RMSprop,
        (("0.99 * s + 0.01", "0.9 * s + 0.1"),),
        "it does what torch.optim.RMSprop does with alpha=0.9, not 0.99",
    ),
    ("momentum", Velocity, (("v *= 0.9", "v *= 0.85"),), ""),
    ("RMSprop", RMSprop, (("np.sqrt(self.s[name]) + 1e-8", "np.sqrt(self.s[name] + 1e-8)"),), ""),
]


@pytest.mark.parametrize(("of", "base", "changes", "kind"), WRONG)
def test_a_wrong_one_fails_and_only_what_explains_it_is_said(
    of: str, base: type, changes: Changes, kind: str
) -> None:
    report = judged(of, written(base, *changes))
    failed = [finding for finding in report.findings if not finding.verdict.held]
    assert failed and {finding.detail for finding in failed} == {kind}
    assert report.sentence.endswith(f"What is wrong: {kind}." if kind else "rounding allows.")
    with pytest.raises(AssertionError, match="is the first to fail"):
        report.raise_if_wrong()


def test_a_mistake_in_some_parameters_alone_is_told() -> None:
    class Decaying(SGD):
        def step(self, grads: Arrays) -> None:
            if "W1" in grads:
                self.params["W1"] *= 1 - self.lr * 0.01
            super().step(grads)

    report = judged("SGD", Decaying)
    assert report.sentence.endswith("torch.optim.SGD does with weight_decay=0.01, not 0.")
    assert {finding.tensor for finding in report.findings if finding.ratio > 1} == {"W1"}


def test_what_its_code_does_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "DEADLINE", 0.3)
    body = "self.params[name] -= self.lr * grad"
    for doing, told in {
        "raise ValueError('no')": "SGD's step raised ValueError: no (float32, step 1).",
        "raise SystemExit(3)": "SGD's step raised SystemExit: 3 (float32, step 1).",
        "np.log(np.zeros(1))": "SGD's step raised RuntimeWarning: divide by zero encountered in "
        "log (float32, step 1).",
        "print(name); grad *= 2; self.params[name] -= self.lr * grad / 2": "SGD's step is wrong: "
        "it changes the gradients that it is given, in place.",
        "__import__('time').sleep(9)": "SGD's step raised TimeoutError: it took longer than 0.3 "
        "seconds (float32, step 1).",
    }.items():
        report = judged("SGD", written(SGD, (body, doing)))
        assert (report.sentence, report.held) == (told, False)
    made: dict[str, Callable[[Arrays], Any]] = {
        "make returned a NoneType, which has no step(grads) (float32, step 1).": lambda given: None,
        "make raised KeyError: 'W3' (float32, step 1).": lambda given: given["W3"],
    }
    for told, make in made.items():
        assert judged("SGD", make).sentence == told


def test_what_was_not_judged_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    report = judged("SGD", fused)
    assert report.sentence.endswith(
        "Note: not judged where a gradient is missing from the dict, for there "
        "Over's step raised KeyError: 'W1'."
    )
    told = "Note: steps also count for a parameter whose gradient is missing"
    assert told in judged("Adam", Adam).sentence
    assert report and capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("given", "reference", "error", "told"),
    [
        ([1], TORCHS["SGD"], TypeError, "params is a list, not a dict of arrays"),
        ({"a": [1.0]}, TORCHS["SGD"], TypeError, "params is a list as 'a', not an array"),
        ({}, TORCHS["SGD"], ValueError, "none of them empty"),
        ({"a": np.arange(3)}, TORCHS["SGD"], ValueError, "floating-point"),
        (None, lambda tensors: None, TypeError, "made a NoneType; a list of tensors"),
        (None, lambda tensors: 1 / 0, TypeError, "raised ZeroDivisionError"),
        (None, torch.optim.LBFGS, TypeError, "'closure'"),
        (None, torch.optim.Adafactor, TypeError, "Adafactor does not treat every entry by itself"),
    ],
)
def test_what_is_no_question_is_refused_in_one_line(
    given: Any, reference: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told) as raised:
        check_optimizer(SGD, reference, params() if given is None else given)
    assert "\n" not in str(raised.value)


def test_a_reference_may_ask_for_just_these_parameters() -> None:
    def reference(tensors: list[torch.Tensor]) -> torch.optim.Optimizer:
        first, *more, last = tensors
        assert len(more) == 2
        groups: list[dict[str, Any]] = [{"params": [first, *more]}, {"params": [last], "lr": 0.1}]
        return torch.optim.SGD(groups, lr=0.1)

    given = {"W": np.ones((2, 3)), "a": np.ones(2), "V": np.ones((1, 2)), "b": np.ones(1)}
    report = check_optimizer(SGD, reference, given)
    assert report, report.sentence
    told = "Note: not judged where several parameters have one shape, for there the reference"
    assert told in report.sentence


def test_adagrad_with_another_eps_is_seen_at_small_gradients() -> None:
    assert "eps=1e-08, not 1e-10" in judged("Adagrad", written(Adagrad, ("1e-10", "1e-8"))).sentence


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_right_optimizers_raise_no_alarm_with_other_seeds(seed: int) -> None:
    for of, make in RIGHT:
        report = check_optimizer(make, TORCHS[of], params(), seed=seed)
        assert report, report.sentence
