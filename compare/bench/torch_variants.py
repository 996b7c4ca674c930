"""The variants of torch, eager and compiled; and its lower bounds."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import torch

from compare.bench import numpy_variants
from compare.bench.variants import LARGE, PIXELS, products
from compare.data.batches import Batch
from compare.data.config import Config
from compare.errors import UserError
from compare.sides.interface import Array, State
from compare.sides.numpy_side import layers
from compare.sides.torch_side import TorchSide, available_device

Tensors = tuple[torch.Tensor, torch.Tensor]
AT_ONCE = 50  # steps on a GPU between two looks at the clock
WARM_UP = 3  # runs before a capture, as torch's documentation has it: libraries set themselves up


def require_cuda(device: str) -> None:
    """Raise `UserError` unless the device has graphs."""
    if device != "cuda":
        raise UserError(f"a CUDA graph needs --device cuda, not {device}")


def captured(do: Callable[[], Any]) -> torch.cuda.CUDAGraph:
    """Return the graph of what `do` has the device do, which is then replayed with one launch.

    Tensors made in it live in the graph's own memory.
    """
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


class _OnDevice:
    repeats = 1

    def __init__(self, device: str, *, tf32: bool = False) -> None:
        self.device = available_device(device, "float32")
        self.at_once = 1 if device == "cpu" else AT_ONCE
        torch.backends.cuda.matmul.allow_tf32 = tf32

    def put(self, batch: Batch) -> Any:
        """Return the batch as tensors on the device."""
        return tuple(torch.as_tensor(array, device=self.device) for array in batch)

    def wait(self) -> None:
        """Wait for the device."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize()


class TorchVariant(_OnDevice):
    """`torch_ae`'s training step, with torch's default Adam or its fused one, perhaps compiled.

    It leaves out that the loss is returned as a number: on a GPU, every step would wait for the one
    before it. Compiled, forward and loss are one graph with its backward, and Adam another: the
    call of backward lies between.
    """

    capturable = False  # by a CUDA graph: Adam then counts its steps on the device

    def __init__(
        self,
        config: Config,
        *,
        device: str,
        fused: bool = False,
        compiled: Collection[str] = (),
        flush: bool = False,
        tf32: bool = False,
    ) -> None:
        super().__init__(device, tf32=tf32)
        if flush:  # subnormals become zero, in this thread and in those that it starts from here on
            torch.set_flush_denormal(True)
        self.config = config
        self.side = TorchSide(config, device=device)
        model, loss = self.side.model, self.side.loss
        self.start = [param.detach().clone() for param in model.parameters()]
        self.optimizer = self.side.optimizer = torch.optim.Adam(
            model.parameters(),
            lr=config.lr,
            betas=(config.beta1, config.beta2),
            eps=config.eps,
            fused=fused or None,  # None is torch's own choice, on a GPU another than False
            capturable=self.capturable,
        )

        def forward(noisy: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
            value: torch.Tensor = loss(model(noisy), clean)
            return value

        compiling = partial(torch.compile, dynamic=False)  # for these very sizes, as in a training
        if compiled:  # torch counts over all of a process, and from the ninth on compiles none
            torch.compiler.reset()
        self._forward = compiling(forward) if "network" in compiled else forward
        # One step of the optimizer, on the last gradients. None where a graph alone has it.
        self.update: Callable[[], Any] | None = self.optimizer.step
        if "optimizer" in compiled:
            self.update = compiling(self.optimizer.step)
        self._update = self.update

    def train(self, noisy: torch.Tensor, clean: torch.Tensor) -> None:
        """Take one training step, as Python tells it."""
        self.optimizer.zero_grad()
        torch.autograd.backward(self._forward(noisy, clean))
        self._update()

    def step(self, batch: Any) -> None:
        """Take one training step."""
        self.train(*batch)

    @torch.no_grad()
    def reset(self) -> None:
        """Go back to the start, in place: a compiled or captured step holds these very tensors."""
        for param, value in zip(self.side.model.parameters(), self.start, strict=True):
            param.copy_(value)
            for moment in self.optimizer.state[param].values():
                moment.zero_()

    def state(self) -> State:
        """Return parameters, moments and step."""
        return self.side.state()

    def reconstruct(self, x: Array) -> Array:
        """Map images to images."""
        return self.side.reconstruct(x)


class LowerBound(_OnDevice, ABC):
    """What no step can be faster than; on CUDA a graph, as launching would take longer."""

    many = AT_ONCE  # times that the graph does the work: a kernel is over before its launch is
    replay: Callable[[], None] | None = None

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self.graphed = device == "cuda"
        if self.graphed:
            self.repeats = self.many
            self.at_once = 1 if self.many > 1 else AT_ONCE

    @abstractmethod
    def work(self) -> None:
        """Do what is timed."""

    def step(self, batch: Any) -> None:
        """Do it, whatever the batch."""
        if not self.graphed:
            self.work()
            return
        self.replay = self.replay or captured(self._repeated).replay
        self.replay()

    def _repeated(self) -> None:
        for _ in range(self.repeats):
            self.work()


class Products(LowerBound):
    """The 11 matrix products of a step and nothing else."""

    def __init__(self, config: Config, *, device: str, input_dim: int = PIXELS) -> None:
        super().__init__(device)
        shapes = enumerate(products(config, input_dim))
        self.operands = [self._operands(which, *shape) for which, shape in shapes]

    def _operands(self, which: int, *shape: int) -> Tensors:
        arrays = numpy_variants.operands(which, *shape)
        a, b = (torch.as_tensor(array).to(self.device) for array in arrays)
        return a, b

    def work(self) -> None:
        """Do the products."""
        for a, b in self.operands:
            a @ b


class LargeProduct(Products):
    """One large square product."""

    def __init__(self, config: Config, *, device: str) -> None:
        LowerBound.__init__(self, device)
        self.operands = [self._operands(4, *(LARGE,) * 3)]


class InPlace(LowerBound):
    """a = a + b over as many numbers as there are parameters, by all threads: three moved each.

    In place, as Adam is: a processor that writes where it has not read reads there first, a fourth.
    """

    def __init__(self, config: Config, *, device: str, input_dim: int = PIXELS) -> None:
        super().__init__(device)
        shapes = [shape for of in layers(config, input_dim) for shape in of.parameters.values()]
        parameters = sum(torch.Size(shape).numel() for shape in shapes)
        self.a, self.b = (torch.zeros(parameters, device=self.device) for _ in range(2))

    def work(self) -> None:
        """Move the numbers."""
        self.a.add_(self.b)
