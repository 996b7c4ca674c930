"""What torch is asked to do for a variant: to compile, to flush; and the article's loop."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from compare.bench.article import ArticleLoop
from compare.bench.rounds import some_batches
from compare.bench.torch_variants import TorchVariant
from compare.data.config import Config
from compare.data.datasets import Dataset


@pytest.mark.parametrize(
    ("compiled", "count"), [((), 0), (("network",), 1), (("network", "optimizer"), 2)]
)
def test_a_variant_compiles_what_it_says_for_its_own_sizes(
    monkeypatch: pytest.MonkeyPatch,
    config: Config,
    dataset: Dataset,
    compiled: tuple[str, ...],
    count: int,
) -> None:
    asked: list[Callable[..., Any]] = []
    resets: list[None] = []

    def compiling(function: Callable[..., Any], *, dynamic: bool) -> Callable[..., Any]:
        assert not dynamic

        def run(*arguments: Any) -> Any:
            asked.append(function)
            return function(*arguments)

        return run

    monkeypatch.setattr(torch, "compile", compiling)
    monkeypatch.setattr(torch.compiler, "reset", lambda: resets.append(None))
    variant = TorchVariant(config, device="cpu", compiled=compiled)
    variant.step(variant.put(some_batches(config, dataset.train_images)[0]))
    assert len(asked) == count and len(resets) == bool(compiled)
    assert int(variant.side.state()["adam.step"]) == 1


@pytest.mark.parametrize("flush", [False, True])
def test_a_variant_flushes_where_it_says_so(
    monkeypatch: pytest.MonkeyPatch, config: Config, flush: bool
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(torch, "set_flush_denormal", asked.append)
    TorchVariant(config, device="cpu", flush=flush)
    assert asked == [True] * flush


def test_the_articles_loop_sees_every_image_once_an_epoch(config: Config, dataset: Dataset) -> None:
    loop = ArticleLoop(replace(config, noise=0), device="cpu")
    loop.load(dataset.train_images)
    batches = list(loop.batches(0))
    assert [len(clean) for _, clean in batches] == [50, 50, 30]
    assert all(torch.equal(noisy, clean) for noisy, clean in batches)
    seen = torch.cat([clean for _, clean in batches])
    images = dataset.train_images.reshape(len(seen), -1) / 255
    assert torch.allclose(seen.sum(), torch.tensor(images.sum(), dtype=torch.float32))
    for batch in batches:
        loop.step(batch)
    assert int(loop.side.state()["adam.step"]) == 3


@pytest.mark.slow
def test_every_variant_that_a_process_makes_is_compiled_for_its_own_sizes(
    monkeypatch: pytest.MonkeyPatch, config: Config, dataset: Dataset
) -> None:
    compiled = []

    def backend(graph: Any, operands: Any) -> Any:
        compiled.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    graphs = []
    with torch._dynamo.config.patch(recompile_limit=2):  # for eight, which takes long to come to
        for width in (3, 4, 5):
            variant = TorchVariant(
                replace(config, hidden_dim=width), device="cpu", compiled=("network", "optimizer")
            )
            variant.step(variant.put(some_batches(config, dataset.train_images)[0]))
            graphs.append(len(compiled))
            compiled.clear()
    assert set(graphs) == {graphs[0]} and graphs[0] >= 2


FLUSHED = """
import torch
from compare.bench.torch_variants import TorchVariant
from compare.data.config import Config
torch.set_num_threads(2)
TorchVariant(Config(hidden_dim=8), device="cpu", flush=True)
print(int((torch.full((1 << 22,), 1e-38) * 1e-3).count_nonzero()))
"""


@pytest.mark.slow
def test_a_variant_that_flushes_leaves_no_subnormal_number_in_any_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLUSHED], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["0"]
