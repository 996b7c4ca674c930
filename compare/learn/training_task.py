"""The exercise 12, a step of training; what is true is made of the tables, as in 09 and 10."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from compare.check.bounds import Bounded
from compare.check.kinds import LOSS, OPERATIONS
from compare.learn.adam_task import RATES, SOME_RATES, adam
from compare.learn.network_task import SIZES, by_name, drawn, forward, gradients, parameters
from compare.learn.tasks import Case, Operands, Task, alike, expect_tuple
from compare.sides.interface import Array

# What a step of training returns for a parameter, by the operands that go into it, and in the order
# in which one depends on the other.
AFTER = {
    "exp_avg": 'moments["{}"][0]',
    "exp_avg_sq": 'moments["{}"][1]',
    "params": 'params["{}"]',
}
MISTAKEN: Mapping[str, Mapping[str, Any]] = {
    "your loss compares y with noisy; it should with clean": {"target": "noisy"},
    "your network is shown clean; it should be shown noisy": {"shown": "clean"},
    "noisy and clean are swapped": {"shown": "clean", "target": "noisy"},
    "the gradients have the wrong sign: are y and clean swapped?": {"sign": -1},
    "param and grad are swapped where adam_step is called": {"swapped": True},
    "step is counted one too few": {"late": -1},
    "step is counted one too many": {"late": 1},
    "it is the loss after the step, and the one before it is needed": {"after": True},
}


def training_task() -> Task:
    """Return the task to write a step of training."""
    names = tuple(reversed(parameters(SIZES[0])))
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
    after: bool = False,
    **operands: Any,
) -> dict[str, Bounded]:
    """Return what a step of training comes to, or one with a mistake in it."""
    cache = forward(operands, operands[shown])
    ends = cache["sigmoid"], operands[target]
    (loss,) = OPERATIONS[f"{LOSS}.forward"].define(*ends).values()
    (dy,) = OPERATIONS[f"{LOSS}.backward"].define(*ends).values()
    cached = {f"cache/{name}": value for name, value in cache.items()}
    values: dict[str, dict[str, Array]] = {result: {} for result in AFTER.values()}
    for name, grad in gradients({**operands, **cached, "dy": dy.value}).items():
        of = {rate: operands[rate] for rate in RATES} | {"step": operands["step"] + late}
        of |= {slot: operands[f"{slot}/{name}"] for slot in ("exp_avg", "exp_avg_sq")}
        both = operands[f"params/{name}"], sign * grad
        of |= dict(zip(("grad", "param") if swapped else ("param", "grad"), both, strict=True))
        for result, new in zip(AFTER.values(), adam(**of).values(), strict=True):
            values[result][name] = new.value
    if after:
        new_params = {f"params/{name}": new for name, new in values[AFTER["params"]].items()}
        return {"loss": _trained(**{**operands, **new_params})["loss"]}
    found = {"loss": loss}
    for slot, (result, new_values) in zip(AFTER, values.items(), strict=True):
        sizes = [
            new - operands[f"params/{name}"] if slot == "params" else new
            for name, new in new_values.items()
        ]
        named = {result.format(name): new for name, new in new_values.items()}
        found |= alike(named, sizes)
    return found


def _mistrained(result: str, how: Mapping[str, Any], /, **operands: Any) -> Array | None:
    found = _trained(**how, **operands).get(result)
    return found.value if found else None


def _training_cases(rng: np.random.Generator) -> Iterator[Case]:
    for dtype in ("float32", "float64"):
        for size, step in zip(SIZES, (1, 2, 7), strict=True):
            operands = drawn(size, dtype, rng)
            for name, shape in parameters(size).items():
                moment = (rng.integers(-4, 5, shape) / 4 * (step > 1)).astype(dtype)
                operands |= {f"exp_avg/{name}": moment, f"exp_avg_sq/{name}": (moment / 2) ** 2}
            yield Case(dtype, {**operands, "step": step, **SOME_RATES[0]._asdict()})


def _training_arguments(operands: Operands) -> dict[str, Any]:
    params, exp_avg, exp_avg_sq = (
        {name: operands[f"{of}/{name}"] for name in parameters(SIZES[0])}
        for of in ("params", "exp_avg", "exp_avg_sq")
    )
    moments = {name: (exp_avg[name], exp_avg_sq[name]) for name in params}
    rates = tuple(operands[name] for name in RATES)
    given = {name: operands[name] for name in ("step", "noisy", "clean")}
    return {"params": params, "moments": moments, **given, "rates": rates}


def _training_results(names: Sequence[str], returned: Any) -> Mapping[str, Any]:
    loss, params, moments = expect_tuple(returned, ("loss", "params", "moments"))
    params = by_name("params", names, params)
    slots = {
        name: expect_tuple(both, ("exp_avg", "exp_avg_sq"), f"moments[{name!r}]")
        for name, both in by_name("moments", names, moments).items()
    }
    found = {"loss": loss}
    for name, (first, second) in slots.items():
        three = zip(AFTER.values(), (first, second, params[name]), strict=True)
        found |= {result.format(name): value for result, value in three}
    return found
