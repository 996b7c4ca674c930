"""The exercise 09, the network's backward; what is true is made of the table of kinds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from compare.check.bounds import Bounded
from compare.check.kinds import OPERATIONS
from compare.data.config import Config
from compare.errors import class_name, clipped, one_line
from compare.learn.tasks import Case, Operands, Task, alike
from compare.sides.interface import Array, Layer, Shape
from compare.sides.numpy_side import layers

SIZES = ((2, 4, 3, 2), (1, 3, 4, 2), (5, 3, 3, 3))  # rows, pixels, hidden, latent
QUARTERS = 4  # of which pixels are some
OTHERS = 100  # characters of a dict's other names that are told
Size = tuple[int, int, int, int]


def network_task() -> Task:
    """Return the task to put together the backward of the network."""
    params = tuple(parameters(SIZES[0]))
    return Task(
        "network_backward",
        tuple(reversed(params)),
        _cases,
        _defined,
        {name: _mistakes(name) for name in params},
        arguments=_nested,
        unpack=partial(by_name, "gradients", params),
        composed=True,
    )


def _defined(**operands: Any) -> dict[str, Bounded]:
    grads = gradients(operands)
    return alike(grads, grads.values())


def parameters(size: Size) -> dict[str, Shape]:
    """Return the shapes of all parameters by name, in the order of the layers."""
    return {
        f"{layer.name}.{name}": shape
        for layer in _layers(size)
        for name, shape in layer.parameters.items()
    }


def _layers(size: Size) -> tuple[Layer, ...]:
    _, pixels, hidden, latent = size
    return layers(Config(hidden_dim=hidden, latent_dim=latent), pixels)


CHAIN = [(layer.name, layer.kind) for layer in _layers(SIZES[0])]
OUTPUTS = ["input", *(name for name, _ in CHAIN)]  # what a cache has
BEFORE = dict(pairwise(reversed(OUTPUTS)))
LINEAR = {name for name, kind in CHAIN if kind == "Linear"}


def gradients(
    operands: Operands,
    *,
    without: str = "",
    swaps: str = "",
    masked: str = "",
    reads: tuple[str, str] = ("", ""),
) -> dict[str, Array]:
    """Return the gradient of every parameter.

    For a mistake, leave out one layer, swap its operands, mask its dx as a ReLU would, or have it
    read another's output.
    """
    dy, found = operands["dy"], Operands()
    for name, kind in reversed(CHAIN):
        read = BEFORE[name] if kind == "Linear" else name
        x_or_y = operands[f"cache/{reads[1] if reads[0] == name else read}"]
        if kind == "Linear":
            weight = operands[f"params/{name}.weight"]
            dx, dweight, dbias = OPERATIONS["Linear.backward"].define(dy, x_or_y, weight).values()
            found |= {f"{name}.weight": dweight.value, f"{name}.bias": dbias.value}
        else:
            both = (x_or_y, dy) if swaps == name else (dy, x_or_y)
            (dx,) = OPERATIONS[f"{kind}.backward"].define(*both).values()
        dy = dy if without == name else dx.value * (x_or_y > 0 if masked == name else 1)
    return found


def _mistakes(result: str) -> dict[str, Callable[..., Array | None]]:
    mistakes: dict[str, Callable[..., Array | None]] = {}

    def add(say: str, **change: Any) -> None:
        def make(**operands: Any) -> Array | None:
            try:
                return gradients(operands, **change).get(result)
            except ValueError:  # shapes that do not fit: the mistake cannot be made
                return None

        mistakes[say] = make

    for name, kind in CHAIN:
        if kind != "Linear":
            add(f"the backward of {name} is left out", without=name)
            add(f"dy and y of {name} are swapped", swaps=name)
        elif BEFORE[name] in LINEAR:
            before = BEFORE[name]
            add(f"it goes through a ReLU's backward after {before}, where none is", masked=name)
        for other in OUTPUTS:
            if other != (BEFORE[name] if kind == "Linear" else name):
                operand = "x" if kind == "Linear" else "y"
                add(f'cache["{other}"] is taken as the {operand} of {name}', reads=(name, other))
    return mistakes


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for dtype in ("float32", "float64"):
        for size in SIZES:
            operands = drawn(size, dtype, rng)
            cache = forward(operands, operands.pop("noisy"))
            del operands["clean"]
            cached: Operands = {f"cache/{name}": value for name, value in cache.items()}
            dy = rng.integers(-3, 4, size[:2]).astype(dtype)
            yield Case(dtype, {"dy": dy, **cached, **operands})


def drawn(size: Size, dtype: str, rng: np.random.Generator) -> Operands:
    """Return parameters and images of few digits: up to the sigmoid, all is exact.

    So no rounding takes a ReLU to the other side of its kink.
    """
    arrays = {
        f"params/{name}": rng.integers(-2, 3, shape) / 2 for name, shape in parameters(size).items()
    }
    for name in ("noisy", "clean"):
        arrays[name] = rng.integers(0, QUARTERS + 1, size[:2]) / QUARTERS
    return {name: value.astype(dtype) for name, value in arrays.items()}


def forward(operands: Operands, x: Array) -> dict[str, Array]:
    """Return every layer's output by name, and the input."""
    cache = {"input": x}
    for name, kind in CHAIN:
        weights = [operands[f"params/{name}.{of}"] for of in ("weight", "bias") if kind == "Linear"]
        (y,) = OPERATIONS[f"{kind}.forward"].define(cache[BEFORE[name]], *weights).values()
        cache[name] = y.value
    return cache


def _nested(operands: Operands) -> dict[str, Any]:
    """Return the arguments: operands "cache/fc1", "cache/relu1" are parts of one dict."""
    arguments: dict[str, Any] = {}
    for name, value in operands.items():
        of, _, part = name.partition("/")
        if part:
            arguments.setdefault(of, {})[part] = value
        else:
            arguments[of] = value
    return arguments


def by_name(what: str, names: Sequence[str], returned: Any) -> Mapping[str, Any]:
    """Return what stands under these names. Raises `TypeError` for no dict, or one without."""
    if not isinstance(returned, dict):
        raise TypeError(f"a {class_name(returned)} as {what}, where a dict is needed")
    if missing := [name for name in names if name not in returned]:
        others = one_line(", ".join(of for of in returned if of not in names and type(of) is str))
        has = f"; it has {clipped(others, OTHERS)}" if others else ""
        raise TypeError(f"{what} without {', '.join(missing)}{has}")
    return {name: returned[name] for name in names}
