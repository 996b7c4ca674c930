"""Anybody's side: whatever it is made of is judged, and what is no side is refused in one line."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.errors import UserError
from compare.experiment.config import Config
from compare.experiment.data import Dataset
from compare.parity.check import check_subject
from compare.parity.examine import METHODS, examine
from compare.parity.foreign import find, foreign
from compare.parity.numpy_side import NumpySide
from compare.parity.side import Description, Layer, State
from tests.commands import exit_code

NAME = "module:make"

MODULE = """
from examples.own_network import make
number = 3
def fails(config):
    raise ValueError("two\\nlines")
def nothing(config):
    return None
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a module in it that is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    (tmp_path / "strangers.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import nowhere")
    monkeypatch.delitem(sys.modules, "strangers", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("strangers", "--side needs module:factory, as in examples.own_network:make, not 'strangers'"),
        ("a b:make", "--side needs module:factory"),
        ("nowhere:make", "importing nowhere, from "),
        ("broken:make", "raised ModuleNotFoundError: No module named 'nowhere'"),
        ("strangers:other", "strangers has no 'other'; name the function that makes the side"),
        ("strangers:number", "strangers:number, int, cannot be called"),
        ("strangers:fails", "strangers:fails raised ValueError: two lines"),
        ("strangers:nothing", "what strangers:nothing returned, NoneType, has no describe()"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_judged_ends_in_2_with_one_line(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "check", "--side", name) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("here")
def test_a_module_is_found_in_the_current_folder() -> None:
    assert find("strangers:make")(Config()).describe().name == "My network"


class Altered(NumpySide):
    """Our own side, saying other things of itself."""

    change: Callable[[Any], Any] = staticmethod(lambda who: who)
    lacking = ""

    def describe(self) -> Description:
        """Say something else."""
        altered: Description = self.change(super().describe())
        return altered

    def state(self) -> State:
        """Leave a tensor out."""
        return {name: value for name, value in super().state().items() if name != self.lacking}


def layers(*changed: Layer) -> Callable[[Description], Description]:
    """Return a change of a description to one with these layers."""
    return lambda who: replace(who, layers=changed)


FIRST = Layer("fc1", "Linear", 784, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (layers(), "the first layer must be a Linear"),
        (layers(Layer("relu", "ReLU", 4, 4)), "the first layer must be a Linear"),
        (layers(FIRST, Layer("norm", "LayerNorm", 8, 8)), "'norm' is a 'LayerNorm'; known are Linear, ReLU, Sigmoid"),
        (layers(FIRST, Layer("relu", "ReLU", 8, 4)), "ReLU 'relu' cannot map 8 to 4"),
        (layers(FIRST, Layer("fc2", "Linear", 9, 4)), "'fc1' gives 8 numbers, 'fc2' takes 9"),
        (layers(FIRST, Layer("fc1", "ReLU", 8, 8)), "two layers have the same name"),
        (layers(Layer("fc.1", "Linear", 784, 8)), "'fc.1' cannot be a layer's name"),
        (layers(Layer("loss", "Linear", 784, 8)), "'loss' cannot be a layer's name"),
        (layers(Layer("fc1", "Linear", 784, 9)), "'param/fc1.weight' of state() has shape (8, 784), not (9, 784)"),
        (layers(FIRST), "state() holds 'adam.exp_avg/fc2.bias', which none of the layers has"),
        (lambda who: replace(who, dtype="float64"), "describe() says float64 where config.dtype is float32"),
        (lambda who: replace(who, name="PyTorch"), "which is the reference's name; choose another"),
        (lambda who: who.name, "describe() must return a compare.parity.side.Description"),
        (lambda who: 1 // 0, "describe() of what module:make returned raised ZeroDivisionError"),
    ],
)
def test_a_description_that_is_none_is_refused(
    config: Config, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any], message: str
) -> None:
    monkeypatch.setattr(Altered, "change", staticmethod(change))
    with pytest.raises(UserError) as refused:
        examine(NAME, Altered(config), config)
    assert message in str(refused.value)


def test_a_state_that_lacks_a_tensor_is_refused(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Altered, "lacking", "adam.exp_avg/fc3.bias")
    with pytest.raises(UserError, match=r"^module:make: state\(\) lacks 'adam.exp_avg/fc3.bias'"):
        examine(NAME, Altered(config), config)


@pytest.mark.parametrize("method", METHODS)
def test_an_object_that_lacks_a_method_is_refused(config: Config, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    side = NumpySide(config)
    monkeypatch.setattr(NumpySide, method, None)
    with pytest.raises(UserError, match=rf"NumpySide, has no {method}\(\)"):
        examine(NAME, side, config)


@pytest.mark.parametrize("name", ["compare.parity.numpy_side:NumpySide", "examples.own_network:make"])
def test_a_side_and_its_reference_start_alike_in_every_dtype(config: Config, dataset: Dataset, name: str) -> None:
    subject = foreign(name, config, dataset.train_images)
    single, double = (replace(config, dtype=dtype) for dtype in ("float32", "float64"))
    for tensor, value in subject.ours(single).state().items():
        for other in (subject.reference(single), subject.ours(double), subject.reference(double)):
            np.testing.assert_array_equal(value, other.state()[tensor])
    assert subject.ours(single).describe().layers == subject.reference(single).describe().layers


def test_a_side_of_an_images_width_is_given_images(config: Config, dataset: Dataset) -> None:
    subject = foreign("compare.parity.numpy_side:NumpySide", config, dataset.train_images, step=2)
    (batch,) = subject.batches(config, 1)
    (other,) = foreign("examples.own_network:make", config, dataset.train_images, step=2).batches(config, 1)
    assert (batch.noisy.shape, batch.clean.shape) == ((50, 784), (50, 784))
    assert (other.noisy.shape, other.clean.shape) == ((50, 20), (50, 3))
    assert subject.notes == ()


def test_a_tensor_that_is_not_recorded_is_missing(
    config: Config, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe = NumpySide.observe

    def forgetful(side: NumpySide, batch: Any) -> dict[str, np.ndarray]:
        trace = observe(side, batch)
        del trace["act/relu1"]
        return trace

    monkeypatch.setattr(NumpySide, "observe", forgetful)
    subject = foreign("compare.parity.numpy_side:NumpySide", config, dataset.train_images)
    report = check_subject(subject, config, torch=False)
    missing = {(finding.tier, finding.tensor) for finding in report.findings if finding.verdict == "missing"}
    assert missing == {("formula", "act/relu1"), ("network", "act/relu1")}
