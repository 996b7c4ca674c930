"""Each stage passes on a side that differs by rounding alone, and fails on what it exists for."""

from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from compare.check import trajectory
from compare.check.bounds import Verdict
from compare.check.diagnosis import STAGES
from compare.check.stages import check
from compare.check.surface import check_interface
from compare.check.trajectory import check_trajectory
from compare.controls.controls import SMALL, control
from compare.controls.faults import FAULTS
from compare.controls.injection import rewritten
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.sides.subject import make_side, our_own

OTHER_ORDER = {  # the same mathematics, summed and multiplied in another order
    "Linear.forward": [("x @ self.weight.T", "x[:, ::-1] @ self.weight[:, ::-1].T")],
    "Linear.backward": [
        ("dy @ self.weight", "dy[:, ::-1] @ self.weight[::-1]"),
        ("np.dot(dy.T, x)", "np.dot(dy[::-1].T, x[::-1])"),
        ("dy.sum(axis=0)", "dy[::-1].sum(axis=0)"),
    ],
    "Sigmoid.backward": [("dy * y * (1 - y)", "(1 - y) * y * dy")],
    "SumSquaredError.forward": [
        ("((y - target) ** 2).sum()", "((y - target) ** 2)[::-1].sum(axis=0).sum()")
    ],
    # As torch does.
    "Adam.step": [
        ("(1 - beta1) * grad", "(1 - beta1) * (grad - exp_avg)"),
        ("exp_avg *= beta1", ""),
    ],
}
EXISTS_FOR = {
    "defaults": "Linear.__init__: He's bound for PyTorch's",
    "exact": "Linear.forward: bias one ULP off",
    "rounding": "Sigmoid.forward: through tanh, which cancels",
    "formula": "Autoencoder.backward: mask of the other ReLU",
    "network": "Autoencoder.encode: ReLU after the latent",
    "step": "train_step: noisy target",
    "optimizer": "Adam.step: eps inside the root",
}


def test_a_side_that_differs_by_rounding_alone_passes_every_stage(dataset: Dataset) -> None:
    ours = make_side("numpy", SMALL)
    rng = np.random.default_rng(0)
    dy, x, weight = (
        rng.standard_normal(shape).astype("float32") for shape in ((32, 24), (32, 784), (24, 784))
    )
    operands = {"dy": dy, "x": x, "weight": weight}
    straight = ours.op("fc1.backward", operands)["dx"]
    with ExitStack() as stack:
        for operation, changes in OTHER_ORDER.items():
            stack.enter_context(rewritten(operation, changes))
        assert not np.array_equal(ours.op("fc1.backward", operands)["dx"], straight)
        report = check(SMALL, dataset.train_images)
    assert report.held, report.sentence
    assert {finding.stage for finding in report.findings} == set(STAGES) - {"outcome"}


@pytest.mark.parametrize(("stage", "title"), EXISTS_FOR.items())
def test_a_stage_fails_on_what_it_exists_for(dataset: Dataset, stage: str, title: str) -> None:
    (fault,) = (fault for fault in FAULTS if f"{fault.operation}: {fault.name}" == title)
    found = control(fault, dataset.train_images, dtypes=["float32"], torch=False)
    assert stage in found.stages


@pytest.mark.parametrize(
    ("operation", "change", "tensor"),
    [
        ("Autoencoder.backward", ("bool = False", "bool = True"), "dact/input"),
        ("Autoencoder.backward", ('d["input"] = dx', 'd["input"] = 2 * dx'), "dact/input"),
        ("Linear.backward", (" if input_grad else None", ""), "dx, not asked for"),
    ],
)
def test_the_interface_fails_on_what_training_never_asks_for(
    operation: str, change: tuple[str, str], tensor: str
) -> None:
    with rewritten(operation, [change]):
        failed = [
            (f.operation, f.tensor) for f in check_interface("autoencoder") if not f.verdict.held
        ]
    assert failed == [(operation, tensor)]


def test_the_trajectory_fails_on_drift(
    config: Config, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trajectory, "PERTURBED", 7)
    with rewritten("Adam.step", [("param -= change", "param -= change * (1 + 1e-4)")]):
        finding, runs = check_trajectory(our_own(dataset.train_images), config, ["float32"])
    assert finding.verdict is Verdict.FAIL
    assert finding.ratio > 1
    assert runs["float32"].references == 14


def test_a_healthy_side_that_drifts_most_by_chance_is_tried_again_from_a_perturbed_start(
    config: Config, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trajectory, "PERTURBED", 7)
    statistic, asked = trajectory._statistic, []

    def first_is_beyond(runs: dict[str, Any], exact: Any) -> float:
        asked.append(runs)
        return statistic(runs, exact) + 5 * (len(asked) == 1)

    monkeypatch.setattr(trajectory, "_statistic", first_is_beyond)
    finding, runs = check_trajectory(our_own(dataset.train_images), config, ["float32"])
    assert finding.verdict is Verdict.WITHIN
    assert runs["float32"].references > 7
    again = asked[8]["float32"]  # the side's second training, after seven references
    assert not np.array_equal(
        again[0].params["fc1.weight"], asked[0]["float32"][0].params["fc1.weight"]
    )
    assert runs["float32"].parameters[0] < 1e-6  # what is told is of the side as it is


def test_the_drift_that_is_told_is_the_largest_of_the_perturbed_references(
    config: Config, dataset: Dataset
) -> None:
    finding, runs = check_trajectory(our_own(dataset.train_images), config, ["float32"])
    assert finding.verdict is Verdict.WITHIN
    assert finding.ratio <= 1
    assert 1 <= runs["float32"].references <= 2 * trajectory.PERTURBED
