"""The variants of torch, eager and compiled; and its lower bounds."""

import math
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import torch

from compare.bench.numpy_variants import operands
from compare.bench.variants import Variant, products
from compare.data.batches import Batch
from compare.data.config import Config
from compare.errors import UserError
from compare.sides.numpy_side import layers
from compare.sides.torch_network import available_device
from compare.sides.torch_side import TorchSide
from compare.sides.torch_vae import TorchVae

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


class _OnDevice(Variant):
    def __init__(self, device: str, *, tf32: bool = False) -> None:
        self.device = available_device(device, "float32")
        self.at_once = 1 if device == "cpu" else AT_ONCE
        torch.backends.cuda.matmul.allow_tf32 = tf32

    def put(self, batch: Batch) -> Any:
        """Return the batch as tensors on the device."""
        more = (array for name, array in batch.items() if name not in ("input", "target"))
        arrays = (batch.noisy, batch.clean, *more)
        return tuple(torch.as_tensor(array, device=self.device) for array in arrays)

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

    capturable = False  # as a CUDA graph, which holds the optimizer: Adam counts on the device

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
        if self.capturable:
            require_cuda(device)
        super().__init__(device, tf32=tf32)
        if flush:  # subnormals become zero, in this thread and in those that it starts from here on
            torch.set_flush_denormal(True)
        self.config = config
        side = TorchVae if config.model == "vae" else TorchSide
        self.side: TorchSide = side(config, device=device)
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

        def variational(
            noisy: torch.Tensor, clean: torch.Tensor, noise: torch.Tensor
        ) -> torch.Tensor:
            cache: dict[str, torch.Tensor] = {}
            value: torch.Tensor = loss(model(noisy, noise, cache), clean)
            divergence: torch.Tensor = self.side.terms["kl"](cache["fc_mean"], cache["fc_logvar"])
            return value + config.beta * divergence

        step_of: Callable[..., torch.Tensor] = variational if config.model == "vae" else forward
        compiling = partial(torch.compile, dynamic=False)  # for these very sizes, as in a training
        if compiled:  # torch counts over all of a process, and from the ninth on compiles none
            torch.compiler.reset()
        self._forward = compiling(step_of) if "network" in compiled else step_of
        step = self.optimizer.step
        self._update = compiling(step) if "optimizer" in compiled else step
        self.update = None if self.capturable else self._update  # on the last gradients

    def train(self, *batch: torch.Tensor) -> None:
        """Take one training step, as Python tells it."""
        self.optimizer.zero_grad()
        torch.autograd.backward(self._forward(*batch))
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


class LowerBound(_OnDevice):
    """What no step can be faster than."""

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self.on_cuda = device == "cuda"

    def repeat(self, work: Callable[[], object], times: int = AT_ONCE) -> None:
        """Have `step` do this work: on CUDA by a graph of it, so many times.

        To launch a kernel takes longer than a small one runs.
        """
        self.work = work
        if self.on_cuda:
            self.repeats, self.at_once = times, AT_ONCE // times
            self.work = captured(lambda: [work() for _ in range(times)]).replay

    def step(self, batch: Any) -> None:
        """Do the work, whatever the batch."""
        self.work()


class Products(LowerBound):
    """The 11 matrix products of a step and nothing else, or a large one."""

    def __init__(self, config: Config, *, device: str, large: bool = False) -> None:
        super().__init__(device)
        pairs = [
            [torch.as_tensor(factor, device=self.device) for factor in pair]
            for pair in operands(config, large=large)
        ]

        def multiply() -> None:
            for a, b in pairs:
                a @ b

        self.repeat(multiply)


class InPlace(LowerBound):
    """a = a + b over as many numbers as there are parameters, by all threads: three moved each.

    In place, as Adam is: a processor that writes where it has not read reads there first, a fourth.
    """

    def __init__(self, config: Config, *, device: str) -> None:
        super().__init__(device)
        shapes = (shape for layer in layers(config) for shape in layer.parameters.values())
        parameters = sum(map(math.prod, shapes))
        self.a, self.b = (torch.zeros(parameters, device=self.device) for _ in range(2))
        self.repeat(lambda: self.a.add_(self.b))


class Launches(LowerBound):
    """As many kernels with next to nothing to do as no step goes without: products, and Adam's."""

    def __init__(self, config: Config, *, device: str) -> None:
        require_cuda(device)
        super().__init__(device)
        self.number = torch.zeros((), device=self.device)
        kernels = len(products(config)) + 1
        # One launch of the graph belongs to each time.
        self.repeat(lambda: [self.number.add_(1) for _ in range(kernels)], times=1)
