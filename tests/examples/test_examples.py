"""The examples do what they say: right code holds, and spoilt code is caught."""

from collections.abc import Callable

import numpy as np
import pytest

from compare.check.diagnosis import Report
from compare.check.stages import check_subject
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.interface import Array, Operands
from compare.sides.user import user_supplied
from examples import own_layer, own_network

Operation = Callable[..., Operands]

CONFIG = Config(batch_size=8)


def judged(dataset: Dataset) -> Report:
    """Return what the check says of the example's network."""
    return check_subject(
        user_supplied("examples.own_network:make", CONFIG, dataset.train_images), CONFIG
    )


def test_the_layer_is_caught_and_its_mistake_told(capsys: pytest.CaptureFixture[str]) -> None:
    own_layer.main()
    printed = capsys.readouterr().out
    assert (
        "introduced in Linear.backward. What is wrong: it is divided by the number of rows."
        in printed
    )


def test_the_network_holds_in_every_tier(dataset: Dataset) -> None:
    report = judged(dataset)
    assert report.held, report.sentence
    stages = {finding.stage for finding in report.findings}
    assert stages == {"exact", "rounding", "formula", "network", "step", "optimizer", "trajectory"}
    assert {finding.side for finding in report.findings} == {"My network", "PyTorch"}
    assert report.notes == (
        "Its batches are random numbers: it maps 20 to 3, images have 784 pixels.",
    )


def test_a_spoilt_operation_of_the_network_is_named(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mean(dy: Array, x: Array, weight: Array) -> Operands:
        return {"dx": dy @ weight, "dweight": dy.T @ x / len(x), "dbias": dy.sum(axis=0)}

    monkeypatch.setitem(own_network.OPERATIONS, "output.backward", mean)
    sentence = judged(dataset).sentence
    assert sentence.startswith(
        "dweight of My network's output.backward is the first to fail (exact, float32)"
    )
    assert sentence.endswith(
        "introduced in Linear.backward. What is wrong: it is divided by the number of rows."
    )


@pytest.mark.parametrize(
    ("method", "change", "place"),
    [
        ("forward", lambda hidden, active, y: (hidden, np.abs(active), -y), "operands: observe"),
        ("reconstruct", lambda y: y + 1, "introduced in reconstruct"),
        (
            "state",
            lambda state: state | {"param/output.bias": state["param/output.bias"] + 1},
            "introduced in load",
        ),
        (
            "update",
            lambda state: state | {"adam.step": state["adam.step"] + 1},
            "introduced in update",
        ),
    ],
)
def test_a_spoilt_method_of_the_network_is_named(
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    change: Callable[..., object],
    place: str,
) -> None:
    right = getattr(own_network.Network, method)

    def wrong(*arguments: object) -> object:
        result = right(*arguments)
        return change(*result) if isinstance(result, tuple) else change(result)

    monkeypatch.setattr(own_network.Network, method, wrong)
    report = judged(dataset)
    assert not report.held
    assert place in report.sentence
