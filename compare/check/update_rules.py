"""The table of optimizers: all that the check knows of each, said once.

A step takes one parameter, what the optimizer keeps of it, and its gradient, in wider precision; it
returns what is kept, and the parameter, after it, as `Bounded`. A mistake is the step of somebody
who makes it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from compare.check.bounds import Bounded
from compare.check.mistakes import multiple, number_in_words
from compare.sides.interface import Array

Rates = Any  # an optimizer's lr and the like, as attributes; a `Config` has Adam's
After = tuple[Bounded, ...]  # the slots, in the table's order, and the parameter
MOMENT = 5  # roundings of Adam's first moment, as `_adam` counts them
NEVER = np.inf  # a step so late that nothing is left to correct


class Before(NamedTuple):
    """One parameter before a step, its slots and its gradient."""

    param: Array
    slots: tuple[Array, ...]
    grad: Array
    t: int  # the step's number, from 1
    place: int  # the parameter among all, from 0


Step = Callable[[Before, Rates], After]


class Optimizer(NamedTuple):
    """One optimizer. Its state is `name.slot/parameter`, and `name.step` where it counts."""

    slots: Mapping[str, bool]  # by name, whether it has a sign; the first is linear in the gradient
    counts: bool
    step: Step
    mistakes: Mapping[str, Step]


def known(optimizer: Optimizer) -> dict[str, Step]:
    """Return the mistakes of this optimizer, and those of any."""
    step = optimizer.step

    def wrong_way(s: Before, c: Rates) -> After:
        *slots, param = step(s, c)
        return *slots, param._replace(value=2 * s.param - param.value)

    return {
        **optimizer.mistakes,
        "the step goes the wrong way": wrong_way,
        "the parameter stays as it was": lambda s, c: (*step(s, c)[:-1], *_same(s.param)),
        "the state stays as it was": lambda s, c: (*_same(*s.slots), step(s, c)[-1]),
        "it is plain gradient descent, and the state stays as it was": lambda s, c: (
            *_same(*s.slots),
            _moved(s, c.lr, Bounded(s.grad, np.abs(s.grad), 0), 3),
        ),
        "nothing is updated": lambda s, c: _same(*s.slots, s.param),
    }


def fitted(
    optimizer: Optimizer, s: Before, c: Rates, got: Sequence[Array]
) -> Iterator[tuple[str, str, Step]]:
    """Yield mistakes with a number in them, and the number that fits best what was got."""
    step = optimizer.step
    first, *_, param = (after.value for after in step(s, c))

    def added(share: float, of: Callable[[Before], Array]) -> Step:
        return lambda s, c: step(s._replace(grad=s.grad + share * of(s)), c)

    def decayed(share: float) -> Step:
        def do(s: Before, c: Rates) -> After:
            *slots, param = step(s, c)
            value = param.value - share * c.lr * s.param
            return *slots, param._replace(value=value, roundings=param.roundings + 3)

        return do

    def scaled(share: float) -> Step:
        def do(s: Before, c: Rates) -> After:
            *slots, param = step(s, c)
            change = param._replace(value=s.param - param.value)
            return *slots, _moved(s, share, change, 1)

        return do

    def share_of(of: Callable[[Before], Array]) -> float:
        return multiple(got[0] - first, added(1, of)(s, c)[0].value - first)

    decay = f"{share_of(lambda s: s.param):.3g}"
    say = "{} times the parameter is added to the gradient, as L2 regularization"
    yield say, decay, added(float(decay), lambda s: s.param)
    times = number_in_words(1 + share_of(lambda s: s.grad))
    scaled_gradient = added(float(Fraction(times)) - 1, lambda s: s.grad)
    yield "the gradient counts {} times", times, scaled_gradient
    decay = f"{multiple(param - got[-1], s.param) / c.lr:.3g}"
    yield "the parameter decays by {} · lr, as in AdamW", decay, decayed(float(decay))
    times = number_in_words(multiple(got[-1] - s.param, param - s.param))
    yield "the step is {} times what it should be", times, scaled(float(Fraction(times)))


def _same(*arrays: Array) -> After:
    return tuple(Bounded(array, np.abs(array), 0) for array in arrays)


def _average(old: Array, new: Array, decay: float, weight: float, roundings: int) -> Bounded:
    """Return decay · old + weight · new; one that is subnormal may be made zero."""
    terms = np.abs(old) + np.abs(weight * new)
    return Bounded(decay * old + weight * new, terms, roundings, 1.0)


def _moved(s: Before, rate: Any, along: Bounded, roundings: int) -> Bounded:
    """Return the parameter moved against `along`, which is so many roundings more."""
    terms = np.abs(s.param) + np.abs(rate) * along.scale
    return Bounded(s.param - rate * along.value, terms, along.roundings + roundings)


def _adam(
    s: Before,
    c: Rates,
    *,
    grad: Array | None = None,
    square: Array | None = None,
    betas: tuple[float, float] | None = None,
    decays: tuple[float, float] | None = None,
    weights: tuple[float, float] | None = None,
    t: tuple[float, float] | None = None,
    root: Callable[[Array], Array] = np.sqrt,
    eps: float | None = None,
    late: bool = False,
) -> After:
    """Take a step of Adam, or one in which something is replaced.

    Roundings, at most, in any of the usual ways to write it down: β and 1 − β as numbers of the
    dtype, the products and the sum; for the second moment one product more; for the parameter those
    of both moments, a root, two divisions, the sum with eps, lr and the corrections as numbers of
    the dtype, their product, and the difference. The corrections themselves are Python floats, as
    they are on both sides: 1 − βᵗ cancels, and is part of the definition. `late`: the parameter is
    moved by the first moment that was there before.
    """
    g = s.grad if grad is None else grad
    beta1, beta2 = betas or (c.beta1, c.beta2)
    decay1, decay2 = decays or (beta1, beta2)
    weight1, weight2 = weights or (1 - decay1, 1 - decay2)
    m = _average(s.slots[0], g, decay1, weight1, MOMENT)
    v = _average(s.slots[1], g * g if square is None else square, decay2, weight2, MOMENT + 1)
    t1, t2 = t or (s.t, s.t)
    correction1, correction2 = (np.float64(1 - b**at) for b, at in ((beta1, t1), (beta2, t2)))
    rate = c.lr / correction1 / (root(v.value / correction2) + (c.eps if eps is None else eps))
    along = m._replace(value=s.slots[0]) if late else m
    return m, v, _moved(s, rate, along, v.roundings + 8)


def _corrected(*which: int) -> Step:
    """Return Adam that keeps some of its moments corrected."""

    def step(s: Before, c: Rates) -> After:
        after = _adam(s, c)
        by = [1 - beta**s.t if i in which else 1.0 for i, beta in enumerate((c.beta1, c.beta2))]
        kept = [
            Bounded(x.value / one, x.scale / one, x.roundings + 2, 1 / one)
            for x, one in zip(after[:2], by, strict=True)
        ]
        return *kept, after[2]

    return step


def _sgd(
    s: Before, c: Rates, *, weight: float = 1.0, along: Callable[[Array], Array] | None = None
) -> After:
    """Take a step of SGD with momentum, or one along something else than its buffer.

    Roundings: the momentum as a number of the dtype, a product and the sum; then lr, a product and
    the difference.
    """
    buffer = _average(s.slots[0], s.grad, c.momentum, weight, 3)
    taken = buffer if along is None else buffer._replace(value=along(buffer.value))
    return buffer, _moved(s, c.lr, taken, 3)


ADAM = Optimizer(
    {"exp_avg": True, "exp_avg_sq": False},
    counts=True,
    step=_adam,
    mistakes={
        "eps stands inside the root": lambda s, c: _adam(
            s, c, root=lambda v: np.sqrt(v + c.eps), eps=0
        ),
        "eps is added before the bias correction": lambda s, c: _adam(
            s, c, eps=c.eps / np.sqrt(1 - c.beta2**s.t)
        ),
        "eps is missing": lambda s, c: _adam(s, c, eps=0),
        "the root of the second moment is missing": lambda s, c: _adam(s, c, root=lambda v: v),
        "the root of the second moment is missing, but not that of its correction": lambda s, c: (
            _adam(s, c, root=lambda v: v * np.sqrt(1 - c.beta2**s.t))
        ),
        "there is no bias correction": lambda s, c: _adam(s, c, t=(NEVER, NEVER)),
        "the first moment's bias is not corrected": lambda s, c: _adam(s, c, t=(NEVER, s.t)),
        "the second moment's bias is not corrected": lambda s, c: _adam(s, c, t=(s.t, NEVER)),
        "the second moment is divided by β₂ᵗ, not by 1 − β₂ᵗ": lambda s, c: _adam(
            s, c, root=lambda v: np.sqrt(v * (1 / c.beta2**s.t - 1))
        ),
        "the bias is corrected for one step too many": lambda s, c: _adam(
            s, c, t=(s.t + 1, s.t + 1)
        ),
        "the bias is corrected for one step too few": lambda s, c: _adam(
            s, c, t=(s.t - 1, s.t - 1)
        ),
        "the bias is always corrected as at the first step": lambda s, c: _adam(s, c, t=(1, 1)),
        "the step is counted anew for every parameter": lambda s, c: _adam(
            s, c, t=(s.t + s.place, s.t + s.place)
        ),
        "the first moment is used before its update": lambda s, c: _adam(s, c, late=True),
        "the corrected moments are kept": _corrected(0, 1),
        "the corrected first moment is kept": _corrected(0),
        "the corrected second moment is kept": _corrected(1),
        "β₁ and β₂ are swapped": lambda s, c: _adam(s, c, betas=(c.beta2, c.beta1)),
        "β₂ stands where β₁ should": lambda s, c: _adam(s, c, decays=(c.beta2, c.beta2)),
        "β₁ stands where β₂ should": lambda s, c: _adam(s, c, decays=(c.beta1, c.beta1)),
        "β₁ and 1 − β₁ are swapped": lambda s, c: _adam(s, c, decays=(1 - c.beta1, c.beta2)),
        "β₂ and 1 − β₂ are swapped": lambda s, c: _adam(s, c, decays=(c.beta1, 1 - c.beta2)),
        "the gradient is not weighted by 1 − β₁": lambda s, c: _adam(
            s, c, weights=(1, 1 - c.beta2)
        ),
        "the squared gradient is not weighted by 1 − β₂": lambda s, c: _adam(
            s, c, weights=(1 - c.beta1, 1)
        ),
        "the gradient is not squared": lambda s, c: _adam(s, c, square=s.grad),
        "the absolute gradient stands where its square should": lambda s, c: _adam(
            s, c, square=np.abs(s.grad)
        ),
        "the gradient is clipped to ±1": lambda s, c: _adam(s, c, grad=np.clip(s.grad, -1, 1)),
    },
)
SGD = Optimizer(
    {"momentum_buffer": True},
    counts=False,
    step=_sgd,
    mistakes={
        "the gradient is weighted by 1 − momentum": lambda s, c: _sgd(s, c, weight=1 - c.momentum),
        "the momentum is kept and not used": lambda s, c: _sgd(s, c, along=lambda b: s.grad),
        "the momentum is Nesterov's": lambda s, c: _sgd(
            s, c, along=lambda b: s.grad + c.momentum * b
        ),
        "the buffer is used before its update": lambda s, c: _sgd(s, c, along=lambda b: s.slots[0]),
    },
)
OPTIMIZERS = {"adam": ADAM, "sgd": SGD}
