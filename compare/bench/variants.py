"""The variants: every way to take the same training step, and the lower bounds of its time.

A variant is made in a process of its own, and only there is its library imported.
"""

from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, cast

from compare.data.batches import Batch
from compare.data.config import Config
from compare.errors import UserError, told
from compare.sides.interface import Array, State
from compare.sides.numpy_side import layers


class Variant(Protocol):
    """What the clock needs of a variant. Batches are put where the step reads them beforehand."""

    at_once: int  # steps between two looks at the clock: many on a GPU, where looking means waiting
    repeats: int  # of the work in one step: a lower bound's graph holds many, as launching is slow

    def put(self, batch: Batch) -> Any:
        """Return the batch as `step` wants it."""

    def step(self, batch: Any) -> None:
        """Take one training step."""

    def wait(self) -> None:
        """Return when all steps taken are done."""


class Network(Variant, Protocol):
    """A variant that trains our network: it can be judged, and its optimizer be timed alone."""

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
    """A variant by name: its label, who makes it ("module:class"), with what, where it can run."""

    label: str
    maker: str
    options: Mapping[str, Any] = MappingProxyType({})
    dtype: str = "float32"
    devices: tuple[str, ...] = ("cpu",)
    judged: bool = True  # by the definitions, before it is timed
    float32_correction: bool = False  # its Adam corrects the bias in float32, and is judged so
    bare: bool = False  # its process is left as it comes: see `worker.start`

    @property
    def library(self) -> str:
        """The module that makes it, and so what is imported for it: "numpy_variants", …."""
        return self.maker.partition(":")[0]

    @property
    def ours(self) -> bool:
        """Whether it is `numpy_ae`: it lacks nothing on any machine, so it has to run."""
        return self.judged and self.library == "numpy_variants"

    @property
    def like_the_bounds(self) -> bool:
        """Whether its arithmetic is that of the lower bounds: IEEE's float32."""
        return self.dtype == "float32" and not self.options.get("tf32")

    def place(self, device: str) -> str:
        """Return where it runs in a benchmark of `device`: there, if it can."""
        return device if device in self.devices else "cpu"

    def named(self, device: str) -> str:
        """Return its label, with its place where that is another than the benchmark's."""
        return self.label + ("" if self.place(device) == device else ", on the CPU")

    def make(self, config: Config, device: str) -> Any:
        """Return the variant. Raises `UserError` with the reason where it cannot run here."""
        return self.find_maker()(config, device=device, **self.options)

    def find_maker(self) -> Callable[..., Any]:
        """Import and return what makes it. Raises `UserError` where that is absent or broken."""
        try:
            return cast(Callable[..., Any], resolve_name(f"compare.bench.{self.maker}"))
        except ModuleNotFoundError as error:
            raise UserError(f"{error.name} is not installed") from error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an installation that is broken raises anything
            raise UserError(f"what it needs cannot be imported: it {told(error)}") from error


ANY, COMPILERS, CUDA = ("cpu", "cuda", "mps"), ("cpu", "cuda"), ("cuda",)
FUSED, COMPILED = {"fused": True}, {"compiled": ("network", "optimizer")}
NUMPY, TORCH = "numpy_variants:NumpyVariant", "torch_variants:TorchVariant"
GRAPH = "graphs:GraphVariant"
VARIANTS: dict[str, Spec] = {
    "numpy": Spec("NumPy", NUMPY),
    "numpy-again": Spec("NumPy once more (A/A)", NUMPY),  # its ratio has to be 1
    "numpy-bare": Spec("NumPy, nothing set for it", NUMPY, bare=True),
    "numpy-float64": Spec("NumPy, float64", NUMPY, dtype="float64"),
    "torch": Spec("torch eager, default Adam", TORCH, devices=ANY),
    "torch-fused": Spec("torch eager, fused Adam", TORCH, FUSED, devices=ANY),
    "torch-network": Spec(
        "torch.compile, network", TORCH, {**FUSED, "compiled": ("network",)}, devices=COMPILERS
    ),
    "torch-step": Spec(
        "torch.compile, network and Adam",
        TORCH,
        COMPILED,
        devices=COMPILERS,
        float32_correction=True,
    ),
    "torch-graph": Spec("CUDA graph, fused Adam", GRAPH, FUSED, devices=CUDA),
    "torch-graph-compiled": Spec(
        "CUDA graph, compiled", GRAPH, COMPILED, devices=CUDA, float32_correction=True
    ),
    "torch-graph-tf32": Spec(
        "CUDA graph, compiled, TF32", GRAPH, {"tf32": True, **COMPILED}, devices=CUDA, judged=False
    ),
    "sklearn": Spec("scikit-learn MLPRegressor", "numpy_variants:SklearnVariant", judged=False),
}
LOWER_BOUNDS: dict[str, Spec] = {
    name: Spec(label, maker, judged=False, devices=devices)
    for name, label, maker, devices in (
        ("products-numpy", "the 11 products, NumPy's BLAS", "numpy_variants:Products", ("cpu",)),
        ("products-torch", "the 11 products, torch", "torch_variants:Products", ANY),
        ("in-place", "a + b → a as long as all parameters", "torch_variants:InPlace", ANY),
        (
            "peak-numpy",
            "a large product, NumPy's BLAS",
            "numpy_variants:LargeProduct",
            ("cpu",),
        ),
        ("peak-torch", "a large product, torch", "torch_variants:LargeProduct", ANY),
        ("launches", "a graph of 12 empty kernels", "graphs:Launches", CUDA),
    )
}
VARIANTS |= LOWER_BOUNDS
LARGE = 2048  # rows and columns of the product that shows what the machine can do
PIXELS = 784  # of an image


def products(config: Config, inputs: int = PIXELS) -> list[tuple[int, int, int]]:
    """Return the products of one step, as (rows, inner, columns): 4 forward, 4 and 3 backward."""
    n = config.batch_size
    widths = [
        (layer.in_features, layer.out_features)
        for layer in layers(config, inputs)
        if layer.kind == "Linear"
    ]
    return [
        *((n, n_in, n_out) for n_in, n_out in widths),
        *((n_out, n, n_in) for n_in, n_out in widths),
        *((n, n_out, n_in) for n_in, n_out in widths[1:]),  # nobody asks for the images' gradient
    ]


def flops(config: Config) -> int:
    """Return the floating-point operations of those products: multiplications and additions."""
    return sum(2 * a * b * c for a, b, c in products(config))
