"""The exercise 10: a step of Adam, by the table of optimizers."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from compare.check.bounds import Bounded
from compare.check.mistakes import multiple
from compare.check.update_rules import ADAM, Before, known
from compare.learn.tasks import Case, Mistakes, Task, expect_tuple
from compare.sides.interface import Array

RATES = ("lr", "beta1", "beta2", "eps")


class Rates(NamedTuple):
    """The numbers of Adam."""

    lr: float
    beta1: float
    beta2: float
    eps: float


# Of every digit some, and defaults at last: with those, eps is too small to be seen.
SOME_RATES = (
    Rates(0.1, 0.5, 0.75, 0.125),
    Rates(0.01, 0.8, 0.9, 0.01),
    Rates(1e-3, 0.9, 0.999, 1e-8),
)
STEPS = (1, 2, 7, 1000)


def adam_task() -> Task:
    """Return the task to write a step of Adam."""
    results = ("exp_avg", "exp_avg_sq", "param")  # in the order in which one depends on the other
    return Task(
        "adam_step",
        results,
        _cases,
        adam,
        {
            result: {say: partial(_mistaken, step, result) for say, step in known(ADAM).items()}
            for result in results
        },
        fitted=_fitted(),
        unpack=_named,
    )


def adam(rule: Any = ADAM.step, /, **operands: Any) -> dict[str, Bounded]:
    """Return exp_avg, exp_avg_sq and param after a step, or after one by another rule."""
    rates = Rates(*(operands[name] for name in RATES))
    slots = (operands["exp_avg"], operands["exp_avg_sq"])
    before = Before(operands["param"], slots, operands["grad"], operands["step"], 0)
    return dict(zip(("exp_avg", "exp_avg_sq", "param"), rule(before, rates), strict=True))


def _mistaken(rule: Any, result: str, /, **operands: Any) -> Array:
    return adam(rule, **operands)[result].value


def _fitted() -> Mistakes:
    """Return mistakes that leave all but one number right."""

    def weight(result: str, of: Callable[..., Array]) -> Callable[..., Array]:
        def fit(got: Array, **operands: Any) -> Array:
            true, part = adam(**operands)[result].value, of(**operands)
            moved: Array = true + multiple(got - true, part) * part
            return moved

        return fit

    def divisor(changed: Callable[[Array, Array, float], Array]) -> Callable[..., Array]:
        """Fit what the first moment was divided by, which is √v̂ + eps, from that and √v̂, eps."""

        def fit(got: Array, **of: Any) -> Array:
            after = adam(**of)
            m = after["exp_avg"].value / (1 - of["beta1"] ** of["step"])
            root = np.sqrt(after["exp_avg_sq"].value / (1 - of["beta2"] ** of["step"]))
            by = changed(np.where(m, of["lr"] * m / (of["param"] - got), np.nan), root, of["eps"])
            moved: Array = np.where(m, of["param"] - of["lr"] * m / by, of["param"])
            return moved

        return fit

    old = "the old average has a wrong weight, and the new part the right one"
    new = "the new part has a wrong weight, and the old average the right one"
    return {
        "exp_avg": {
            old: weight("exp_avg", lambda **of: of["exp_avg"]),
            new: weight("exp_avg", lambda **of: of["grad"]),
        },
        "exp_avg_sq": {
            old: weight("exp_avg_sq", lambda **of: of["exp_avg_sq"]),
            new: weight("exp_avg_sq", lambda **of: np.square(of["grad"])),
        },
        "param": {
            "every entry goes the right way, and too far or not far enough by one factor": weight(
                "param", lambda **of: adam(**of)["param"].value - of["param"]
            ),
            "√v̂ is wrong by one factor, and all else is right": divisor(
                lambda by, root, eps: root * np.nanmedian((by - eps) / root) + eps
            ),
            "what is added to √v̂ is not eps, and all else is right": divisor(
                lambda by, root, eps: root + np.nanmedian(by - root)
            ),
        },
    }


def _named(returned: Any) -> Mapping[str, Any]:
    names = ("param", "exp_avg", "exp_avg_sq")
    return dict(zip(names, expect_tuple(returned, names), strict=True))


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield small ones first: from rest, as at the first step, and under way."""
    for dtype in ("float32", "float64"):
        for rates in SOME_RATES:
            for step in STEPS:
                arrays = {
                    name: rng.integers(-4, 5, (2, 3)).astype(dtype) / 4
                    for name in ("param", "grad", "exp_avg", "exp_avg_sq")
                }
                arrays["exp_avg_sq"] **= 2
                if step == 1:
                    arrays |= {name: np.zeros((2, 3), dtype) for name in ("exp_avg", "exp_avg_sq")}
                yield Case(dtype, {**arrays, "step": step, **rates._asdict()})
