"""The examples do what they say: right code holds, and spoilt code is caught."""

import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from compare.check.check_report import Report
from compare.check.stages import check_subject
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.interface import Array, Operands
from compare.sides.user import user_supplied
from examples import class_stack, column_vectors, functional, own_layer, own_side

Operation = Callable[..., Operands]

CONFIG = Config(batch_size=8)


def judged(dataset: Dataset) -> Report:
    """Return what the check says of the example's network."""
    return check_subject(
        user_supplied("examples.own_side:make", CONFIG, dataset.train_images), CONFIG
    )


def test_the_layer_is_caught_and_its_mistake_told(capsys: pytest.CaptureFixture[str]) -> None:
    own_layer.main()
    assert re.match(
        r"dbias of Linear.backward fails .*: it is divided by the number of rows of x",
        capsys.readouterr().out,
    )


@pytest.mark.parametrize(
    ("example", "least"),
    [(class_stack, 0.9), (functional, 0.9), (column_vectors, 0.93)],
)
def test_a_network_of_its_own_style_agrees_and_learns(example: Any, least: float) -> None:
    told = example.check()
    for sentence in [told] if isinstance(told, str) else told:
        assert re.search(r"agrees with its reference|takes the steps of", sentence)
    trained = example.train()
    # Accuracy, or by how much the error falls.
    assert (1 - trained[-1] / 0.25 if isinstance(trained, list) else trained) > least


def spoilt(example: Any, old: str, new: str) -> Any:
    """Return an example with one text of its source replaced."""
    source = inspect.getsource(example)
    assert source.count(old) == 1
    module = ModuleType(example.__name__)
    exec(compile(source.replace(old, new), example.__file__, "exec"), vars(module))
    return module


@pytest.mark.parametrize(
    ("example", "old", "new", "told"),
    [
        (
            class_stack,
            'b": dout.sum(axis=0)',
            'b": dout.mean(axis=0)',
            r"dbias of .*: it is divided by",
        ),
        (class_stack, "* (1 - self.y**2)", "* (1 - self.y) ** 2", "dx of Tanh.backward fails"),
        (
            class_stack,
            "+ grad\n",
            "+ 0.1 * grad\n",
            "the gradient is weighted by 1 − momentum",
        ),
        (
            functional,
            "    dlogits /= len(x)\n",
            "",
            "All gradients .*Look at the loss, or its mean",
        ),
        (functional, " * (hidden > 0)", "", "db1 of .* as if the derivative of relu were left out"),
        (column_vectors, "dW1 = 1 / m * ", "dW1 = ", "dW1 of backprop .*: it is 16 times what it"),
        (column_vectors, "* (1 - A1**2)", "* (1 - A1)", "and db1 is the first to fail"),
    ],
)
def test_a_mistake_in_it_is_named(example: Any, old: str, new: str, told: str) -> None:
    found = spoilt(example, old, new).check()
    assert re.search(told, found if isinstance(found, str) else " ".join(found))


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

    monkeypatch.setitem(own_side.OPERATIONS, "output.backward", mean)
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
        (
            "forward",
            lambda hidden, active, y: (hidden, np.abs(active), -y),
            "or its result was changed: observe",
        ),
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
    right = getattr(own_side.Network, method)

    def wrong(*arguments: object) -> object:
        result = right(*arguments)
        return change(*result) if isinstance(result, tuple) else change(result)

    monkeypatch.setattr(own_side.Network, method, wrong)
    report = judged(dataset)
    assert not report.held
    assert place in report.sentence
