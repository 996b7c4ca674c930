"""The variants: every way to take the same training step, and the lower bounds of its time.

A variant is made in a process of its own, and only there is its library imported.
"""

from collections.abc import Callable, Iterable, Mapping
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Any, NamedTuple

from compare.data.batches import Batch, Images, ahead, epoch_batches
from compare.data.config import Config
from compare.errors import UserError, told
from compare.sides.interface import Side
from compare.sides.numpy_side import layers


class Variant:
    """What is timed. Batches are put where the step reads them before the clock runs."""

    at_once = 1  # steps between two looks at the clock: many on a GPU, where looking means waiting
    repeats = 1  # of the work in one step: a lower bound's graph holds many, as launching is slow
    update: Callable[[], Any] | None = None  # one step of the optimizer alone, where it can be had
    side: Side  # of a variant that trains our network: by its state the first step is judged
    config: Config

    def put(self, batch: Batch) -> Any:
        """Return the batch as `step` wants it."""
        return batch

    def step(self, batch: Any) -> None:
        """Take one training step."""
        raise NotImplementedError

    def wait(self) -> None:
        """Return when all steps taken are done."""

    def reset(self) -> None:
        """Go back to the start of training. Every slice of time begins there.

        A network that trains on a few batches for long has weights whose gradients are zero, whose
        first moments fade into subnormal numbers, which processors are slow with.
        """

    def load(self, images: Images) -> None:
        """Take the images of a whole training."""
        self.images = images

    def batches(self, epoch: int) -> Iterable[Any]:
        """Yield the batches of one epoch of a whole training, as `step` wants them."""
        return map(self.put, ahead(epoch_batches(self.config, self.images, epoch)))


class Spec(NamedTuple):
    """A variant by name: its label, who makes it ("module:class"), with what, where it can run."""

    label: str
    maker: str
    options: Mapping[str, Any] = MappingProxyType({})
    dtype: str = "float32"
    devices: tuple[str, ...] = ("cpu",)
    judged: bool = True  # by the definitions, before it is timed
    bare: bool = False  # its process is left as it comes: see `worker.start`

    @property
    def library(self) -> str:
        """The module that makes it, and so what is imported for it: "numpy_variants", …."""
        return self.maker.partition(":")[0]

    @property
    def ours(self) -> bool:
        """Whether it is `numpy_ae`: it lacks nothing on any machine, so it has to run."""
        return self.maker == NUMPY

    @property
    def float32_correction(self) -> bool:
        """Whether its Adam corrects the bias in float32, as a compiled one does."""
        return "optimizer" in self.options.get("compiled", ())

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

    def make(self, config: Config, device: str) -> Variant:
        """Return the variant. Raises `UserError` with the reason where it cannot run here."""
        return self.find_maker()(config, device=device, **self.options)

    def find_maker(self) -> Callable[..., Variant]:
        """Import and return what makes it. Raises `UserError` where that is absent or broken."""
        try:
            maker: Callable[..., Variant] = resolve_name(f"compare.bench.{self.maker}")
            return maker
        except ModuleNotFoundError as error:
            raise UserError(f"{error.name} is not installed") from error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an installation that is broken raises anything
            raise UserError(f"what it needs cannot be imported: it {told(error)}") from error


CPU, CUDA, COMPILERS, ANY = ("cpu",), ("cuda",), ("cpu", "cuda"), ("cpu", "cuda", "mps")
FUSED, COMPILED = {"fused": True}, {"compiled": ("network", "optimizer")}
NETWORK, TF32 = {**FUSED, "compiled": ("network",)}, {**COMPILED, "tf32": True}
NUMPY, TORCH = "numpy_variants:NumpyVariant", "torch_variants:TorchVariant"
GRAPH, DEVICE = "graphs:GraphVariant", "graphs:DeviceVariant"
PRODUCTS = "numpy_variants:Products", "torch_variants:Products"
LOWER_BOUNDS = {
    name: Spec(label, maker, options, devices=devices, judged=False)
    for name, label, maker, options, devices in (
        ("products-numpy", "the 11 products, NumPy's BLAS", PRODUCTS[0], {}, CPU),
        ("products-torch", "the 11 products, torch", PRODUCTS[1], {}, ANY),
        ("in-place", "a + b → a as long as all parameters", "torch_variants:InPlace", {}, ANY),
        ("peak-numpy", "a large product, NumPy's BLAS", PRODUCTS[0], {"large": True}, CPU),
        ("peak-torch", "a large product, torch", PRODUCTS[1], {"large": True}, ANY),
        ("launches", "a graph of 12 empty kernels", "torch_variants:Launches", {}, CUDA),
    )
}
VARIANTS = {
    "numpy": Spec("NumPy", NUMPY),
    "numpy-again": Spec("NumPy once more (A/A)", NUMPY),  # its ratio has to be 1
    "torch": Spec("torch eager, default Adam", TORCH, devices=ANY),
    "torch-fused": Spec("torch eager, fused Adam", TORCH, FUSED, devices=ANY),
    "numpy-bare": Spec("NumPy, nothing set for it", NUMPY, bare=True),
    "numpy-float64": Spec("NumPy, float64", NUMPY, dtype="float64"),
    "torch-network": Spec("torch.compile, network", TORCH, NETWORK, devices=COMPILERS),
    "torch-step": Spec("torch.compile, network and Adam", TORCH, COMPILED, devices=COMPILERS),
    "torch-graph": Spec("CUDA graph, fused Adam", GRAPH, FUSED, devices=CUDA),
    "torch-graph-compiled": Spec("CUDA graph, compiled", GRAPH, COMPILED, devices=CUDA),
    "torch-graph-tf32": Spec("CUDA graph, compiled, TF32", GRAPH, TF32, devices=CUDA, judged=False),
    "sklearn": Spec("scikit-learn MLPRegressor", "numpy_variants:SklearnVariant", judged=False),
    **LOWER_BOUNDS,
}
TRAININGS = {
    **{name: VARIANTS[name] for name in ("numpy", "torch", "torch-fused")},
    "torch-flushed": Spec(
        "torch eager, fused Adam, subnormals flushed", TORCH, {**FUSED, "flush": True}
    ),
    "article": Spec("the article's loop", "article:ArticleLoop", devices=ANY),
    "device": Spec("CUDA graph, data and noise on the GPU", DEVICE, FUSED, devices=CUDA),
    "device-compiled": Spec(
        "CUDA graph, compiled, data and noise on the GPU", DEVICE, COMPILED, devices=CUDA
    ),
}
SPECS = {**VARIANTS, **TRAININGS}
LARGE = 2048  # rows and columns of the product that shows what the machine can do


class Product(NamedTuple):
    """A matrix product: its sizes, and whether a factor is transposed, by columns in memory."""

    rows: int
    inner: int
    columns: int
    left: bool = False
    right: bool = False


def products(config: Config) -> list[Product]:
    """Return the products of one step: 4 forward, then 4 and 3 backward."""
    n = config.batch_size
    linear = [layer for layer in layers(config) if layer.kind == "Linear"]
    widths = [(layer.in_features, layer.out_features) for layer in linear]
    return [
        *(Product(n, n_in, n_out, right=True) for n_in, n_out in widths),  # x Wᵀ
        *(Product(n_out, n, n_in, left=True) for n_in, n_out in widths),  # dyᵀ x
        *(Product(n, n_out, n_in) for n_in, n_out in widths[1:]),  # dy W, not for images
    ]


def flops(config: Config) -> int:
    """Return the floating-point operations of those products: multiplications and additions."""
    return sum(2 * p.rows * p.inner * p.columns for p in products(config))
