"""Stage 4, optimizer: Adam alone, on gradients that both sides are given, one step at a time from a known state.

Gradients of whole networks are no test for Adam: at its first step it divides a gradient by itself,
so an entry near zero whose sign is a matter of rounding moves its parameter by the whole learning
rate, either way.
"""

from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np

from compare.check import bounds, mistakes
from compare.check.bounds import Bounded, Finding, Judgement, Verdict
from compare.data.config import Config
from compare.sides.calls import complaint
from compare.sides.interface import Array, Grads, Side, State, under_prefix

SCALES = (
    1.0,
    1e-8,
    0.0,
    1e6,
    -1.0,
)  # of gradients, by turns: ordinary, tiny (near eps), zero, huge, of flipped sign
ROUNDS = 10  # of those five: fifty steps
# Entries that get no gradient, as those of dead units, and whose averages have faded to subnormals.
# What near zero a result is cannot be decided, and a tensor may have 1 % of such.
DEAD = slice(255, None, 256)
UNDER_WAY = (
    7,
    999,
)  # steps that have been taken in the states that the first gradients are given in
ENTRIES = 4096  # of each tensor, at random: Adam works entry by entry, and the truth in wider precision is slow
# Roundings, at most, in any of the usual ways to write it down: β and 1 − β as numbers of the
# dtype, the products and the sum; for the second moment one product more; for the parameter those
# of both moments, a root, two divisions, the sum with eps, lr and the corrections as numbers of the
# dtype, their product, and the difference.
MOMENT, SECOND_MOMENT, PARAMETER = 5, 6, 5 + 6 + 8

Judged = dict[str, tuple[Judgement, str]]  # by tensor, with what is wrong with it


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


def check_optimizer(side: Side, config: Config, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge moments and parameters after each step, from where the step before left them, until something is off.

    First from states under way, then from where the side stands.

    The worst of each tensor is a finding; the side's state stays as it is.
    """
    who, before = side.describe(), side.state()
    params = under_prefix("param", before)
    entries = {name: rng.permutation(param.size)[:ENTRIES] for name, param in params.items()}
    worst = Judged()
    starts = [(_under_way(before, step, rng), 1) for step in UNDER_WAY]
    for state, rounds in (*starts, (before, ROUNDS)):
        for grads in islice(gradients(params, rng), rounds * len(SCALES)):
            after, spoilt = _update(side, state, grads)
            judged = _judge(state, after, grads, entries, config, who.dtype, spoilt)
            worst = {
                name: max(worst.get(name, new), new, key=_badness) for name, new in judged.items()
            }
            if not _held(judged):
                break
            state = after
        if not _held(worst):
            break
    side.load(before)
    for name, ((verdict, ratio, undecided, _), detail) in worst.items():
        yield Finding(
            "optimizer", who.name, who.dtype, "adam", name, verdict, ratio, undecided, detail
        )


def _under_way(state: State, step: int, rng: np.random.Generator) -> State:
    """Return the state as it may be after so many steps: at the first, from rest, many a mistake looks like another."""
    moments = {
        name: rng.standard_normal(value.shape)
        for name, value in state.items()
        if name.startswith("adam.exp")
    }
    under_way = {name: m**2 if "_sq/" in name else m for name, m in moments.items()}
    for name, moment in under_way.items():
        moment.reshape(-1)[DEAD] *= np.finfo(state[name].dtype).tiny / 4
    return {
        name: under_way[name].astype(value.dtype) if name in under_way else value
        for name, value in state.items()
    } | {"adam.step": np.array(step)}


def _held(judged: Judged) -> bool:
    return all(judgement.verdict.held for judgement, _ in judged.values())


def _update(side: Side, state: State, grads: Grads) -> tuple[State, str]:
    """Take one step from a state; return the state after it, or none and why it does not count."""
    given = {name: grad.copy() for name, grad in grads.items()}
    try:
        side.load(state)
        after = side.update(dict(given))
    except Exception as error:  # the side is what is being judged: it may raise anything
        return {}, complaint(error)
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
    judged = Judged()
    for name, true in adam(before, grads, config, dtype).items():
        judgement = bounds.judge(after.get(name), true, dtype)
        held = judgement.verdict.held
        detail = (
            ""
            if held
            else spoilt or mistakes.detail(name, before, after, true.value, grads, config)
        )
        judged[name] = judgement, detail
    counted = int(after.get("adam.step", -1)) == int(before["adam.step"]) + 1
    judged["adam.step"] = (
        Judgement(Verdict.EXACT if counted else Verdict.FAIL, 0.0 if counted else np.inf),
        spoilt,
    )
    return judged


def _few(
    arrays: State, shapes: Mapping[str, tuple[int, ...]], entries: Mapping[str, Array]
) -> State:
    """Return the chosen entries of every array that has its parameter's shape, and any other array as it is."""
    few = {}
    for name, value in arrays.items():
        param = name.rpartition("/")[2]
        few[name] = value.ravel()[entries[param]] if value.shape == shapes.get(param) else value
    return few


def _badness(judged: tuple[Judgement, str]) -> tuple[bool, float]:
    judgement, _ = judged
    return not judgement.verdict.held, judgement.ratio


def adam(state: State, grads: Grads, config: Config, dtype: str) -> dict[str, Bounded]:
    """Return the true state after one step from `state`, in wider precision.

    A subnormal moment may be made zero. The bias corrections are Python floats, as they are on both
    sides: 1 − βᵗ cancels, and is part of the definition.
    """
    step = int(state["adam.step"]) + 1
    correction1, correction2 = 1 - config.beta1**step, 1 - config.beta2**step
    results: dict[str, Bounded] = {}
    for name, g in bounds.widen(grads, dtype).items():
        m, v, p = (
            state[f"{kind}/{name}"].astype(g.dtype)
            for kind in ("adam.exp_avg", "adam.exp_avg_sq", "param")
        )
        new_m = config.beta1 * m + (1 - config.beta1) * g
        new_v = config.beta2 * v + (1 - config.beta2) * g * g
        m_terms, v_terms = (
            np.abs(m) + (1 - config.beta1) * np.abs(g),
            v + (1 - config.beta2) * g * g,
        )
        per_moment: Array = config.lr / correction1 / (np.sqrt(new_v / correction2) + config.eps)
        results[f"adam.exp_avg/{name}"] = Bounded(new_m, m_terms, MOMENT, floor=1.0)
        results[f"adam.exp_avg_sq/{name}"] = Bounded(new_v, v_terms, SECOND_MOMENT, floor=1.0)
        results[f"param/{name}"] = Bounded(
            p - per_moment * new_m, np.abs(p) + per_moment * m_terms, PARAMETER
        )
    return results
