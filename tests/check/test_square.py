"""Square layers are judged of every side that makes them, and of no other."""

from contextlib import ExitStack

import pytest

from compare.check.stages import check, check_subject
from compare.controls.controls import SMALL
from compare.controls.injection import rewritten
from compare.data.datasets import Dataset
from compare.sides.user import user_supplied

SQUARE = "len(self.weight) == len(self.weight.T)"
FORWARD = ("self.weight.T", f"(self.weight if {SQUARE} else self.weight.T)")
BACKWARD = ("dy @ self.weight", f"dy @ (self.weight.T if {SQUARE} else self.weight)")


@pytest.mark.parametrize("torch", [False, True])
def test_a_weight_for_its_transpose_in_forward_and_backward_is_found_and_named(
    dataset: Dataset, torch: bool
) -> None:
    with ExitStack() as both:
        for operation, change in (("Linear.forward", FORWARD), ("Linear.backward", BACKWARD)):
            both.enter_context(rewritten(operation, [change]))
        report = check(SMALL, dataset.train_images, dtypes=["float32"], torch=torch)
    failed = [found for found in report.findings if not found.verdict.held]
    assert all(found.square for found in failed)
    assert {found.stage for found in failed} == {"exact", "rounding", "network"}
    assert report.sentence.startswith(
        "y of NumPy's fc2.forward is the first to fail (exact, float32, square layers)"
    )
    assert "What is wrong: the weight is not transposed." in report.sentence


@pytest.mark.parametrize(
    ("name", "judged"),
    [("compare.sides.numpy_side:NumpySide", True), ("examples.own_side:make", False)],
)
def test_a_factory_that_heeds_the_widths_of_a_config_is_asked_for_a_square_network(
    dataset: Dataset, name: str, judged: bool
) -> None:
    subject = user_supplied(name, SMALL, dataset.train_images)
    report = check_subject(subject, SMALL, torch=False)
    assert report.held, report.sentence
    assert any(found.square for found in report.findings) is judged


def limited(config: object) -> object:
    """Return a side of one width, and refuse any other."""
    from compare.sides.numpy_side import NumpySide

    if config.latent_dim != SMALL.latent_dim:  # type: ignore[attr-defined]
        raise ValueError("5 latents")
    return NumpySide(config)  # type: ignore[arg-type]


def test_a_factory_that_refuses_other_widths_is_judged_on_its_own(dataset: Dataset) -> None:
    subject = user_supplied(f"{__name__}:limited", SMALL, dataset.train_images)
    report = check_subject(subject, SMALL, torch=False)
    assert report.held, report.sentence
    assert not any(found.square for found in report.findings)
