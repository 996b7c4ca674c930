"""The check passes the healthy and fails the mistaken."""

import json
from collections.abc import Callable

import pytest

import numpy_ae
from compare.check.stages import check
from compare.data.config import Config
from compare.data.datasets import Dataset

Method = Callable[..., object]

MISTAKES: list[tuple[type, str, Method]] = [
    (numpy_ae.SumSquaredError, "backward", lambda _, y, target: y - target),
    (
        numpy_ae.Linear,
        "backward",
        lambda self, dy, x, input_grad=True: (dy @ self.weight, dy.T @ x, dy.mean(axis=0)),
    ),
]


def test_a_healthy_pair_passes_and_reports_in_plain_values(
    config: Config, dataset: Dataset
) -> None:
    report = check(config, dataset.train_images)
    assert report.held
    plain = report.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["held"] is True


@pytest.mark.parametrize(("owner", "method", "mistake"), MISTAKES)
def test_an_injected_fault_is_found(
    config: Config,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    mistake: Method,
) -> None:
    monkeypatch.setattr(owner, method, mistake)
    assert not check(config, dataset.train_images, dtypes=["float32"]).held
