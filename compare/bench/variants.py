"""The lanes: every way to take the same training step, and the floors below which none can go.

A lane is made in a process of its own, and only there is its library imported.
"""

from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, cast

from compare.data.batches import Batch
from compare.data.config import Config
from compare.errors import UserError, told
from compare.sides.interface import Array, State


class Lane(Protocol):
    """What the clock needs of a lane. Batches are put where the step reads them before the clock runs."""

    at_once: int  # steps between two looks at the clock: many on a GPU, where looking means waiting for it
    repeats: int  # of the work in one step: a floor's graph holds many, or launching it would take longer than they do

    def put(self, batch: Batch) -> Any:
        """Return the batch as `step` wants it."""

    def step(self, batch: Any) -> None:
        """Take one training step."""

    def wait(self) -> None:
        """Return when all steps taken are done."""


class Network(Lane, Protocol):
    """A lane that trains our network: it can be judged, and its optimizer be timed alone."""

    def state(self) -> State:
        """Return parameters, moments and step."""

    def reset(self) -> None:
        """Go back to the start of training. Every slice of time begins there.

        A network that trains on a few batches for long has weights whose gradients are zero, whose
        first moments fade into subnormal numbers, which processors are slow with.
        """

    update: Callable[[], Any] | None  # one step of the optimizer alone

    def reconstruct(self, x: Array) -> Array:
        """Map images to images."""


class Spec(NamedTuple):
    """A lane by name: what readers call it, who makes it ("module:class"), with what, and where it can run."""

    label: str
    maker: str
    options: Mapping[str, Any] = MappingProxyType({})
    dtype: str = "float32"
    devices: tuple[str, ...] = ("cpu",)
    judged: bool = True  # against the oracle, before it is timed
    float32_correction: bool = (
        False  # its Adam corrects the bias in float32, and is judged as one that does
    )
    bare: bool = False  # its process is left as it comes: see `worker.start`

    @property
    def library(self) -> str:
        """The module that makes it, and so what is imported for it: "numpy_variants", "torch_variants" or another."""
        return self.maker.partition(":")[0]

    @property
    def ours(self) -> bool:
        """Whether it is `numpy_ae`: it lacks nothing that a machine may not have, so it has to run."""
        return self.judged and self.library == "numpy_variants"

    @property
    def like_the_floors(self) -> bool:
        """Whether its arithmetic is that of the floors: IEEE's float32."""
        return self.dtype == "float32" and not self.options.get("tf32")

    def place(self, device: str) -> str:
        """Return where it runs in a benchmark of `device`: there, if it can."""
        return device if device in self.devices else "cpu"

    def named(self, device: str) -> str:
        """Return its label, with its place where that is another than the benchmark's."""
        return self.label if self.place(device) == device else f"{self.label}, on the CPU"

    def make(self, config: Config, device: str) -> Any:
        """Return the lane. Raises `UserError` with the reason where it cannot run here."""
        return self.find_maker()(config, device=device, **self.options)

    def find_maker(self) -> Callable[..., Any]:
        """Import what makes the lane, and return it. Raises `UserError` where that is absent or broken."""
        try:
            return cast(Callable[..., Any], resolve_name(f"compare.bench.{self.maker}"))
        except ModuleNotFoundError as error:
            raise UserError(f"{error.name} is not installed") from error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an installation that is broken raises anything
            raise UserError(f"what it needs cannot be imported: it {told(error)}") from error


ANY = ("cpu", "cuda", "mps")
COMPILED = {"compiled": ("network", "optimizer")}
LANES: dict[str, Spec] = {
    "numpy": Spec("NumPy", "numpy_variants:NumpyLane"),
    "numpy-again": Spec("NumPy once more (A/A)", "numpy_variants:NumpyLane"),  # its ratio has to be 1
    "numpy-bare": Spec("NumPy, nothing set for it", "numpy_variants:NumpyLane", bare=True),
    "numpy-float64": Spec("NumPy, float64", "numpy_variants:NumpyLane", dtype="float64"),
    "torch": Spec("torch eager, default Adam", "torch_variants:TorchLane", devices=ANY),
    "torch-fused": Spec("torch eager, fused Adam", "torch_variants:TorchLane", {"fused": True}, devices=ANY),
    "torch-network": Spec(
        "torch.compile, network", "torch_variants:TorchLane", {"fused": True, "compiled": ("network",)},
        devices=("cpu", "cuda"),
    ),
    "torch-step": Spec(
        "torch.compile, network and Adam", "torch_variants:TorchLane", COMPILED, devices=("cpu", "cuda"),
        float32_correction=True,
    ),
    "torch-graph": Spec("CUDA graph, fused Adam", "graphs:GraphLane", {"fused": True}, devices=("cuda",)),
    "torch-graph-compiled": Spec(
        "CUDA graph, compiled", "graphs:GraphLane", COMPILED, devices=("cuda",), float32_correction=True
    ),
    "torch-graph-tf32": Spec(
        "CUDA graph, compiled, TF32", "graphs:GraphLane", {"tf32": True, **COMPILED}, devices=("cuda",), judged=False
    ),
    "sklearn": Spec("scikit-learn MLPRegressor", "numpy_variants:SklearnLane", judged=False),
    "products-numpy": Spec("the 11 products, NumPy's BLAS", "numpy_variants:Products", judged=False),
    "products-torch": Spec("the 11 products, torch", "torch_variants:Products", judged=False, devices=ANY),
    "in-place": Spec("a + b → a as long as all parameters", "torch_variants:InPlace", judged=False, devices=ANY),
    "peak-numpy": Spec("a large product, NumPy's BLAS", "numpy_variants:LargeProduct", judged=False),
    "peak-torch": Spec("a large product, torch", "torch_variants:LargeProduct", judged=False, devices=ANY),
    "launches": Spec("a graph of 12 empty kernels", "graphs:Launches", judged=False, devices=("cuda",)),
}  # fmt: skip
LARGE = 2048  # rows and columns of the product that shows what the machine can do
PIXELS = 784  # of an image
FLOORS = ("products-numpy", "products-torch", "in-place", "peak-numpy", "peak-torch", "launches")


def products(batch: int, inputs: int, hidden: int, latent: int) -> list[tuple[int, int, int]]:
    """Return the matrix products of one step, as (rows, inner, columns): 4 forward, 4 and 3 backward."""
    layers = [(inputs, hidden), (hidden, latent), (latent, hidden), (hidden, inputs)]
    forward = [(batch, n_in, n_out) for n_in, n_out in layers]
    weights = [(n_out, batch, n_in) for n_in, n_out in layers]
    inputs_ = [
        (batch, n_out, n_in) for n_in, n_out in layers[1:]
    ]  # nobody asks for the gradient of the images
    return forward + weights + inputs_


def flops(batch: int, inputs: int, hidden: int, latent: int) -> int:
    """Return the floating-point operations of those products, a multiplication and an addition each."""
    return sum(2 * a * b * c for a, b, c in products(batch, inputs, hidden, latent))
