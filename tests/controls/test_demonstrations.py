"""A demonstration tells what the check sees of a fault, and where in the step first."""

import numpy as np
import pytest

from compare.check.diagnosis import WHOLE
from compare.controls.demonstrations import Demonstration, Pictured, demonstrate
from compare.controls.faults import FAULTS
from compare.data.datasets import Dataset

HELD = ("exact", "within")


def shown(title: str | None, dataset: Dataset) -> tuple[Demonstration, Pictured | None]:
    """Return the demonstration of a fault by its name."""
    fault = next((fault for fault in FAULTS if f"{fault.operation}: {fault.name}" == title), None)
    return demonstrate(fault, dataset.train_images)


def test_the_healthy_network_has_errors_and_nothing_off(dataset: Dataset) -> None:
    found, pictured = shown(None, dataset)
    assert (found.operation, found.first, pictured) == ("", "", None)
    assert {finding["stage"] for finding in found.findings} == {"network", "optimizer"}
    assert all(finding["verdict"] in HELD for finding in found.findings)


def test_a_forgotten_factor_2_is_seen_first_where_the_gradients_start_and_in_all_after(
    dataset: Dataset,
) -> None:
    found, pictured = shown("SumSquaredError.backward: factor 2 missing", dataset)
    assert found.first == "dact/sigmoid"
    assert "SumSquaredError.backward" in found.sentence and "1/2" in found.sentence
    assert pictured is not None
    np.testing.assert_allclose(2 * pictured.ours, pictured.reference, rtol=1e-4, atol=1e-6)
    off = {finding["tensor"] for finding in found.findings if finding["verdict"] not in HELD}
    assert not any(name.startswith(("act/", "loss", "adam", "param")) for name in off)
    assert {name for name in off if name.startswith("grad/")} == {
        f"grad/fc{i}.{kind}" for i in (1, 2, 3, 4) for kind in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("title", "first"),
    [
        ("train_step: noisy target", WHOLE),  # the step itself is right, and training takes another
        # Of a shape that no picture compares.
        ("Linear.backward: weight gradient transposed", "grad/fc4.weight"),
    ],
)
def test_what_is_no_tensor_of_a_step_is_not_pictured_at(
    dataset: Dataset, title: str, first: str
) -> None:
    found, pictured = shown(title, dataset)
    assert (found.first, found.picture, pictured) == (first, "", None)


def test_what_float32_does_not_show_is_pictured_for_in_float64(dataset: Dataset) -> None:
    found, _ = shown("Linear.forward: computed in float32", dataset)
    assert any(finding["verdict"] not in HELD for finding in found.findings)
