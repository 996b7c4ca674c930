"""The exercises 09 and 12: the network's backward, and a step of training.

What is true is made of the tables of kinds and of optimizers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from compare.check.bounds import Bounded
from compare.check.kinds import LOSS, OPERATIONS
from compare.data.config import Config
from compare.errors import class_name
from compare.learn.adam_task import RATES, SOME_RATES, adam
from compare.learn.tasks import Case, Operands, Task, expect_tuple
from compare.sides.interface import Array, Layer
from compare.sides.numpy_side import layers

SIZES = ((2, 4, 3, 2), (1, 3, 4, 2), (5, 3, 3, 3))  # rows, pixels, hidden, latent
QUARTERS = 4  # of which pixels are some
Size = tuple[int, int, int, int]


def network_task() -> Task:
    """Return the task to put together the backward of the network."""
    params = tuple(_parameters(SIZES[0]))
    return Task(
        "network_backward",
        tuple(reversed(params)),
        _network_cases,
        lambda **operands: {
            name: Bounded(grad, np.full(grad.shape, np.abs(grad).max()), 0)
            for name, grad in _gradients(operands).items()
        },
        {name: _network_mistakes(name) for name in params},
        arguments=_nested,
        unpack=partial(_by_name, "gradients", params),
        composed=True,
    )


def _parameters(size: Size) -> dict[str, tuple[int, ...]]:
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


def _gradients(
    operands: Operands, *, without: str = "", swaps: str = "", reads: tuple[str, str] = ("", "")
) -> dict[str, Array]:
    """Return the gradient of every parameter.

    For a mistake, leave out one layer, swap its operands, or have it read another's output.
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
        dy = dy if without == name else dx.value
    return found


def _network_mistakes(result: str) -> dict[str, Callable[..., Array | None]]:
    mistakes: dict[str, Callable[..., Array | None]] = {}

    def add(say: str, **change: Any) -> None:
        def make(**operands: Any) -> Array | None:
            try:
                return _gradients(operands, **change).get(result)
            except ValueError:  # shapes that do not fit: the mistake cannot be made
                return None

        mistakes[say] = make

    for name, kind in CHAIN:
        if kind != "Linear":
            add(f"the backward of {name} is left out", without=name)
            add(f"dy and y of {name} are swapped", swaps=name)
        for other in OUTPUTS:
            if other != (BEFORE[name] if kind == "Linear" else name):
                operand = "x" if kind == "Linear" else "y"
                add(f'the {operand} of {name} is cache["{other}"]', reads=(name, other))
    return mistakes


def _network_cases(rng: np.random.Generator) -> Iterator[Case]:
    for dtype in ("float32", "float64"):
        for size in SIZES:
            operands = _drawn(size, dtype, rng)
            cache = _forward(operands, operands.pop("noisy"))
            del operands["clean"]
            cached: Operands = {f"cache/{name}": value for name, value in cache.items()}
            dy = rng.integers(-3, 4, size[:2]).astype(dtype)
            yield Case(dtype, {"dy": dy, **cached, **operands})


def _drawn(size: Size, dtype: str, rng: np.random.Generator) -> Operands:
    """Return parameters and images of few digits: up to the sigmoid, all is exact.

    So no rounding takes a ReLU to the other side of its kink.
    """
    arrays = {
        f"params/{name}": rng.integers(-2, 3, shape) / 2
        for name, shape in _parameters(size).items()
    }
    for name in ("noisy", "clean"):
        arrays[name] = rng.integers(0, QUARTERS + 1, size[:2]) / QUARTERS
    return {name: value.astype(dtype) for name, value in arrays.items()}


def _forward(operands: Operands, x: Array) -> dict[str, Array]:
    """Return every layer's output by name, and the input."""
    cache = {"input": x}
    for name, kind in CHAIN:
        weights = [operands[f"params/{name}.{of}"] for of in ("weight", "bias") if kind == "Linear"]
        (y,) = OPERATIONS[f"{kind}.forward"].define(cache[BEFORE[name]], *weights).values()
        cache[name] = y.value
    return cache


def _nested(operands: Operands) -> list[Any]:
    """Return the arguments: operands "cache/fc1", "cache/relu1" are parts of one dict."""
    arguments: dict[str, Any] = {}
    for name, value in operands.items():
        of, _, part = name.partition("/")
        if part:
            arguments.setdefault(of, {})[part] = value
        else:
            arguments[of] = value
    return list(arguments.values())


def _by_name(what: str, names: Sequence[str], returned: Any) -> Mapping[str, Any]:
    if not isinstance(returned, dict):
        raise TypeError(f"a {class_name(returned)} as {what}, where a dict is needed")
    if missing := [name for name in names if name not in returned]:
        raise TypeError(f"{what} without {', '.join(missing)}")
    return {name: returned[name] for name in names}


