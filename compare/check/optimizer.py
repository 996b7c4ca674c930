"""Stage optimizer: Adam alone, on gradients given, one step at a time from a known state.

Gradients of whole networks are no test for Adam: at its first step it divides a gradient by itself,
so an entry near zero whose sign is a matter of rounding moves its parameter by the whole learning
rate, either way.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

import numpy as np

from compare.check.bounds import Bounded, Finding, Judgement, equal, finding, judge, widen
from compare.check.mistakes import explained
from compare.data.config import Config
from compare.sides.calls import what_it_did
from compare.sides.interface import Array, Grads, Shape, Side, State, under_prefix

# Of gradients, one after the other: ordinary, tiny (near eps), zero, huge, of flipped sign.
SCALES = (1.0, 1e-8, 0.0, 1e6, -1.0)
ROUNDS = 10  # of those five: fifty steps
# Entries that get no gradient, as those of dead units, and whose averages have faded to subnormals.
# What near zero a result is cannot be decided, and a tensor may have 1 % of such.
DEAD = slice(255, None, 256)
UNDER_WAY = (7, 999)  # steps taken in the states that the first gradients are given in
ENTRIES = 4096  # of each tensor, at random: Adam works entry by entry, and the truth is slow
# Roundings, at most, in any of the usual ways to write it down: β and 1 − β as numbers of the
# dtype, the products and the sum; for the second moment one product more; for the parameter those
# of both moments, a root, two divisions, the sum with eps, lr and the corrections as numbers of the
# dtype, their product, and the difference.
MOMENT, SECOND_MOMENT, PARAMETER = 5, 6, 5 + 6 + 8

Judged = dict[str, tuple[Judgement, str]]  # by tensor, with what is wrong with it


def check_optimizer(side: Side, config: Config, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge moments and parameters after each step, from the step before, until something fails.

    First from states under way, then from where the side stands. The worst of each tensor is a
    finding; the side's state stays as it is.
    """
    who, before = side.describe(), side.state()
    params = under_prefix("param", before)
    entries = {name: rng.permutation(param.size)[:ENTRIES] for name, param in params.items()}
    worst: Judged = {}
    starts = [(_under_way(before, step, rng), 1) for step in UNDER_WAY]
    for state, rounds in (*starts, (before, ROUNDS)):
        for grads in islice(gradients(params, rng), rounds * len(SCALES)):
            after, spoilt = _update(side, state, grads)
            judged = _judge(state, after, grads, entries, config, who.dtype, spoilt)
            worst = {
                name: max(worst.get(name, new), new, key=_size) for name, new in judged.items()
            }
            if not _held(judged):
                break
            state = after
        if not _held(worst):
            break
    side.load(before)
    for name, (judgement, detail) in worst.items():
        yield finding("optimizer", who, "adam", name, judgement, detail)


def gradients(params: Mapping[str, Array], rng: np.random.Generator) -> Iterator[Grads]:
    """Yield the gradients of every step, of the parameters' shapes and dtypes."""
    for _ in range(ROUNDS):
        drawn = {name: rng.standard_normal(param.shape) for name, param in params.items()}
        for value in drawn.values():
            value.reshape(-1)[DEAD] = 0
        for scale in SCALES:
            yield {
                name: (scale * value).astype(params[name].dtype) for name, value in drawn.items()
            }


def _under_way(state: State, step: int, rng: np.random.Generator) -> State:
    """Return the state as after so many steps: from rest, many a mistake looks like another."""
    moments = {}
    for name, value in state.items():
        if name.startswith("adam.exp"):
            moment = rng.standard_normal(value.shape)
            moment = moment**2 if "_sq/" in name else moment
            moment.reshape(-1)[DEAD] *= np.finfo(value.dtype).tiny / 4
            moments[name] = moment.astype(value.dtype)
    return {**state, **moments, "adam.step": np.array(step)}


def _held(judged: Judged) -> bool:
    return all(judgement.verdict.held for judgement, _ in judged.values())


def _size(judged: tuple[Judgement, str]) -> tuple[bool, float]:
    judgement, _ = judged
    return not judgement.verdict.held, judgement.ratio


def _update(side: Side, state: State, grads: Grads) -> tuple[State, str]:
    """Take one step from a state; return the state after it, or none and why it does not count."""
    given = {name: grad.copy() for name, grad in grads.items()}
    try:
        side.load(state)
        after = side.update(dict(given))
    except Exception as error:  # the side is what is being judged: it may raise anything
        return {}, what_it_did(error)
    if any(not np.array_equal(given[name], grad) for name, grad in grads.items()):
        return {}, "it changed the gradients that it was given"
    return after, ""


def _judge(
    before: State,
    after: State,
    grads: Grads,
    entries: Mapping[str, Array],
    config: Config,
    dtype: str,
    spoilt: str,
) -> Judged:
    shapes = {name: grad.shape for name, grad in grads.items()}
    before, after, grads = (_few(arrays, shapes, entries) for arrays in (before, after, grads))
    judged: Judged = {}
    for name, true in adam(before, grads, config, dtype).items():
        found = judge(after.get(name), true, dtype)
        detail = ""
        if not found.verdict.held:
            detail = spoilt or _detail(name, before, after, true.value, grads, config)
        judged[name] = found, detail
    counted = int(after.get("adam.step", -1)) == int(before["adam.step"]) + 1
    judged["adam.step"] = equal(counted), spoilt
    return judged


def _few(arrays: State, shapes: Mapping[str, Shape], entries: Mapping[str, Array]) -> State:
    """Return the chosen entries of what has its parameter's shape, and all else as it is."""
    few = {}
    for name, value in arrays.items():
        param = name.rpartition("/")[2]
        few[name] = value.ravel()[entries[param]] if value.shape == shapes.get(param) else value
    return few


