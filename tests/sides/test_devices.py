"""A device without float64 is judged in float32, and its float64 is the CPU's."""

import pytest
import torch

from compare.check.stages import check
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.sides import subject
from compare.sides.interface import AutoencoderSide
from compare.sides.subject import make_side
from compare.sides.user import user_supplied


def test_torch_is_judged_on_mps_in_float32_and_trusted_by_float64_on_the_cpu(
    config: Config, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = set()

    def on_the_cpu(name: str, config: Config, *, device: str = "cpu") -> AutoencoderSide:
        places.add((name, config.dtype, device))
        return make_side(name, config)

    monkeypatch.setattr(subject, "make_side", on_the_cpu)
    report = check(config, dataset.train_images, device="mps")
    assert report.held, report.sentence
    assert {place for place in places if place[0] == "torch"} == {
        ("torch", "float32", "mps"),
        ("torch", "float64", "cpu"),
    }
    assert report.notes == (
        "PyTorch runs on mps in float32; mps has no float64, which is the CPU's.",
    )


def test_float64_on_mps_is_refused_in_training(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(UserError, match="mps has no float64"):
        make_side("torch", Config(dtype="float64"), device="mps")


def test_another_sides_reference_runs_where_it_was_asked_to(
    config: Config, dataset: Dataset
) -> None:
    found = user_supplied("examples.own_network:make", config, dataset.train_images, device="mps")
    assert "PyTorch runs on mps in float32" in found.notes[-1]
    if not torch.backends.mps.is_available():
        with pytest.raises(UserError, match="finds no 'mps' device here"):
            found.reference(config)
    assert found.reference(Config(dtype="float64")).describe().device == "cpu"