# What a step of training returns for a parameter, by the operands that go into it, and in the order
# in which one depends on the other.
AFTER = {
    "exp_avg": 'moments["{}"][0]',
    "exp_avg_sq": 'moments["{}"][1]',
    "params": 'params["{}"]',
}
MISTAKEN: Mapping[str, Mapping[str, Any]] = {
    "the loss compares with noisy, not with clean": {"target": "noisy"},
    "the network sees clean, not noisy": {"shown": "clean"},
    "noisy and clean are swapped": {"shown": "clean", "target": "noisy"},
    "the gradients have the wrong sign: are y and clean swapped?": {"sign": -1},
    "param and grad are swapped where adam_step is called": {"swapped": True},
    "step is counted one too few": {"late": -1},
    "step is counted one too many": {"late": 1},
}


def training_task() -> Task:
    """Return the task to write a step of training."""
    names = tuple(reversed(_parameters(SIZES[0])))
    stays = {
        result.format(name): {"it stays as it was": _unchanged(f"{of}/{name}")}
        for of, result in AFTER.items()
        for name in names
    }
    return Task(
        "train_step",
        ("loss", *stays),
        _training_cases,
        _trained,
        {
            result: stays.get(result, {})
            | {say: partial(_mistrained, result, how) for say, how in MISTAKEN.items()}
            for result in ("loss", *stays)
        },
        arguments=_training_arguments,
        unpack=partial(_training_results, names),
        composed=True,
    )


def _unchanged(operand: str) -> Callable[..., Array]:
    return lambda **operands: operands[operand]


def _trained(
    *,
    shown: str = "noisy",
    target: str = "clean",
    late: int = 0,
    sign: int = 1,
    swapped: bool = False,
    **operands: Any,
) -> dict[str, Bounded]:
    """Return what a step of training comes to, or one with a mistake in it."""
    cache = _forward(operands, operands[shown])
    ends = cache["sigmoid"], operands[target]
    (loss,) = OPERATIONS[f"{LOSS}.forward"].define(*ends).values()
    (dy,) = OPERATIONS[f"{LOSS}.backward"].define(*ends).values()
    cached = {f"cache/{name}": value for name, value in cache.items()}
    found = {"loss": loss}
    for name, grad in _gradients({**operands, **cached, "dy": dy.value}).items():
        param = operands[f"params/{name}"]
        of = {rate: operands[rate] for rate in RATES} | {"step": operands["step"] + late}
        of |= {slot: operands[f"{slot}/{name}"] for slot in ("exp_avg", "exp_avg_sq")}
        of |= {"param": grad, "grad": param} if swapped else {"param": param, "grad": sign * grad}
        for result, new, old in zip(
            AFTER.values(), adam(**of).values(), (0, 0, param), strict=True
        ):
            moved = np.abs(new.value - old)
            found[result.format(name)] = Bounded(new.value, np.full(param.shape, moved.max()), 0)
    return found


def _mistrained(result: str, how: Mapping[str, Any], /, **operands: Any) -> Array:
    return _trained(**how, **operands)[result].value


def _training_cases(rng: np.random.Generator) -> Iterator[Case]:
    for dtype in ("float32", "float64"):
        for size, step in zip(SIZES, (1, 2, 7), strict=True):
            operands = _drawn(size, dtype, rng)
            for name, shape in _parameters(size).items():
                moment = (rng.integers(-4, 5, shape) / 4 * (step > 1)).astype(dtype)
                operands |= {f"exp_avg/{name}": moment, f"exp_avg_sq/{name}": (moment / 2) ** 2}
            yield Case(dtype, {**operands, "step": step, **SOME_RATES[0]._asdict()})


def _training_arguments(operands: Operands) -> list[Any]:
    params, exp_avg, exp_avg_sq = (
        {name: operands[f"{of}/{name}"] for name in _parameters(SIZES[0])}
        for of in ("params", "exp_avg", "exp_avg_sq")
    )
    moments = {name: (exp_avg[name], exp_avg_sq[name]) for name in params}
    rates = tuple(operands[name] for name in RATES)
    return [params, moments, operands["step"], operands["noisy"], operands["clean"], rates]


def _training_results(names: Sequence[str], returned: Any) -> Mapping[str, Any]:
    loss, params, moments = expect_tuple(returned, ("loss", "params", "moments"))
    params = _by_name("params", names, params)
    slots = {
        name: expect_tuple(both, ("exp_avg", "exp_avg_sq"), f"moments[{name!r}]")
        for name, both in _by_name("moments", names, moments).items()
    }
    found = {"loss": loss}
    for name, (first, second) in slots.items():
        three = zip(AFTER.values(), (first, second, params[name]), strict=True)
        found |= {result.format(name): value for result, value in three}
    return found
