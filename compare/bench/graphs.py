"""The step as a CUDA graph, a single launch where the eager step has some fifty; and what launching alone takes."""

from collections.abc import Iterator

import numpy as np
import torch

from compare.bench.capture import captured, require_cuda
from compare.bench.lanes import products
from compare.bench.torch_lanes import Floor, Tensors, TorchLane
from compare.experiment.config import Config


class GraphLane(TorchLane):
    """The whole step with fused Adam, on a batch that lies where the graph reads it."""

    capturable = True

    def __init__(self, config: Config, *, device: str, tf32: bool = False) -> None:
        require_cuda(device)
        super().__init__(config, device=device, fused=True)
        torch.backends.cuda.matmul.allow_tf32 = tf32
        self.config = config
        self.noisy, self.clean = (
            torch.zeros((config.batch_size, 784), dtype=self.side.dtype, device=self.device) for _ in range(2)
        )
        self._capture()

    def step(self, batch: Tensors) -> None:
        """Take one training step: the batch moves to where the graph reads it."""
        for place, tensor in zip((self.noisy, self.clean), batch, strict=True):
            place.copy_(tensor)
        self.graph.replay()

    def _captured(self) -> None:
        """Do what is captured."""
        self._eager(self.noisy, self.clean)

    def _capture(self) -> None:
        self.graph = captured(self._captured)
        self.reset()


class DeviceLane(GraphLane):
    """A whole training on the GPU: the images lie there as bytes, and the graph gathers, scales and adds the noise.

    The noise is that of the device's generator, so its batches are not those of the other lanes.
    """

    def __init__(self, config: Config, *, device: str) -> None:
        self.images: torch.Tensor | None = None
        super().__init__(config, device=device)

    def batches(self, images: np.ndarray) -> Iterator[torch.Tensor]:
        """Yield the rows of each batch of one epoch."""
        if self.images is None:
            self.images = torch.as_tensor(images.reshape(len(images), -1), device=self.device)
            self._capture()
        yield from torch.split(torch.randperm(len(images), device=self.device), self.config.batch_size)

    def step(self, batch: torch.Tensor) -> None:  # type: ignore[override]  # rows, where the others take images
        """Take one training step; a short last batch goes without the graph."""
        if len(batch) == len(self.rows):
            self.rows.copy_(batch)
            self.graph.replay()
        else:
            self._eager(*self._gathered(batch))

    def _capture(self) -> None:
        if self.images is not None:
            self.rows = torch.arange(self.config.batch_size, device=self.device) % len(self.images)
            super()._capture()

    def _captured(self) -> None:
        self._eager(*self._gathered(self.rows))

    def _gathered(self, rows: torch.Tensor) -> Tensors:
        assert self.images is not None
        clean = self.images[rows].to(self.side.dtype) / 255
        noisy = clean + self.config.noise * torch.randn_like(clean)
        return (noisy.clamp(0, 1) if self.config.clip else noisy), clean


class Launches(Floor):
    """As many kernels with next to nothing to do as no step goes without: one for each product, and Adam's."""

    def __init__(self, config: Config, *, device: str) -> None:
        require_cuda(device)
        super().__init__(device)
        self.number = torch.zeros((), device=self.device)
        self.kernels = len(products(config.batch_size, 784, config.hidden_dim, config.latent_dim)) + 1

    def work(self) -> None:
        """Launch them, each after the one before."""
        for _ in range(self.kernels):
            self.number.add_(1)
