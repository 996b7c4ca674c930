"""The CUDA graph's logic without a GPU: a stand-in for the graph that replays by doing again what was captured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from compare.bench import graphs, torch_lanes
from compare.bench.turns import some_batches
from compare.errors import UserError
from compare.experiment.config import Config
from compare.experiment.data import Dataset


class Recording:
    """A CUDA graph that holds the lane's method; capturing runs it once, as warming up did."""

    def __init__(self) -> None:
        self.replays = 0
        self.captured: Callable[[], None] = lambda: None

    def replay(self) -> None:
        """Do what was captured."""
        self.replays += 1
        self.captured()


@pytest.fixture
def no_gpu_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lanes that want CUDA run on the CPU."""

    @contextmanager
    def capturing(graph: Recording) -> Iterator[None]:
        yield

    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda aside: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recording)
    monkeypatch.setattr(torch.cuda, "graph", capturing)
    monkeypatch.setattr(torch_lanes, "available_device", lambda name, dtype: torch.device("cpu"))
    monkeypatch.setattr("compare.parity.torch_side.available_device", lambda name, dtype: torch.device("cpu"))
    monkeypatch.setattr(graphs.GraphLane, "capturable", False)  # Adam refuses it on a CPU


def captured(lane: Any) -> Any:
    """Return the lane, its graph knowing what to do."""
    lane.graph.captured = lane._captured
    return lane


@pytest.mark.usefixtures("no_gpu_needed")
def test_replaying_the_graph_is_taking_the_eager_step(config: Config, dataset: Dataset) -> None:
    eager = torch_lanes.TorchLane(config, device="cpu", fused=True)
    graph = captured(graphs.GraphLane(config, device="cuda"))
    for batch in some_batches(config, dataset.train_images)[:3]:
        eager.step(eager.put(batch))
        graph.step(graph.put(batch))
    assert graph.graph.replays == 3
    expected = eager.state()
    assert all(np.array_equal(value, expected[name]) for name, value in graph.state().items())


@pytest.mark.usefixtures("no_gpu_needed")
def test_a_training_on_the_device_sees_every_image_once_an_epoch_and_learns(config: Config, dataset: Dataset) -> None:
    lane: Any = graphs.DeviceLane(config, device="cuda")
    losses = []
    for _ in range(4):
        rows = list(lane.batches(dataset.train_images))
        captured(lane)
        assert sorted(torch.cat(rows).tolist()) == list(range(len(dataset.train_images)))
        for batch in rows:
            lane.step(batch)
        clean = dataset.test_images.reshape(len(dataset.test_images), -1).astype("float32") / 255
        losses.append(float(np.square(lane.reconstruct(clean) - clean).mean()))
    assert losses[-1] < losses[0]
    assert lane.graph.replays == 4 * (len(dataset.train_images) // config.batch_size)


def test_on_another_device_a_graph_says_so(config: Config) -> None:
    with pytest.raises(UserError, match="CUDA graph needs --device cuda"):
        graphs.GraphLane(config, device="cpu")
