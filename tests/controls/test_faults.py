"""Negative controls: each fault is caught and the right function named."""

import ast
import inspect
import re
from collections import Counter
from itertools import islice

import numpy as np
import pytest

import numpy_ae
from compare import machine
from compare.check import diagnosis, mistakes, stages
from compare.check.bounds import Finding, Verdict
from compare.controls.controls import SMALL, Control, control, explanations, matrix
from compare.controls.faults import FAULTS, KNOWN
from compare.controls.healthy import census, false_alarms, healthy
from compare.controls.injection import Fault, changed, rewritten, wrong_code
from compare.data.config import DTYPES
from compare.data.datasets import Dataset

LEAST = 36  # faults
FAMILIES = (
    "Linear",
    "ReLU",
    "Sigmoid",
    "SumSquaredError",
    "Autoencoder",
    "Deviation",
    "Draw",
    "GaussianKL",
    "VariationalAutoencoder",
    "vae_train_step",
    "Adam",
    "train_step",
    "train_epoch",
    "data",
)


def title(fault: Fault) -> str:
    """Return what a test of a fault is called."""
    return f"{fault.operation}: {fault.name}"


SLOW = dict.fromkeys(FAULTS[len(KNOWN) :], pytest.mark.slow)  # held out; half a second each


@pytest.mark.parametrize(
    "fault", [pytest.param(f, marks=SLOW.get(f, ()), id=title(f)) for f in FAULTS]
)
def test_an_injected_fault_is_caught_and_the_right_function_named(
    fault: Fault, dataset: Dataset
) -> None:
    # Only a wrong default is judged by torch's; the rest needs none, and is judged sooner without.
    torch = fault.operation == "Adam.__init__"
    found = control(fault, dataset.train_images, dtypes=DTYPES[:1], torch=torch)
    if not found.named:  # float32 shows most
        found = control(fault, dataset.train_images, torch=torch)
    assert found.stages
    assert found.responsible == fault.operation, found.sentence
    assert fault.operation in found.sentence or fault.operation == "data"


def test_each_mistake_is_another_one() -> None:
    sources: Counter[tuple[str, ...]] = Counter()
    for fault in FAULTS:
        if fault.changes:
            function, source = changed(fault.operation, fault.changes)
            written = ast.unparse(ast.parse(source))
            sources[function.__qualname__, written, *fault.shared_with] += 1
    assert set(sources.values()) == {1}, [name for name, count in sources.items() if count > 1]


def test_there_are_mistakes_enough_in_every_family_and_each_has_a_name_of_its_own() -> None:
    assert len({title(fault) for fault in FAULTS}) == len(FAULTS) >= LEAST
    assert {fault.operation.split(".")[0] for fault in FAULTS} == set(FAMILIES)


def test_a_mistake_is_gone_when_its_context_ends() -> None:
    before = numpy_ae.ReLU.backward
    fault = next(fault for fault in FAULTS if fault.operation == "ReLU.backward")
    with fault.inject():
        assert numpy_ae.ReLU.backward is not before
    assert numpy_ae.ReLU.backward is before


def test_a_mistake_whose_place_the_source_no_longer_has_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"ReLU.forward does not hold 'dy' exactly once"):
        rewritten("ReLU.forward", [("dy", "y")])


def test_whoever_judges_knows_no_list_of_mistakes() -> None:
    for module in (mistakes, stages, diagnosis):
        assert not {"FAULTS", "faults", "injection"} & vars(module).keys()
        assert not re.search(r"\b(faults|injection)\b", inspect.getsource(module))


def test_the_matrix_counts_what_was_missed() -> None:
    fault = wrong_code("no bias", "Linear.forward", ("y += self.bias", ""))
    caught = Control(fault, frozenset({"exact"}), "Linear.forward", "a sentence")
    table = matrix([caught, Control(fault, frozenset(), "", "all is well")])
    assert table.title.startswith("2 faults: 1 caught, 1 named.")
    assert [row[-2:] for row in table.rows] == [("yes", "yes"), ("NO", "NO: nothing")]
    assert explanations([caught]).rows == [
        ("Linear.forward: no bias", "`y += self.bias → nothing`", "a sentence")
    ]


