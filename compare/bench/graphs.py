"""The step as a CUDA graph, one launch where the eager step has dozens; and launching alone."""

from collections.abc import Collection, Iterator
from functools import partial

import numpy as np
import torch

from compare.bench.torch_variants import LowerBound, Tensors, TorchVariant, captured, require_cuda
from compare.bench.variants import PIXELS, products
from compare.data.batches import Batch
from compare.data.config import Config


class _Captured(TorchVariant):
    """A variant whose step is replayed: all that it is made of stays where it lies."""

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
        self.update = None


class GraphVariant(_Captured):
    """The whole step, on a batch that is brought to where the graph reads it."""

    graph: torch.cuda.CUDAGraph | None = None

    def put(self, batch: Batch) -> torch.Tensor:
        """Return noisy and clean images as one tensor, (2, batch, pixels): one copy brings them."""
        return torch.stack(super().put(batch))

    def step(self, batch: torch.Tensor) -> None:
        """Take one training step."""
        if self.graph is None:  # before the batch comes: capturing takes steps of its own
            self.batch = torch.zeros((2, self.config.batch_size, PIXELS), device=self.device)
            self.graph = captured(partial(self.train, *self.batch))
            self.reset()
        self.batch.copy_(batch)
        self.graph.replay()


class DeviceVariant(_Captured):
    """A whole training on the GPU, where images lie as bytes: a graph gathers, adds noise, trains.

    Order and noise are those of the device's generator, so its batches are its own.
    """

    def load(self, images: np.ndarray) -> None:
        """Bring images (n, height, width) to the device; capture a graph for each batch size."""
        torch.manual_seed(self.config.seed)
        self.images = torch.as_tensor(images.reshape(len(images), -1), device=self.device)
        self.order = torch.arange(len(images), device=self.device)
        self.taken = torch.zeros(
            (), dtype=torch.int64, device=self.device
        )  # of them, in that order
        full, rest = divmod(len(images), self.config.batch_size)
        self.sizes = [self.config.batch_size] * full + [rest] * (rest > 0)
        self.graphs = {size: captured(partial(self._next, size)) for size in {*self.sizes}}
        self.reset()

    def batches(self) -> Iterator[int]:
        """Put the images in another order; yield the sizes of the batches of one epoch."""
        self.order.copy_(torch.randperm(len(self.order), device=self.device))
        self.taken.zero_()
        yield from self.sizes

    def step(self, batch: int) -> None:
        """Take one training step on the next so many images."""
        self.graphs[batch].replay()

    def _next(self, size: int) -> None:
        rows = self.order[(self.taken + torch.arange(size, device=self.device)) % len(self.order)]
        self.taken += size
        self.train(*self._gathered(rows))

    def _gathered(self, rows: torch.Tensor) -> Tensors:
        clean = self.images[rows] / 255
        noisy = torch.add(clean, torch.randn_like(clean), alpha=self.config.noise)
        return (noisy.clamp_(0, 1) if self.config.clip else noisy), clean


class Launches(LowerBound):
    """As many kernels with next to nothing to do as no step goes without: products, and Adam's."""

    many = 1  # the launch of the graph belongs to it

    def __init__(self, config: Config, *, device: str) -> None:
        require_cuda(device)
        super().__init__(device)
        self.number = torch.zeros((), device=self.device)
        self.kernels = len(products(config)) + 1

    def work(self) -> None:
        """Launch them, each after the one before."""
        for _ in range(self.kernels):
            self.number.add_(1)
