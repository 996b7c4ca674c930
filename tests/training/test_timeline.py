"""The timeline watches a training without taking part in it."""

from pathlib import Path

import numpy as np
import pytest

from compare.data.batches import training_batches
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.files import write_arrays
from compare.sides.subject import make_side
from compare.training.timeline import STEPS, Timeline, record_first_steps
from tests.operands import assert_same

NAMES = pytest.mark.parametrize("name", ["numpy", "torch"])


@pytest.fixture
def timeline(config: Config, dataset: Dataset, tmp_path: Path) -> Timeline:
    """Return an empty one."""
    return Timeline(tmp_path / "page" / "timeline.safetensors", config, dataset)


@NAMES
def test_recording_leaves_a_side_as_it_was(name: str, timeline: Timeline, config: Config) -> None:
    side = make_side(name, config)
    before = side.state()
    timeline.record(side, "epoch", 1)
    assert_same(side.state(), before)


@NAMES
def test_the_first_steps_are_those_of_the_training(
    name: str, timeline: Timeline, config: Config, dataset: Dataset
) -> None:
    watched, alone = make_side(name, config), make_side(name, config)
    record_first_steps(timeline, watched, config, dataset.train_images)
    for _ in alone.fit(training_batches(config, dataset.train_images, STEPS[-1])):
        pass
    assert_same(watched.state(), alone.state())
    assert [(point.unit, point.number) for point in timeline.points] == [
        ("step", step) for step in STEPS
    ]
    assert timeline.points[-1].loss < timeline.points[0].loss


@pytest.mark.parametrize("header", [None, {}, {"points": [{}]}, {"points": 3}])
def test_a_file_of_no_timeline_is_refused_by_its_name(
    timeline: Timeline, config: Config, dataset: Dataset, header: object
) -> None:
    write_arrays(timeline.path, {}, header)
    with pytest.raises(UserError, match=rf"^{timeline.path}: not all is as compare wrote it \("):
        Timeline(timeline.path, config, dataset)


def test_a_unit_that_no_image_wakes_is_dead(timeline: Timeline, config: Config) -> None:
    side = make_side("numpy", config)
    state = side.state()
    state["param/fc1.bias"][...] = 100  # all awake
    state["param/fc1.bias"][:3] = -100
    side.load(state)
    timeline.record(side, "epoch", 1)
    (point,) = timeline.points
    assert point.dead["relu1"] == 3
    assert point.gradients.keys() == {
        name.removeprefix("param/") for name in state if name.startswith("param/")
    }
    assert all(norm >= 0 for norm in point.gradients.values())


def test_a_timeline_goes_on_from_its_file_and_keeps_one_point_for_a_time(
    timeline: Timeline, config: Config, dataset: Dataset
) -> None:
    side = make_side("numpy", config)
    timeline.record(side, "epoch", 1)
    timeline.save()
    again = Timeline(timeline.path, config, dataset)
    assert again.points == timeline.points
    again.record(side, "epoch", 1)
    again.record(side, "epoch", 2)
    assert [point.number for point in again.points] == [1, 2]
    assert again.images["NumPy/epoch/2"].dtype == np.uint8
    assert again.images["NumPy/epoch/2"].shape == again.images["noisy"].shape
