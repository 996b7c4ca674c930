"""Tier 4, optimizer: Adam alone, on gradients that both sides are given, one step at a time from the same state.

Gradients of whole networks are no test for Adam: at its first step it divides a gradient by itself, so an entry near
zero whose sign is a matter of rounding moves its parameter by the whole learning rate, either way.
"""

from collections.abc import Iterator

import numpy as np

from compare.experiment.config import Config
from compare.parity import adam_mistakes, tolerance
from compare.parity.side import Array, Grads, Side, State, under_prefix
from compare.parity.tolerance import Bounded
from compare.parity.verdict import Finding, Verdict

STEPS = 50
# Roundings, at most, in any of the usual ways to write it down: β and 1 − β as numbers of the dtype, the products and
# the sum; for the second moment one product more; for the parameter those of both moments, a root, two divisions, the
# sum with eps, lr and the corrections as numbers of the dtype, their product, and the difference.
MOMENT, SECOND_MOMENT, PARAMETER = 5, 6, 5 + 6 + 8


def gradients(step: int, shapes: dict[str, tuple[int, ...]], dtype: str, rng: np.random.Generator) -> Grads:
    """Return the gradients of one step: by turns ordinary, tiny (near eps), zero, huge, and of flipped sign."""
    scale = (1.0, 1e-8, 0.0, 1e6, -1.0)[step % 5]
    return {name: (scale * rng.standard_normal(shape)).astype(dtype) for name, shape in shapes.items()}


def check_optimizer(side: Side, config: Config, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge both moments and every parameter after each of fifty steps; the worst of each is a finding."""
    who, before = side.describe(), side.state()
    state = before
    shapes = {name: value.shape for name, value in under_prefix("param", before).items()}
    worst: dict[str, tolerance.Judgement] = {}
    details: dict[str, str] = {}
    for step in range(STEPS):
        grads = gradients(step, shapes, who.dtype, rng)
        after, complaint = _update(side, state, grads)
        truth = adam(state, grads, config, who.dtype)
        for name, true in truth.items():
            judgement = tolerance.judge(after.get(name), true, who.dtype)
            worst[name] = max(worst.get(name, judgement), judgement, key=lambda j: (not j.verdict.held, j.ratio))
            if not judgement.verdict.held and not details.get(name):
                details[name] = complaint or adam_mistakes.detail(name, state, after, true.value, grads, config)
        counted = int(after.get("adam.step", -1)) == step + 1
        count = tolerance.Judgement(Verdict.EXACT if counted else Verdict.OFF, 0.0 if counted else np.inf)
        worst["adam.step"] = max(worst.get("adam.step", count), count, key=lambda j: j.ratio)
        state = {name: true.value.astype(who.dtype) for name, true in truth.items()} | {"adam.step": np.array(step + 1)}
    side.load(before)
    for name, (verdict, ratio, undecided, _) in worst.items():
        detail = details.get(name, "")
        yield Finding("optimizer", who.name, who.dtype, "adam", name, verdict, ratio, undecided, detail)


def _update(side: Side, state: State, grads: Grads) -> tuple[State, str]:
    """Take one step from a state; return the state after it, or none and why it does not count."""
    given = {name: grad.copy() for name, grad in grads.items()}
    try:
        side.load(state)
        after = side.update(given)
    except Exception as error:  # the side is what is being judged: it may raise anything
        return {}, f"it raised {type(error).__name__}: {error}"
    if any(not np.array_equal(given[name], grad) for name, grad in grads.items()):
        return {}, "it changed the gradients that it was given"
    return after, ""


def adam(state: State, grads: Grads, config: Config, dtype: str) -> dict[str, Bounded]:
    """Return the true state after one step from `state`, in wider precision.

    The bias corrections are Python floats, as they are on both sides: 1 − βᵗ cancels, and is part of the definition.
    """
    step = int(state["adam.step"]) + 1
    correction1, correction2 = 1 - config.beta1**step, 1 - config.beta2**step
    results: dict[str, Bounded] = {}
    for name, g in tolerance.widen(grads, dtype).items():
        m, v, p = (state[f"{kind}/{name}"].astype(g.dtype) for kind in ("adam.exp_avg", "adam.exp_avg_sq", "param"))
        new_m = config.beta1 * m + (1 - config.beta1) * g
        new_v = config.beta2 * v + (1 - config.beta2) * g * g
        m_terms, v_terms = np.abs(m) + (1 - config.beta1) * np.abs(g), v + (1 - config.beta2) * g * g
        per_moment: Array = config.lr / correction1 / (np.sqrt(new_v / correction2) + config.eps)
        results[f"adam.exp_avg/{name}"] = Bounded(new_m, m_terms, MOMENT)
        results[f"adam.exp_avg_sq/{name}"] = Bounded(new_v, v_terms, SECOND_MOMENT)
        results[f"param/{name}"] = Bounded(p - per_moment * new_m, np.abs(p) + per_moment * m_terms, PARAMETER)
    return results
