"""What only a GPU can tell. Without one, `test_graphs.py` tests the logic."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from compare.bench import graphs, torch_variants, worker
from compare.bench.rounds import some_batches
from compare.bench.variants import LOWER_BOUNDS, VARIANTS
from compare.check import bounds
from compare.data.config import Config
from compare.data.datasets import Dataset

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
HERE = [variant for variant, spec in VARIANTS.items() if "cuda" in spec.devices]


@pytest.mark.parametrize("name", [variant for variant in HERE if VARIANTS[variant].judged])
def test_the_first_step_of_every_variant_is_within_what_rounding_allows(
    dataset: Dataset, name: str
) -> None:
    config = Config()
    ready = worker.prepare(name, config, some_batches(config, dataset.train_images), 1, "cuda")
    assert ready.correctness and ready.correctness.held


@pytest.mark.parametrize("name", [variant for variant in HERE if variant in LOWER_BOUNDS])
def test_every_lower_bound_takes_some_time(dataset: Dataset, name: str) -> None:
    config = Config()
    worker.prepare(name, config, some_batches(config, dataset.train_images), 1, "cuda")
    assert min(worker.time_steps(name, 0.01)) > 0


def test_a_replayed_step_is_the_eager_one_and_takes_no_more_memory(dataset: Dataset) -> None:
    config = Config()
    eager = torch_variants.TorchVariant(config, device="cuda", fused=True)
    graph: Any = graphs.GraphVariant(config, device="cuda", fused=True)
    batches = some_batches(config, dataset.train_images)
    for batch in batches[:3]:
        eager.step(eager.put(batch))
        graph.step(graph.put(batch))
    expected = eager.side.state()
    # The library may take another kernel for the same product when captured.
    for name, value in graph.side.state().items():
        far = np.abs(value - expected[name]).max(initial=0)
        assert far <= 1e4 * bounds.unit_roundoff("float32") * max(
            1, np.abs(expected[name]).max(initial=0)
        )
    held = torch.cuda.memory_allocated()
    ready = graph.put(batches[0])
    for _ in range(1000):
        graph.step(ready)
    graph.wait()
    assert torch.cuda.memory_allocated() - held <= ready.nbytes


@pytest.mark.parametrize("how", [{"fused": True}, {"compiled": ("network", "optimizer")}])
def test_a_training_on_the_device_learns_what_one_on_the_cpu_learns(
    config: Config, dataset: Dataset, how: dict[str, Any]
) -> None:
    config = replace(config, hidden_dim=64, lr=1e-2)
    variant = graphs.DeviceVariant(config, device="cuda", **how)
    variant.load(dataset.train_images)
    clean = dataset.test_images.reshape(len(dataset.test_images), -1).astype("float32") / 255
    before = np.square(variant.side.reconstruct(clean) - clean).mean()
    for _ in range(20):
        for batch in variant.batches(0):
            variant.step(batch)
    assert np.square(variant.side.reconstruct(clean) - clean).mean() < before / 2