def adam(state: State, grads: Grads, config: Config, dtype: str) -> dict[str, Bounded]:
    """Return the true state after one step from `state`, in wider precision.

    A subnormal moment may be made zero. The bias corrections are Python floats, as they are on both
    sides: 1 − βᵗ cancels, and is part of the definition.
    """
    results: dict[str, Bounded] = {}
    for name, g in widen(grads, dtype).items():
        slot = _slot(name, state, g)
        c, new_m, new_v = config, *_moments(slot, config)
        m_terms = np.abs(slot.m) + (1 - c.beta1) * np.abs(g)
        v_terms = slot.v + (1 - c.beta2) * g * g
        correction1, correction2 = 1 - c.beta1**slot.t, 1 - c.beta2**slot.t
        per_moment: Array = c.lr / correction1 / (np.sqrt(new_v / correction2) + c.eps)
        terms = np.abs(slot.p) + per_moment * m_terms
        results[f"adam.exp_avg/{name}"] = Bounded(new_m, m_terms, MOMENT, 1.0)
        results[f"adam.exp_avg_sq/{name}"] = Bounded(new_v, v_terms, SECOND_MOMENT, 1.0)
        results[f"param/{name}"] = Bounded(slot.p - per_moment * new_m, terms, PARAMETER)
    return results


class _Slot(NamedTuple):
    """One parameter before the step, its moments, its gradient, and the step's number."""

    p: Array
    m: Array
    v: Array
    g: Array
    t: int


def _slot(name: str, state: State, g: Array) -> _Slot:
    kinds = ("param", "adam.exp_avg", "adam.exp_avg_sq")
    p, m, v = (state[f"{kind}/{name}"].astype(g.dtype) for kind in kinds)
    return _Slot(p, m, v, g, int(state["adam.step"]) + 1)


def _mean(beta: float, moment: Array, new: Array) -> Array:
    mean: Array = beta * moment + (1 - beta) * new
    return mean


def _moments(s: _Slot, c: Config) -> tuple[Array, Array]:
    new_v: Array = c.beta2 * s.v + (1 - c.beta2) * s.g * s.g
    return _mean(c.beta1, s.m, s.g), new_v


def _moved(
    s: _Slot, c: Config, t1: float, t2: float, *, before: float = 0.0, inside: float = 0.0
) -> Array:
    """Return the parameter after a step with corrections 1 − β₁^t1 and 1 − β₂^t2.

    eps is added where it belongs, or before the second correction, or inside the root.
    """
    m, v = _moments(s, c)
    correction1, correction2 = 1 - c.beta1**t1, 1 - c.beta2**t2
    eps = 0.0 if before or inside else c.eps
    root = np.sqrt(v / correction2 + inside) + before / np.sqrt(correction2) + eps
    moved: Array = s.p - c.lr * m / correction1 / root
    return moved


NEVER = np.inf  # a step so late that nothing is left to correct

# The step as it would be with each of the known mistakes, by the formula.
MISTAKES: Mapping[str, Mapping[str, Callable[[_Slot, Config], Array]]] = {
    "param": {
        "eps stands inside the root": lambda s, c: _moved(s, c, s.t, s.t, inside=c.eps),
        "eps is added before the bias correction": lambda s, c: _moved(
            s, c, s.t, s.t, before=c.eps
        ),
        "there is no bias correction": lambda s, c: _moved(s, c, NEVER, NEVER),
        "the first moment's bias is not corrected": lambda s, c: _moved(s, c, NEVER, s.t),
        "the second moment's bias is not corrected": lambda s, c: _moved(s, c, s.t, NEVER),
        "the bias is corrected for one step too many": lambda s, c: _moved(s, c, s.t + 1, s.t + 1),
        "the bias is always corrected as at the first step": lambda s, c: _moved(s, c, 1, 1),
        "the moment is used before its update": lambda s, c: (
            s.p
            - c.lr
            * s.m
            / (1 - c.beta1**s.t)
            / (np.sqrt(_moments(s, c)[1] / (1 - c.beta2**s.t)) + c.eps)
        ),
        "the step goes the wrong way": lambda s, c: 2 * s.p - _moved(s, c, s.t, s.t),
        "it did not move": lambda s, c: s.p,
    },
    "adam.exp_avg": {
        "β₂ stands where β₁ should": lambda s, c: _mean(c.beta2, s.m, s.g),
        "the gradient is clipped to ±1": lambda s, c: _mean(c.beta1, s.m, np.clip(s.g, -1, 1)),
        "β and 1 − β are swapped": lambda s, c: _mean(1 - c.beta1, s.m, s.g),
        "the gradient is not weighted by 1 − β₁": lambda s, c: c.beta1 * s.m + s.g,
    },
    "adam.exp_avg_sq": {
        "β₁ stands where β₂ should": lambda s, c: _mean(c.beta1, s.v, s.g * s.g),
        "the gradient is not squared": lambda s, c: _mean(c.beta2, s.v, np.abs(s.g)),
        "β and 1 − β are swapped": lambda s, c: _mean(1 - c.beta2, s.v, s.g * s.g),
        "the gradient is not weighted by 1 − β₂": lambda s, c: c.beta2 * s.v + s.g * s.g,
    },
}


def _detail(
    tensor: str, before: State, after: State, true: Array, grads: Grads, config: Config
) -> str:
    """Say what is wrong with one tensor after one step, or nothing."""
    if tensor not in after:
        return ""
    kind, _, name = tensor.partition("/")
    slot = _slot(name, before, grads[name].astype(true.dtype))
    mistakes = ((say, make(slot, config)) for say, make in MISTAKES[kind].items())
    return explained(
        after[tensor], true, mistakes, {"the parameter": slot.p} if kind == "param" else {}
    )
