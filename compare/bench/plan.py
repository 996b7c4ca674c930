"""What a benchmark measures: which variants in which settings, in what order."""

from collections.abc import Iterator
from dataclasses import replace

from compare.bench.rounds import Part, Plan
from compare.bench.variants import LOWER_BOUNDS, TRAININGS, VARIANTS
from compare.data.config import Config

QUICK = Plan(rounds=6, seconds=0.15)
FULL = Plan(rounds=20, seconds=0.2, fresh=True)
SWEEP = Plan(rounds=8, seconds=0.2)
CORE = ("numpy", "numpy-again", "torch", "torch-fused")
SWEPT = ("numpy", "torch", "torch-fused")
SIZES = {
    "batch_size": (1, 8, 32, 512, 2048, 8192),
    "hidden_dim": (50, 100, 200, 800, 1600, 3200),
    "latent_dim": (2, 32, 128, 400),
}


def parts(config: Config, *, quick: bool, threads: tuple[int, ...], device: str) -> Iterator[Part]:
    """Yield what is measured: the core first, then the batch sizes, then the widths."""

    def in_core(name: str) -> bool:
        devices = VARIANTS[name].devices
        if name in LOWER_BOUNDS:
            if config.model == "vae":  # of another network's products
                return False
            return device in devices or "cpu" in devices
        return not quick or name in CORE or (device != "cpu" and device in devices)

    core = tuple(filter(in_core, VARIANTS))
    for count in threads:
        yield Part(core, config, count, device, QUICK if quick else FULL)
    if quick:
        return
    graphs = ("torch-graph", "torch-graph-compiled") if device == "cuda" else ()
    for name, sizes in SIZES.items():
        for count in threads if name == "batch_size" else threads[-1:]:
            for size in sizes:
                changed = replace(config, **{name: size})  # type: ignore[arg-type]
                yield Part((*SWEPT, *graphs), changed, count, device, SWEEP)


def whole_trainings(device: str) -> list[str]:
    """Return the trainings of a benchmark of this device: NumPy's, and those that run there."""
    return [name for name, spec in TRAININGS.items() if name == "numpy" or device in spec.devices]
