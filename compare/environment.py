"""What a result depends on besides the config: versions, machine, BLAS and thread counts."""

import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

PACKAGES = ("ae-mirror", "numpy", "torch", "torchvision", "scikit-learn", "umap-learn", "safetensors")


def set_threads(count: int) -> None:
    """Give BLAS, OpenMP and torch this many threads, for the rest of the process and for its children."""
    threadpool_limits(count)
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(count)  # for libraries yet to be loaded
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


def blas_threads() -> int:
    """Return how many threads NumPy's BLAS works with."""
    return max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)


def keep_freed_memory() -> None:
    """Have glibc keep freed memory up to 64 MB, where it would hand it back after every step and fault it in again.

    glibc raises its thresholds to the largest block that it sees freed; other allocators take no notice.
    """
    np.empty(31 * 2**20, np.uint8)


def describe() -> dict[str, Any]:
    """Return versions, machine and thread pools as plain values for JSON."""
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "thread_pools": [
            {key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
            for pool in threadpool_info()
        ],
    }


def machine(environment: Mapping[str, Any]) -> str:
    """Say on one line what `describe` found: processor, BLAS with its kernel, versions."""
    pools = [pool for pool in environment["thread_pools"] if pool["internal_api"] in ("openblas", "mkl", "blis")]
    blas = ", ".join(f"{p['internal_api']} {p['version']} ({p['architecture']})" for p in pools[:1]) or "its own BLAS"
    packages = environment["packages"]
    return (
        f"{environment['cpu']}, {environment['cores']} cores, {environment['system']}; "
        f"NumPy {packages['numpy']} with {blas}; torch {packages['torch']}"
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # no Linux, or no x86
        return platform.processor()
