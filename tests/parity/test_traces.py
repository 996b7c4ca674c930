"""The check passes the healthy and fails the mistaken, and says where to look first."""

from collections.abc import Callable

import numpy as np
import pytest

import numpy_ae
from compare.experiment.batches import epoch_batches
from compare.experiment.config import Config
from compare.experiment.data import Dataset
from compare.parity.check import check
from compare.parity.side import Trace
from compare.parity.sides import make_side
from compare.parity.traces import compare_traces, first_off
from compare.parity.verdict import Finding, Verdict

Method = Callable[..., object]


def test_a_healthy_pair_passes_and_reports_in_plain_values(config: Config, dataset: Dataset) -> None:
    report = check(config, dataset.train_images)
    assert report.held
    plain = report.to_dict()
    assert plain["held"] is True
    assert set(plain["steps"]) == set(plain["free_runs"]) == {"float32", "float64"}


MISTAKES: list[tuple[type, str, Method, str]] = [
    (numpy_ae.SumSquaredError, "backward", lambda _, y, target: y - target, "dact/sigmoid"),
    (numpy_ae.Sigmoid, "backward", lambda _, dy, y: dy * y, "dact/fc4"),
    (numpy_ae.ReLU, "backward", lambda _, dy, y: dy, "dact/fc3"),
    (numpy_ae.Linear, "forward", lambda self, x: x @ self.weight.T, "act/fc1"),
    (
        numpy_ae.Linear,
        "backward",
        lambda self, dy, x, *, input_grad=True: (dy @ self.weight, dy.T @ x, dy.mean(axis=0)),
        "grad/fc4.bias",
    ),
]


@pytest.mark.parametrize(("owner", "method", "mistake", "first"), MISTAKES)
def test_a_planted_mistake_is_found_where_it_was_planted(
    config: Config,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    mistake: Method,
    first: str,
) -> None:
    monkeypatch.setattr(owner, method, mistake)
    report = check(config, dataset.train_images, dtypes=["float32"])
    assert not report.held
    off = first_off(report.steps["float32"])
    assert off is not None
    assert off.name == first


def judged(config: Config, dataset: Dataset, change: Callable[[Trace], object]) -> dict[str, Finding]:
    """Return the findings on a trace that was changed after a healthy step."""
    batch = next(epoch_batches(config, dataset.train_images, 0))
    side = make_side("numpy", config)
    reference = side.observe(batch)
    trace = dict(reference)
    change(trace)
    return {finding.name: finding for finding in compare_traces(reference, trace, side.describe(), config.lr)}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda trace: None, Verdict.EXACT),
        (lambda trace: trace.update({"act/fc1": trace["act/fc1"] * np.float32(1 + 1e-7)}), Verdict.WITHIN),
        (lambda trace: trace.update({"act/fc1": trace["act/fc1"] * np.float32(1.001)}), Verdict.OFF),
        (lambda trace: trace.pop("act/fc1"), Verdict.MISSING),
        (lambda trace: trace.update({"act/fc1": trace["act/fc1"].T}), Verdict.WRONG_SHAPE),
        (lambda trace: trace.update({"act/fc1": trace["act/fc1"].astype(np.float64)}), Verdict.WRONG_DTYPE),
        (lambda trace: trace.update({"act/fc1": trace["act/fc1"] * np.float32(np.nan)}), Verdict.NOT_FINITE),
    ],
)
def test_a_tensor_gets_the_verdict_that_it_deserves_and_no_other_does(
    config: Config, dataset: Dataset, change: Callable[[Trace], object], verdict: Verdict
) -> None:
    findings = judged(config, dataset, change)
    assert findings.pop("act/fc1").verdict is verdict
    assert {finding.verdict for finding in findings.values()} == {Verdict.EXACT}


def test_a_tensor_that_the_reference_has_not_is_no_agreement(config: Config, dataset: Dataset) -> None:
    findings = judged(config, dataset, lambda trace: trace.update({"act/fc9": np.zeros(1)}))
    assert not findings["act/fc9"].verdict.held
