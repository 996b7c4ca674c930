"""What a result depends on besides the config: versions, machine, BLAS and thread counts."""

import ctypes
import os
import platform
import re
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

PACKAGES = (
    "ae-mirror",
    "numpy",
    "torch",
    "torchvision",
    "scikit-learn",
    "umap-learn",
    "safetensors",
)
LIBRARIES = (  # what the environment sets for them begins so
    *("OPENBLAS_", "MKL_", "OMP_", "KMP_", "GOMP_", "ATEN_"),
    *("TORCH_", "PYTORCH_", "CUBLAS_", "CUDA_", "NVIDIA_"),
)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
MOST_THREADS = 1024  # that a file may ask for
_at_once = False


def set_threads(count: int, torch: int | None = None) -> None:
    """Give BLAS, OpenMP and torch this many threads, here and in processes started from here on.

    torch has a count of its own where one is given.
    """
    threadpool_limits(count)
    # For what is loaded later.
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(torch or count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(torch or count)


def set_up(threads: int | None) -> None:
    """Prepare this process for work: freed memory is kept, and threads are those asked for."""
    keep_freed_memory()
    if threads is not None:
        set_threads(threads)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def most_threads() -> int:
    """Return how many threads NumPy's BLAS can use: at most the cores, or what it was built for."""
    with threadpool_limits(cores()):
        return blas_threads()


def blas_threads() -> int:
    """Return how many threads NumPy's BLAS works with."""
    pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max(pools, default=1)


def threads() -> dict[str, int | None]:
    """Return how many threads BLAS and torch work with; None for a torch that is not loaded."""
    torch = sys.modules.get("torch")
    return {"blas": blas_threads(), "torch": torch.get_num_threads() if torch else None}


def go_on_from(earlier: Mapping[str, Any], count: int | None) -> list[str]:
    """Work with the threads of an `earlier` environment, or with `count`; say what differs.

    Sums have another order, and so other last bits, under other threads, versions or processors.
    """
    then = earlier.get("threads")
    blas, torch = map(then.get, ("blas", "torch")) if isinstance(then, dict) else (None, None)
    if count is None and _is_count(blas) and (torch is None or _is_count(torch)):
        set_threads(blas, torch)
    now = describe()
    pairs = [(key, earlier.get(key), now[key]) for key in ("cpu", "system", "python")]
    pairs.append(("kernels of BLAS", _kernels(earlier), _kernels(now)))
    if count is not None and blas is not None:
        pairs.append(("threads", blas, count))
    packages = earlier.get("packages")
    if isinstance(packages, dict):
        pairs += [(name, packages.get(name), now["packages"][name]) for name in ("numpy", "torch")]
    return [f"{key} {old} then, {new} now" for key, old, new in pairs if old != new]


def keep_freed_memory() -> None:
    """Have glibc keep freed memory, which it would hand back and fault in again at every step.

    That takes up to two fifths of a step; other allocators have no such call, and are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, 32 * 2**20)  # its largest: smaller blocks come from the heap
        mallopt(M_TRIM_THRESHOLD, 512 * 2**20)  # so much may lie free at the heap's end


@contextmanager
def unset(name: str) -> Iterator[None]:
    """Leave a variable out of the environment of what is started in the meantime."""
    value = os.environ.pop(name, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[name] = value


def describe() -> dict[str, Any]:
    """Return versions, machine and thread pools, NumPy's BLAS first, as plain values for JSON."""
    numpys = str(Path(np.__file__).parent)  # wheels keep libraries in …/numpy/ or …/numpy.libs/
    pools = sorted(
        threadpool_info(),
        key=lambda pool: (not pool["filepath"].startswith(numpys), pool["filepath"]),
    )
    told = ("internal_api", "version", "architecture", "num_threads")
    set_here = sorted(item for item in os.environ.items() if item[0].startswith(LIBRARIES))
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": cores(),
        "threads": threads(),
        "thread_pools": [{key: pool.get(key) for key in told} for pool in pools],
        **_torch(),
        "settings": dict(set_here),
    }


def machine(environment: Mapping[str, Any]) -> str:
    """Say on one line what `describe` found: processor, BLAS with its kernel, versions."""
    chosen = environment.get("settings", {}).get("OPENBLAS_CORETYPE")
    by_hand = ", as OPENBLAS_CORETYPE has it" if chosen else ""
    named = [
        f"{pool['internal_api']} {pool['version']} ({pool['architecture']}{by_hand})"
        for pool in environment["thread_pools"]
        if pool["internal_api"] in ("openblas", "mkl", "blis")
    ]
    blas = named[0] if named else "its own BLAS"
    packages = environment["packages"]
    torch_with = f" with {found}" if (found := environment.get("torch_works_with")) else ""
    gpu = f"; {found}" if (found := environment.get("gpu")) else ""
    return (
        f"{environment['cpu']}, {environment['cores']} cores, {environment['system']}; "
        f"NumPy {packages['numpy']} with {blas}; torch {packages['torch']}{torch_with}{gpu}"
    )


def project() -> str:
    """Return this project's name and version."""
    return f"ae-mirror {_version('ae-mirror') or 'of unknown version'}"


def settings(environment: Mapping[str, Any]) -> str:
    """Say on one line an environment's version, what was set for its libraries, and its load."""
    found = [f"{name}={value}" for name, value in environment.get("settings", {}).items()]
    load = environment.get("load")
    busy = [] if load is None else [f"load {load:.1f} when it began"]
    version = environment["packages"].get("ae-mirror") or "of unknown version"
    return ", ".join([f"ae-mirror {version}", *found, *busy])


def _kernels(environment: Mapping[str, Any]) -> str:
    pools = environment.get("thread_pools")
    found = [pool for pool in pools if isinstance(pool, dict)] if isinstance(pools, list) else []
    return ", ".join(sorted({str(name) for pool in found if (name := pool.get("architecture"))}))


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 1 <= value <= MOST_THREADS


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _torch() -> dict[str, str | None]:
    """Return torch's BLAS with its kernels' vector instructions, and its GPU, where it is loaded.

    No list of thread pools shows them.
    """
    if not (torch := sys.modules.get("torch")):
        return {"torch_works_with": None, "gpu": None}
    mkl = re.search(r"Math Kernel Library Version (\S+?)-", torch.__config__.show())
    blas = f"mkl {mkl[1]}" if mkl else "another BLAS"
    with_gpu = torch.cuda.is_available()
    return {
        "torch_works_with": f"{blas} ({torch.backends.cpu.get_cpu_capability()})",
        "gpu": f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}" if with_gpu else None,
    }


def _cpu_name() -> str:
    """Return the processor's name, with family and model, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        lines = []
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    about = {key.strip(): value.strip() for key, value in pairs}
    if "model name" not in about:  # no x86
        return platform.processor() or platform.machine()
    return f"{about['model name']} (family {about.get('cpu family')}, model {about.get('model')})"


@contextmanager
def held_back() -> Iterator[None]:
    """Have an interrupt wait for the end of the block; a process started in it, for good."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_at_once() -> None:
    """Have `end` leave out what libraries do last: torch's engine of workers may abort in it."""
    global _at_once
    _at_once = True


def end(code: int) -> NoReturn:
    """End this process with an exit code that tells the truth, all that was printed written."""
    if _at_once:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)


def end_with_the_parent() -> None:
    """Have an interrupt, or the parent's end, end this process, which was started `held_back`.

    The parent says what there is to say.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    threading.Thread(target=_wait_for_its_end, daemon=True).start()


def _wait_for_its_end() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)