TRUE = np.arange(1.0, 13).reshape(3, 4)


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (TRUE, ""),
        (2 * TRUE, "it is 2 times what it should be"),
        (-TRUE, "it is -1 times what it should be"),
        (TRUE / 32, "it is 1/32 times what it should be"),
        (TRUE * 1.001, "it is 1.001 times what it should be"),
        (TRUE * 0, "it is zero"),
        (TRUE.T, "it is the transpose of what it should be"),
        (TRUE[:2], ""),
        (TRUE + np.eye(1, 4, 2), "only its column 2 is wrong"),
        (TRUE + np.eye(3, 1, -1), "only its row 1 is wrong"),
        (TRUE + np.eye(3, 4), ""),
        (TRUE * np.nan, ""),
        (np.sqrt(TRUE), "it is the root"),
    ],
)
def test_a_signature_is_told_from_the_numbers(got: np.ndarray, said: str) -> None:
    assert mistakes.explained(got, TRUE, [("it is the root", np.sqrt(TRUE))]) == said


DBIAS = "sum(dy[n, o] for n in rows)"


@pytest.mark.parametrize(
    ("got", "needed", "rule", "said"),
    [
        ((), (5,), DBIAS, "shape (): summed over everything; (5,) is needed: summed over the rows"),
        (
            (8,),
            (5,),
            DBIAS,
            "shape (8,): summed over the outputs; (5,) is needed: summed over the rows",
        ),
        ((8, 5), (5,), DBIAS, "shape (8, 5): not summed; (5,) is needed: summed over the rows"),
        ((1, 5), (5,), DBIAS, "shape (1, 5): an axis of length 1 too many; (5,) is needed"),
        ((7,), (5,), DBIAS, "shape (7,); (5,) is needed"),
        ((8, 3), (8, 4), "maximum(x[n, i], 0)", "shape (8, 3); (8, 4) is needed"),
        (
            (8,),
            (),
            "sum((y[n, i] - target[n, i]) ** 2 for n in rows for i in inputs)",
            "shape (8,): summed over the inputs; () is needed: summed over everything",
        ),
    ],
)
def test_a_wrong_shape_is_told_with_the_one_needed_and_in_words_where_they_are_clear(
    got: tuple[int, ...], needed: tuple[int, ...], rule: str, said: str
) -> None:
    assert mistakes.misshapen(got, needed, rule, {"n": 8, "i": 4, "o": 5}) == said


def finding(stage: str, tensor: str, verdict: Verdict) -> Finding:
    """Return a finding of one operation of fc1."""
    return Finding(stage, "NumPy", "float64", "fc1.forward", tensor, verdict)


def test_causes_come_before_effects_and_what_is_wrong_before_what_was_not_judged() -> None:
    findings = [
        finding("exact", "y", Verdict.NOT_JUDGED),
        finding("formula", "dact/fc1", Verdict.FAIL),
        finding("network", "dact/fc1", Verdict.FAIL),
        finding("network", "act/fc1", Verdict.FAIL),
    ]
    assert diagnosis.first_failure(findings) is findings[3]
    assert diagnosis.first_failure(findings[:3]) is findings[1]
    assert diagnosis.first_failure(findings[:1]) is findings[0]
    assert diagnosis.first_failure([]) is None


def test_a_healthy_side_is_blamed_for_nothing(dataset: Dataset) -> None:
    report = stages.check(SMALL, dataset.train_images, trajectory=False)
    assert report.held, report.sentence
    assert diagnosis.responsible(report.findings, report.description) == ""


def test_some_healthy_networks_raise_no_alarm(dataset: Dataset) -> None:
    try:
        for case, off in false_alarms(4, dataset.train_images):
            assert not off, f"{case}: {off[0]}"
    finally:
        machine.set_threads(1)  # as the other tests have it


def test_healthy_networks_are_of_every_kind_and_the_same_for_a_seed() -> None:
    cases = list(islice(healthy(), 160))  # twice every side, dtype and thread count with every kind
    assert cases == list(islice(healthy(), 160))
    counts = {kind: int(count) for kind, count in census(cases, 0).rows}
    assert all(counts[f"{name} 1"] >= 16 for name in ("hidden_dim", "latent_dim", "batch_size"))
    assert counts["square layers"] >= 16
    assert all(counts[f"{name} units"] >= 16 for name in ("dead", "saturated"))
    assert all(
        counts[kind] == 80
        for kind in ("numpy", "torch", "float32", "float64", "threads 1", "threads 2")
    )
    assert all(
        counts[f"weights × {scale:g}"] and counts[f"inputs × {scale:g}"] for scale in (1, 10, 1e-3)
    )
