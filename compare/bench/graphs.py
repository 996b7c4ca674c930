"""The step, or a whole training, as a CUDA graph: one launch where the eager step has dozens."""

from collections.abc import Iterator
from functools import partial

import torch

from compare.bench.torch_variants import Tensors, TorchVariant, captured
from compare.data.batches import Batch, Images


class GraphVariant(TorchVariant):
    """The whole step, on a batch that is brought to where the graph reads it."""

    capturable = True
    graph: torch.cuda.CUDAGraph | None = None

    def put(self, batch: Batch) -> torch.Tensor:
        """Return noisy and clean images as one tensor, (2, batch, pixels): one copy brings them."""
        return torch.stack(super().put(batch))

    def step(self, batch: torch.Tensor) -> None:
        """Take one training step."""
        if self.graph is None:  # before the batch comes: capturing takes steps of its own
            self.batch = torch.zeros_like(batch)
            self.graph = captured(partial(self.train, *self.batch))
            self.reset()
        self.batch.copy_(batch)
        self.graph.replay()


class DeviceVariant(TorchVariant):
    """A whole training on the GPU, where images lie as bytes: a graph gathers, adds noise, trains.

    Order and noise are those of the device's generator, so its batches are its own.
    """

    capturable = True

    def load(self, images: Images) -> None:
        """Bring images (n, height, width) to the device; capture a graph for each batch size."""
        torch.manual_seed(self.config.seed)
        self.pixels = torch.as_tensor(images.reshape(len(images), -1), device=self.device)
        self.order = torch.arange(len(images), device=self.device)
        self.taken = torch.zeros_like(self.order[0])  # of them, in that order
        full, rest = divmod(len(images), self.config.batch_size)
        self.sizes = [self.config.batch_size] * full + [rest] * (rest > 0)
        self.graphs = {
            size: captured(partial(self._next, size)) for size in dict.fromkeys(self.sizes)
        }
        self.reset()

    def batches(self, epoch: int) -> Iterator[int]:
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
        clean = self.pixels[rows] / 255
        noisy = torch.add(clean, torch.randn_like(clean), alpha=self.config.noise)
        return (noisy.clamp_(0, 1) if self.config.clip else noisy), clean
