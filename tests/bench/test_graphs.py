"""The CUDA graph's logic without a GPU: a stand-in replays by doing again what was captured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from compare.bench import graphs, torch_variants
from compare.bench.bench_tables import verdicts
from compare.bench.results import Results, Row
from compare.bench.rounds import some_batches
from compare.bench.variants import products
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError


class Recording:
    """A CUDA graph that holds what was captured; capturing does it once, as a warm-up does."""

    def __init__(self) -> None:
        self.replays = 0
        self.captured: Callable[[], None] = lambda: None

    def replay(self) -> None:
        """Do what was captured."""
        self.replays += 1
        self.captured()


@pytest.fixture
def no_gpu_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let variants that want CUDA run on the CPU."""

    @contextmanager
    def capturing(graph: Recording) -> Iterator[None]:
        yield

    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda aside: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recording)
    monkeypatch.setattr(torch.cuda, "graph", capturing)
    monkeypatch.setattr(torch_variants, "available_device", lambda name, dtype: torch.device("cpu"))
    monkeypatch.setattr(
        "compare.sides.torch_side.available_device", lambda name, dtype: torch.device("cpu")
    )
    original, adam = torch_variants.captured, torch.optim.Adam

    def not_capturable(*arguments: Any, capturable: bool, **options: Any) -> torch.optim.Adam:
        return adam(*arguments, **options)  # it refuses that on a CPU

    monkeypatch.setattr(torch.optim, "Adam", not_capturable)

    def captured(do: Callable[[], None]) -> Any:
        graph: Any = original(do)
        graph.captured = do
        return graph

    monkeypatch.setattr(graphs, "captured", captured)
    monkeypatch.setattr(torch_variants, "captured", captured)


@pytest.mark.usefixtures("no_gpu_needed")
@pytest.mark.parametrize(
    "how",
    [
        {"fused": True},
        # It compiles.
        pytest.param({"fused": True, "compiled": ("network",)}, marks=pytest.mark.slow),
    ],
)
def test_replaying_the_graph_is_taking_the_eager_step(
    config: Config, dataset: Dataset, how: dict[str, Any]
) -> None:
    eager = torch_variants.TorchVariant(config, device="cpu", **how)
    graph: Any = graphs.GraphVariant(config, device="cuda", **how)
    for batch in some_batches(config, dataset.train_images)[:3]:
        eager.step(eager.put(batch))
        graph.step(graph.put(batch))
    assert graph.graph.replays == 3
    expected = eager.side.state()
    assert all(np.array_equal(value, expected[name]) for name, value in graph.side.state().items())


@pytest.mark.usefixtures("no_gpu_needed")
def test_a_training_on_the_device_sees_every_image_once_an_epoch_and_learns(
    config: Config, dataset: Dataset
) -> None:
    variant: Any = graphs.DeviceVariant(config, device="cuda", fused=True)
    variant.load(dataset.train_images)
    seen: list[torch.Tensor] = []
    gathered = variant._gathered

    def see(rows: torch.Tensor) -> Any:
        seen.append(rows)
        return gathered(rows)

    variant._gathered = see
    start, losses = variant.side.state(), []
    for _ in range(4):
        seen.clear()
        for batch in variant.batches(0):
            variant.step(batch)
        assert sorted(torch.cat(seen).tolist()) == list(range(len(dataset.train_images)))
        assert [len(rows) for rows in seen] == [50, 50, 30]
        clean = dataset.test_images.reshape(len(dataset.test_images), -1).astype("float32") / 255
        losses.append(float(np.square(variant.side.reconstruct(clean) - clean).mean()))
    assert losses[-1] < losses[0]
    assert variant.side.state()["adam.step"] == 12 and start["adam.step"] == 0
    assert [variant.graphs[size].replays for size in (50, 30)] == [8, 4]


@pytest.mark.usefixtures("no_gpu_needed")
def test_a_training_on_the_device_is_that_of_its_seed(config: Config, dataset: Dataset) -> None:
    def trained(seed: int) -> Any:
        variant: Any = graphs.DeviceVariant(replace(config, seed=seed), device="cuda", fused=True)
        variant.load(dataset.train_images[:40])
        for batch in variant.batches(0):
            variant.step(batch)
        return variant.side.state()["param/fc1.weight"]

    assert np.array_equal(trained(1), trained(1)) and not np.array_equal(trained(1), trained(2))


@pytest.mark.usefixtures("no_gpu_needed")
def test_a_lower_bound_on_a_gpu_does_its_work_many_times_in_one_graph(config: Config) -> None:
    variant = torch_variants.InPlace(config, device="cuda")
    variant.b.fill_(1)
    variant.step(None)
    assert float(variant.a[0]) == variant.repeats == torch_variants.AT_ONCE


@pytest.mark.usefixtures("no_gpu_needed")
def test_the_launch_lower_bound_replays_a_kernel_for_each_product_and_one_for_adam(
    config: Config,
) -> None:
    variant = torch_variants.Launches(config, device="cuda")
    kernels = len(products(config)) + 1
    for replays in (1, 2, 3):
        variant.step(None)
        assert int(variant.number) == kernels * (torch_variants.WARM_UP + 1 + replays)


@pytest.mark.parametrize("variant", [graphs.GraphVariant, torch_variants.Launches])
def test_on_another_device_a_graph_says_so(config: Config, variant: type[Any]) -> None:
    with pytest.raises(UserError, match="CUDA graph needs --device cuda"):
        variant(config, device="cpu")


def test_the_launch_lower_bound_is_shown_where_there_is_one() -> None:
    rows = [
        Row(variant, "", 1, 128, 400, 10, median=1.0, rounds=[1.0])
        for variant in ("numpy", "products-torch", "in-place")
    ]
    (bound,) = (line for line in verdicts(Results({}, "cuda", rows)) if "lower bounds" in line)
    assert "empty kernels" not in bound
    rows.append(Row("launches", "", 1, 128, 400, 10, median=0.0234))
    (bound,) = (line for line in verdicts(Results({}, "cuda", rows)) if "lower bounds" in line)
    assert "; 0.0234 ms to launch 12 empty kernels;" in bound
