"""A CUDA graph: what the device is to do, captured once and replayed with a single launch."""

from collections.abc import Callable, Collection, Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch

from compare.bench.torch_variants import Floor, Tensors, TorchLane
from compare.bench.variants import PIXELS, products
from compare.data.batches import Batch
from compare.data.config import Config
from compare.errors import UserError

# ---- compare.bench.capture: '"""A CUDA graph: what the device is to do, captured once and replayed
# '
WARM_UP = (
    3  # runs before a capture, as torch's documentation has it: libraries set themselves up in them
)


def require_cuda(device: str) -> None:
    """Raise `UserError` unless the device has graphs."""
    if device != "cuda":
        raise UserError(f"a CUDA graph needs --device cuda, not {device}")


def captured(do: Callable[[], Any]) -> torch.cuda.CUDAGraph:
    """Return the graph of what `do` has the device do. Tensors made in it live in the graph's own memory."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            do()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        do()
    return graph


# ---- compare.bench.graphs: '"""The step as a CUDA graph, a single launch where the eager step has
# '
class _Captured(TorchLane):
    """A lane whose step is replayed: all that it is made of stays where it lies."""

    capturable = True

    def __init__(
        self,
        config: Config,
        *,
        device: str,
        fused: bool = False,
        compiled: Collection[str] = (),
        tf32: bool = False,
    ) -> None:
        require_cuda(device)
        super().__init__(config, device=device, fused=fused, compiled=compiled, tf32=tf32)
        self.config = config
        self.update = None


class GraphLane(_Captured):
    """The whole step, on a batch that is brought to where the graph reads it."""

    def put(self, batch: Batch) -> torch.Tensor:
        """Return noisy and clean images in one tensor, (2, batch, pixels): it takes a single copy to bring them."""
        return torch.stack(super().put(batch))

    def step(self, batch: torch.Tensor) -> None:
        """Take one training step."""
        graph = (
            self._graph
        )  # before the batch comes: capturing takes steps of its own, and goes back to the start
        self._batch.copy_(batch)
        graph.replay()

    @cached_property
    def _batch(self) -> torch.Tensor:
        return torch.zeros((2, self.config.batch_size, PIXELS), device=self.device)

    @cached_property
    def _graph(self) -> torch.cuda.CUDAGraph:
        graph = captured(partial(self.train, *self._batch))
        self.reset()
        return graph


class DeviceLane(_Captured):
    """A whole training on the GPU: the images lie there as bytes, and a graph gathers, scales, adds noise and trains.

    Order and noise are those of the device's generator, so its batches are not those of the other
    lanes.
    """

    def load(self, images: np.ndarray) -> None:
        """Bring the images (n, height, width) to the device, and capture a graph for each size of batch."""
        torch.manual_seed(self.config.seed)
        self.images = torch.as_tensor(images.reshape(len(images), -1), device=self.device)
        self.order = torch.arange(len(images), device=self.device)
        self.taken = torch.zeros(
            (), dtype=torch.int64, device=self.device
        )  # how many of them, in that order
        full, rest = divmod(len(images), self.config.batch_size)
        self.sizes = [self.config.batch_size] * full + [rest] * (rest > 0)
        self.graphs = {
            size: captured(partial(self._train_on_the_next, size))
            for size in dict.fromkeys(self.sizes)
        }
        self.reset()

    def batches(self) -> Iterator[int]:
        """Put the images in another order; yield the sizes of the batches of one epoch."""
        self.order.copy_(torch.randperm(len(self.order), device=self.device))
        self.taken.zero_()
        yield from self.sizes

    def step(self, batch: int) -> None:
        """Take one training step on the next so many images."""
        self.graphs[batch].replay()

    def _train_on_the_next(self, size: int) -> None:
        rows = self.order[(self.taken + torch.arange(size, device=self.device)) % len(self.order)]
        self.taken += size
        self.train(*self._gathered(rows))

    def _gathered(self, rows: torch.Tensor) -> Tensors:
        clean = self.images[rows] / 255
        noisy = torch.add(clean, torch.randn_like(clean), alpha=self.config.noise)
        return (noisy.clamp_(0, 1) if self.config.clip else noisy), clean


class Launches(Floor):
    """As many kernels with next to nothing to do as no step goes without: one for each product, and Adam's."""

    many = 1  # the launch of the graph belongs to it

    def __init__(self, config: Config, *, device: str) -> None:
        require_cuda(device)
        super().__init__(device)
        self.number = torch.zeros((), device=self.device)
        self.kernels = (
            len(products(config.batch_size, PIXELS, config.hidden_dim, config.latent_dim)) + 1
        )

    def work(self) -> None:
        """Launch them, each after the one before."""
        for _ in range(self.kernels):
            self.number.add_(1)
