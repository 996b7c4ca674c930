"""All independent errors are told, the first first; what another may have caused is not."""

from contextlib import ExitStack

from compare.check.bounds import Finding, Verdict
from compare.check.diagnosis import sentence
from compare.check.stages import check
from compare.controls.controls import SMALL
from compare.controls.injection import rewritten
from compare.data.datasets import Dataset
from compare.sides.interface import Description, Layer

LOSS = ("SumSquaredError.backward", [("2 * (y - target)", "y - target")])
BACKWARD = (
    "Linear.backward",
    [
        ("dbias = dy.sum(axis=0)", "dbias = dy.mean(axis=0)"),
        ("dweight = np.dot(dy.T, x)", "dweight = x.T @ dy"),
    ],
)
ADAM = ("Adam.step", [("param -= change", "param += change")])


def test_errors_that_do_not_cause_one_another_are_all_told(dataset: Dataset) -> None:
    with ExitStack() as faults:
        for operation, changes in (LOSS, BACKWARD, ADAM):
            faults.enter_context(rewritten(operation, changes))
        report = check(SMALL, dataset.train_images, dtypes=["float32"], torch=False)
    first, *others = report.sentence.split(" Also, ")
    assert first.startswith("dy of NumPy's loss.backward is the first to fail (exact, float32)")
    assert [other.partition(" (")[0] for other in others] == [
        "dweight of NumPy's fc4.backward is of the wrong shape",
        "dbias of NumPy's fc4.backward fails",
        "param/fc1.weight of NumPy's adam fails",
    ]
    assert "What is wrong: it is divided by the number of rows." in others[1]


WHO = Description("NumPy", (Layer("a", "Linear", 3, 2), Layer("b", "Linear", 2, 2)), "", "cpu", 1)


def failing(stage: str, operation: str, tensor: str, detail: str = "") -> Finding:
    return Finding(stage, "NumPy", "float32", operation, tensor, Verdict.FAIL, detail=detail)


def test_what_stands_on_a_wrong_state_is_not_told() -> None:
    load = failing("exact", "load", "param/a.bias")
    assert "Also" not in sentence([load, failing("optimizer", "adam", "param/a.bias")], WHO)


def test_what_a_chain_passes_on_is_not_told() -> None:
    found = [failing("exact", "a.backward", "dx"), failing("network", "b.backward", "dact/a")]
    assert "Also" not in sentence(found, WHO)


def test_one_thing_that_was_done_to_an_operation_is_told_once() -> None:
    changed = "it changed its operand dy"
    found = [failing("exact", "a.backward", tensor, changed) for tensor in ("dx", "dbias")]
    assert "Also" not in sentence(found, WHO)
    raised = "it raised ValueError: no {}"
    ways = ("forward", "backward")
    found = [failing("exact", f"a.{way}", "y", raised.format(way)) for way in ways]
    assert "Also" not in sentence(found, WHO)


def test_other_layers_are_named_where_the_same_tensor_fails() -> None:
    dx, dbias = failing("exact", "b.backward", "dx"), failing("exact", "a.backward", "dbias")
    assert "as in" not in sentence([dx, dbias], WHO)
    assert "as in a" in sentence([dx, failing("exact", "a.backward", "dx"), dbias], WHO)
