"""Anybody's side: whatever it is made of is judged, and what is no side is refused in one line."""

import itertools
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.check.stages import check_subject
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import LONGEST, UserError
from compare.sides.calls import Ended
from compare.sides.interface import METHODS, Description, Layer, State
from compare.sides.numpy_side import NumpySide
from compare.sides.user import examine, find, user_supplied
from examples.own_side import Network
from tests.running import exit_code

NAME = "module:make"
CONFIG = Config(batch_size=8)

MODULE = """
from examples.own_side import make
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
    (tmp_path / "theirs.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import nowhere")
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "theirs",
            "--side needs module:factory, as in examples.own_network:make, not 'theirs'",
        ),
        ("a b:make", "--side needs module:factory"),
        ("nowhere:make", "importing nowhere, from "),
        ("broken:make", "raised ModuleNotFoundError: No module named 'nowhere'"),
        ("theirs:other", "theirs has no 'other'; name a function of it"),
        ("theirs:number", "theirs:number, int, cannot be called"),
        ("theirs:fails", "theirs:fails(config) raised ValueError: two lines"),
        ("theirs:nothing", "what theirs:nothing returned, NoneType, has no describe()"),
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
    assert find("theirs:make")(Config()).describe().name == "My network"


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


ANY: Any = Layer  # of whatever types
FIRST = Layer("fc1", "Linear", 784, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (layers(), "the first layer must be a Linear"),
        (layers(Layer("relu", "ReLU", 4, 4)), "the first layer must be a Linear"),
        (
            layers(FIRST, Layer("norm", "LayerNorm", 8, 8)),
            "'norm' is a 'LayerNorm'; known are Linear, ReLU, Sigmoid",
        ),
        (layers(FIRST, Layer("relu", "ReLU", 8, 4)), "ReLU 'relu' cannot map 8 to 4"),
        (layers(FIRST, Layer("fc2", "Linear", 9, 4)), "'fc1' gives 8 numbers, 'fc2' takes 9"),
        (layers(FIRST, Layer("fc1", "ReLU", 8, 8)), "two layers have the same name"),
        (
            layers(FIRST, Layer("fc2", "Linear", 8, 4, ("fc3",))),
            "'fc2' takes 'fc3', which is no layer before it",
        ),
        (
            layers(FIRST, Layer("fc2", "Linear", 8, 4, ("fc1", "input"))),
            "Linear 'fc2' takes one input, not 2",
        ),
        (
            layers(FIRST, Layer("fc2", "Linear", 784, 4, ("input",))),
            "nothing takes what 'fc1' gives; leave it out",
        ),
        (layers(Layer("fc.1", "Linear", 784, 8)), "'fc.1' cannot be a layer's name"),
        (layers(Layer("loss", "Linear", 784, 8)), "'loss' cannot be a layer's name"),
        (
            layers(Layer("fc1", "Linear", 784, 9)),
            "state() of module:make returned 'param/fc1.weight' of shape (8, 784), not (9, 784)",
        ),
        (layers(FIRST), "returned 'adam.exp_avg/fc2.bias', which none of the layers has"),
        (
            lambda who: replace(who, dtype="float64"),
            "describe() says float64 where config.dtype is float32",
        ),
        (lambda who: replace(who, name="PyTorch"), "which is the reference's name; choose another"),
        (
            lambda who: who.name,
            "describe() of module:make returned a str, not a compare.sides.interface.Description",
        ),
        (lambda who: 1 // 0, "describe() of module:make raised ZeroDivisionError"),
        (
            lambda who: replace(who, layers=None),
            "a Description whose layers are no tuple of compare.sides.interface.Layer",
        ),
        (lambda who: replace(who, layers=iter(who.layers)), "whose layers are no tuple"),
        (
            lambda who: replace(who, layers=(("fc1", "Linear", 784, 8),)),
            "whose layers are no tuple of compare.sides.interface.Layer",
        ),
        (layers(ANY(None, "Linear", 784, 8)), "returned None as a layer's name, not a str"),
        (layers(ANY("fc1", 3, 784, 8)), "returned an int as a layer's kind, not a str"),
        (
            layers(ANY("fc1", "Linear", None, 8)),
            "returned None as a width of layer 'fc1', not a positive int",
        ),
        (
            layers(ANY("fc1", "Linear", 784.0, 8)),
            "returned 784.0 as a width of layer 'fc1', not a positive int",
        ),
        (
            layers(Layer("fc1", "Linear", 784, -8)),
            "returned -8 as a width of layer 'fc1', not a positive int",
        ),
        (
            layers(Layer("x" * 10**6, "Linear", 784, 8)),
            "as a layer's name, not 1 to 80 printable characters",
        ),
        (
            lambda who: replace(who, name="x" * 10**6),
            "as its name, not 1 to 80 printable characters",
        ),
        (
            lambda who: replace(who, name="two\nlines"),
            r"returned 'two\nlines' as its name, not 1 to 80 printable",
        ),
        (lambda who: replace(who, name=b"bytes"), "returned a bytes as its name, not a str"),
        (lambda who: replace(who, dtype=np.float32), "returned a type as its dtype, not a str"),
        (lambda who: replace(who, device=None), "returned None as its device, not a str"),
        (
            lambda who: replace(who, threads="1"),
            "returned '1' as the number of its threads, not a positive int",
        ),
    ],
)
def test_a_description_that_is_none_is_refused(
    config: Config, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any], message: str
) -> None:
    monkeypatch.setattr(Altered, "change", staticmethod(change))
    with pytest.raises(UserError) as refused:
        examine(NAME, Altered(config), config)
    assert message in str(refused.value)
    assert len(str(refused.value)) <= LONGEST


def test_a_state_that_lacks_a_tensor_is_refused(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Altered, "lacking", "adam.exp_avg/fc3.bias")
    with pytest.raises(
        UserError, match=r"^state\(\) of module:make returned no 'adam.exp_avg/fc3.bias'; "
    ):
        examine(NAME, Altered(config), config)


@pytest.mark.parametrize("method", METHODS)
def test_an_object_that_lacks_a_method_is_refused(
    config: Config, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    side = NumpySide(config)
    monkeypatch.setattr(NumpySide, method, None)
    with pytest.raises(UserError, match=rf"NumpySide, has no {method}\(\)"):
        examine(NAME, side, config)


@pytest.mark.parametrize("name", ["compare.sides.numpy_side:NumpySide", "examples.own_side:make"])
def test_a_side_and_its_reference_start_alike_in_every_dtype(
    config: Config, dataset: Dataset, name: str
) -> None:
    subject = user_supplied(name, config, dataset.train_images)
    single, double = (replace(config, dtype=dtype) for dtype in ("float32", "float64"))
    for tensor, value in subject.ours(single).state().items():
        for other in (subject.reference(single), subject.ours(double), subject.reference(double)):
            np.testing.assert_array_equal(value, other.state()[tensor])
    assert subject.ours(single).describe().layers == subject.reference(single).describe().layers


def test_a_side_of_an_images_width_is_given_images(config: Config, dataset: Dataset) -> None:
    subject = user_supplied(
        "compare.sides.numpy_side:NumpySide", config, dataset.train_images, step=2
    )
    (batch,) = subject.batches(config, 1)
    (other,) = user_supplied(
        "examples.own_side:make", config, dataset.train_images, step=2
    ).batches(config, 1)
    assert (batch.noisy.shape, batch.clean.shape) == ((50, 784), (50, 784))
    assert (other.noisy.shape, other.clean.shape) == ((50, 20), (50, 3))
    assert subject.notes == ()


@pytest.mark.parametrize("lacking", ["act/relu1", "dact/sigmoid", "dact/fc3", "grad/fc1.bias"])
def test_a_tensor_between_operations_may_be_kept_and_is_not_judged(
    config: Config, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    observe = NumpySide.observe

    def forgetful(side: NumpySide, batch: Any) -> dict[str, np.ndarray]:
        trace = observe(side, batch)
        del trace[lacking]
        return trace

    monkeypatch.setattr(NumpySide, "observe", forgetful)
    subject = user_supplied("compare.sides.numpy_side:NumpySide", config, dataset.train_images)
    report = check_subject(subject, config, torch=False)
    told = {
        (finding.stage, finding.tensor, finding.verdict.value)
        for finding in report.findings
        if finding.verdict in ("missing", "not offered")
    }
    verdict = "missing" if lacking.startswith("grad/") else "not offered"
    assert told == {("formula", lacking, verdict), ("network", lacking, verdict)}
    assert report.held is (verdict == "not offered")
    note = f"NumPy does not offer {lacking}: not judged."
    assert (note in report.lines()) is report.held
    own = check_subject(subject, config, torch=False, own=True)
    assert not own.held


class Mute(Exception):
    """An exception that cannot say what it is."""

    def __str__(self) -> str:
        """Raise what would end the process."""
        raise SystemExit(0)


class Numb(Exception):
    """An exception whose text is none."""

    def __str__(self) -> str:
        """Return a number."""
        return 3  # type: ignore[return-value]


def throw(error: BaseException) -> Any:
    """Raise it."""
    raise error


class Odd(Network):
    """A network that does something odd in one of its methods, from a call of it on."""

    act: Callable[[Any], Any] = staticmethod(lambda result: result)
    method, number = "", 0

    def __getattribute__(self, name: str) -> Any:
        """Return a method, or one that does something odd."""
        found = super().__getattribute__(name)
        if name != Odd.method:
            return found

        def odd(*arguments: Any) -> Any:
            self.calls = getattr(self, "calls", 0) + 1
            result = found(*arguments)
            return Odd.act(result) if self.calls >= Odd.number else result

        return odd


def odd(
    monkeypatch: pytest.MonkeyPatch, method: str, number: int, act: Callable[[Any], Any]
) -> None:
    """Have every `Odd` do this in a method, from that call on."""
    for name, value in (("method", method), ("number", number), ("act", staticmethod(act))):
        monkeypatch.setattr(Odd, name, value)


ODD = f"{__name__}:Odd"
ONE_AND_A_HALF = np.array(1.5)
NO_STATE = [
    (lambda _: None, "state() of module:make returned None, not a dict of arrays"),
    (lambda state: list(state.items()), "returned a list, not a dict of arrays"),
    (
        lambda state: dict.fromkeys(state),
        "returned no 'param/hidden.weight'; compare.sides.interface lists what a state holds",
    ),
    (lambda state: dict.fromkeys(state, 1.0), "returned a float as 'adam.step', not an array"),
    (lambda state: {**state, 3: np.ones(3)}, "returned a dict with an int among its keys"),
    (
        lambda state: {**state, "param/hidden.bias": np.array(["x"] * 16)},
        "returned an array of <U1 as 'param/hidden.",
    ),
    (
        lambda state: {**state, "param/hidden.bias": [0.0] * 16},
        "returned a list as 'param/hidden.bias', not an array",
    ),
    (
        lambda state: {**state, "param/hidden.bias": np.zeros(16, int)},
        "'param/hidden.bias' in int64, not in float32",
    ),
    (
        lambda state: {**state, "adam.step": ONE_AND_A_HALF},
        "returned 1.5 as 'adam.step', not a whole number",
    ),
    (
        lambda state: {**state, "adam.step": np.array(np.nan)},
        "returned nan as 'adam.step', not a whole number",
    ),
    (lambda state: {**state, "x" * 10**6: np.ones(3)}, "characters more)"),
    (lambda _: throw(ValueError("x" * 10**6)), "characters more)"),
    (lambda _: throw(Mute()), "state() of module:make raised Mute, which cannot say why"),
    (lambda _: throw(Numb()), "state() of module:make raised Numb, which cannot say why"),
]


@pytest.mark.parametrize(("act", "message"), NO_STATE)
def test_a_state_that_is_none_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[Any], Any], message: str
) -> None:
    odd(monkeypatch, "state", 1, act)
    with pytest.raises(UserError) as refused:
        examine(NAME, Odd(Config()), Config())
    assert message in str(refused.value)
    assert len(str(refused.value)) <= LONGEST


RETURNED = [
    *(
        lambda _: None,
        lambda _: 3,
        lambda _: "text",
        lambda _: [],
        lambda _: {3: 4},
        lambda _: itertools.count(),
    ),
    *(
        lambda _: {"y": itertools.count()},
        lambda _: np.array(None),
        lambda _: {"y": [1.0]},
        lambda _: object(),
    ),
]
RAISED = [
    *(lambda _: throw(ValueError("x" * 10**6)), lambda _: throw(Mute()), lambda _: throw(Numb())),
    *(
        lambda _: throw(StopIteration()),
        lambda _: throw(UserError("not ours")),
        lambda _: throw(MemoryError()),
    ),
]
LATER = {"load": 2, "state": 3, "op": 3, "observe": 3, "update": 3, "fit": 1, "reconstruct": 1}


@pytest.mark.parametrize("act", [*RETURNED, *RAISED])
@pytest.mark.parametrize("method", LATER)
def test_a_side_that_goes_wrong_later_fails_with_what_it_did(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, method: str, act: Callable[[Any], Any]
) -> None:
    if method == "load" and act in RETURNED:
        pytest.skip("what it returns does not matter")
    odd(monkeypatch, method, LATER[method], act)
    subject = user_supplied(ODD, CONFIG, dataset.train_images)
    report = check_subject(subject, CONFIG, torch=False)
    assert not report.held
    assert re.search(
        r"(What is wrong|cannot be judged .*): "
        r"(it|.* of .*:Odd|test_user.py, throw,) (raised|returned) ",
        report.sentence,
    )
    assert len(report.sentence) < 2 * LONGEST


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda losses: (str(loss) for loss in losses),
            "fit() of {ODD} returned a str, not a loss",
        ),
        (
            lambda losses: itertools.chain(losses, [1.0]),
            "returned more losses than it was given batches",
        ),
        (lambda losses: itertools.repeat(1.0), "returned more losses than it was given batches"),
        (
            lambda losses: itertools.islice(losses, 2),
            "returned fewer losses than it was given batches",
        ),
        (
            lambda losses: (np.ones(2) for _ in losses),
            "returned an array of float64 and shape (2,), not a loss",
        ),
        (lambda losses: (throw(Mute()) for _ in losses), "raised Mute, which cannot say why"),
    ],
)
def test_losses_that_are_none_fail(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, act: Callable[[Any], Any], message: str
) -> None:
    odd(monkeypatch, "fit", 1, act)
    report = check_subject(user_supplied(ODD, CONFIG, dataset.train_images), CONFIG, torch=False)
    assert message.replace("{ODD}", ODD) in report.sentence


def test_a_side_that_goes_wrong_in_a_free_run_fails(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(losses: Any) -> Any:
        return (
            loss if number < 10 else throw(ValueError("tired"))
            for number, loss in enumerate(losses)
        )

    odd(monkeypatch, "fit", 1, stumble)
    report = check_subject(user_supplied(ODD, CONFIG, dataset.train_images), CONFIG)
    assert [(f.stage, f.operation) for f in report.findings if not f.verdict.held] == [
        ("trajectory", "raised")
    ]
    assert "raised ValueError: tired" in report.sentence


@pytest.mark.parametrize("error", [SystemExit(0), BaseException("x" * 10**6), GeneratorExit()])
@pytest.mark.parametrize("method", ["describe", *LATER])
def test_what_would_end_the_process_ends_the_check(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, method: str, error: BaseException
) -> None:
    odd(monkeypatch, method, 1, lambda _: throw(error))
    with pytest.raises(
        Ended,
        match=rf"of {ODD} raised {type(error).__name__}(: .*)?; "
        "code that is judged must not end the process$",
    ):
        check_subject(user_supplied(ODD, CONFIG, dataset.train_images), CONFIG, torch=False)


def test_a_description_is_asked_for_once_and_kept(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd(monkeypatch, "describe", 2, lambda _: None)
    report = check_subject(user_supplied(ODD, CONFIG, dataset.train_images), CONFIG, torch=False)
    assert report.held, report.sentence


def test_a_factory_that_makes_other_layers_each_time_is_refused(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = itertools.count()
    odd(
        monkeypatch,
        "describe",
        1,
        lambda who: replace(who, layers=renamed(who.layers, f"relu{next(made)}")),
    )
    with pytest.raises(UserError, match="made other layers than before"):
        check_subject(user_supplied(ODD, CONFIG, dataset.train_images), CONFIG, torch=False)


def renamed(layers: tuple[Layer, ...], name: str) -> tuple[Layer, ...]:
    """Return the layers with another name for the second."""
    return (layers[0], layers[1]._replace(name=name), *layers[2:])


def test_losses_of_any_float_can_be_written(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd(monkeypatch, "fit", 1, lambda losses: (np.float32(loss) for loss in losses))
    report = check_subject(
        user_supplied(ODD, CONFIG, dataset.train_images), CONFIG, dtypes=["float32"]
    )
    assert report.held, report.sentence
    assert json.dumps(report.to_dict())
