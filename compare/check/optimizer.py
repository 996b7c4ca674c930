"""Stage optimizer: it alone, on gradients given, one step at a time from a known state.

Gradients of whole networks are no test for Adam: at its first step it divides a gradient by itself,
so an entry near zero whose sign is a matter of rounding moves its parameter by the whole learning
rate, either way.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from compare.check.bounds import Bounded, Finding, Judgement, equal, finding, judge, widen
from compare.check.update_rules import OPTIMIZERS, Before, Rates, fitted, known
from compare.sides.calls import what_it_did
from compare.sides.interface import Array, Grads, Shape, Side, State, under_prefix

# Of gradients, one after the other: ordinary, tiny (near eps), zero, huge, of flipped sign.
SCALES = (1.0, 1e-8, 0.0, 1e6, -1.0)
ROUNDS = 10  # of those five: fifty steps
# Entries that get no gradient, as those of dead units, and whose averages have faded to subnormals.
# What near zero a result is cannot be decided, and a tensor may have 1 % of such.
DEAD = slice(255, None, 256)
UNDER_WAY = (7, 999)  # steps taken in the states that the first gradients are given in
ENTRIES = 4096  # of each tensor, at random: a step works entry by entry, and the truth is slow


class Case(NamedTuple):
    """One parameter's step, and what a side made of it: the slots and the parameter after it."""

    before: Before
    got: Sequence[Array | None]
    dtype: str


class Tried(NamedTuple):
    """One step of a side."""

    judged: dict[str, Judgement]  # by tensor
    failed: list[Case]
    did: str  # that it raised, and what
    changed: bool  # it changed its gradients

    @property
    def held(self) -> bool:
        """Whether all of it passed."""
        return not self.changed and all(found.verdict.held for found in self.judged.values())


def check_optimizer(side: Side, rates: Rates, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge state and parameters after single steps, each from the state that was before it.

    First from states under way; where all those hold, from where the side stands, until something
    fails. The worst of each tensor is a finding; the side's state stays as it is. What is wrong is
    said where one mistake, and no other, gives what the side did in every case that failed.
    """
    who, before = side.describe(), side.state()
    if not optimizer_of(before):
        return
    params = under_prefix("param", before)
    entries = {key: rng.permutation(param.size)[:ENTRIES] for key, param in params.items()}
    tried = []
    for step in UNDER_WAY:
        slots = _drawn_slots(before, rng)
        for scale, grads in zip(SCALES, _round(params, rng), strict=True):
            state = _under_way(before, step, scale, slots)
            tried.append(_try(side, state, grads, entries, rates, who.dtype)[0])
    if all(step.held for step in tried):
        state = before
        for grads in gradients(params, rng):
            last, state = _try(side, state, grads, entries, rates, who.dtype)
            tried.append(last)
            if not last.held:
                break
    side.load(before)
    changed = any(step.changed for step in tried)
    detail = "it changes the gradients that it is given, in place"
    yield finding("exact", who, "update", "grads", equal(not changed), detail)
    detail = next((step.did for step in tried if step.did), "")
    if failed := [case for step in tried for case in step.failed]:
        detail = detail or diagnosed(before, rates, failed)
    for name in tried[0].judged:
        worst = max((step.judged[name] for step in tried), key=_size)
        yield finding("optimizer", who, optimizer_of(before), name, worst, detail)


def optimizer_of(state: State) -> str:
    """Return the name of the optimizer in the table whose state this is; nothing for none."""
    return next((name for name in OPTIMIZERS if any(of.startswith(f"{name}.") for of in state)), "")


def gradients(params: Mapping[str, Array], rng: np.random.Generator) -> Iterator[Grads]:
    """Yield the gradients of every step, of the parameters' shapes and dtypes."""
    for _ in range(ROUNDS):
        yield from _round(params, rng)


def _round(params: Mapping[str, Array], rng: np.random.Generator) -> Iterator[Grads]:
    """Yield the same gradients in every scale."""
    drawn = {name: rng.standard_normal(param.shape) for name, param in params.items()}
    for value in drawn.values():
        value.reshape(-1)[DEAD] = 0
    for scale in SCALES:
        yield {name: (scale * value).astype(params[name].dtype) for name, value in drawn.items()}


def _drawn_slots(state: State, rng: np.random.Generator) -> dict[str, tuple[Array, bool]]:
    """Return normal numbers for each slot of a state, and whether it has a sign."""
    name = optimizer_of(state)
    slots = {f"{name}.{slot}": signed for slot, signed in OPTIMIZERS[name].slots.items()}
    return {
        tensor: (rng.standard_normal(value.shape), slots[kind])
        for tensor, value in state.items()
        if (kind := tensor.partition("/")[0]) in slots
    }


def _under_way(
    state: State, step: int, scale: float, slots: Mapping[str, tuple[Array, bool]]
) -> State:
    """Return the state as after so many steps, on gradients of a scale.

    From rest, many a mistake looks like another.
    """
    name = optimizer_of(state)
    drawn = {f"{name}.step": np.array(step)} if OPTIMIZERS[name].counts else {}
    for tensor, (value, signed) in slots.items():
        slot = scale * value if signed else (scale * value) ** 2
        slot.reshape(-1)[DEAD] = np.finfo(state[tensor].dtype).tiny / 4
        drawn[tensor] = slot.astype(state[tensor].dtype)
    return {**state, **drawn}


def _size(found: Judgement) -> tuple[bool, float]:
    return not found.verdict.held, found.ratio


def _try(
    side: Side,
    state: State,
    grads: Grads,
    entries: Mapping[str, Array],
    rates: Rates,
    dtype: str,
) -> tuple[Tried, State]:
    """Take one step from a state; return what became of it, and the state after it."""
    given, after, did = {name: grad.copy() for name, grad in grads.items()}, State(), ""
    try:
        side.load(state)
        after = side.update(dict(given))
    except Exception as error:  # the side is what is being judged: it may raise anything
        did = what_it_did(error)
    changed = any(not np.array_equal(given[name], grad) for name, grad in grads.items())
    shapes = {name: grad.shape for name, grad in grads.items()}
    few, got, grads = (_few(arrays, shapes, entries) for arrays in (state, after, grads))
    name, failed = optimizer_of(state), []
    judged: dict[str, Judgement] = {}
    for tensors, before in _each(few, grads, dtype):
        results = OPTIMIZERS[name].step(before, rates)
        found = [judge(got.get(of), true, dtype) for of, true in zip(tensors, results, strict=True)]
        judged |= zip(tensors, found, strict=True)
        if not all(judgement.verdict.held for judgement in found):
            failed.append(Case(before, [got.get(of) for of in tensors], dtype))
    if OPTIMIZERS[name].counts:
        counter = f"{name}.step"
        judged[counter] = equal(np.array_equal(got.get(counter, -1), few[counter] + 1))
    return Tried(judged, failed, did, changed), after


def _few(arrays: State, shapes: Mapping[str, Shape], entries: Mapping[str, Array]) -> State:
    """Return the chosen entries of what has its parameter's shape, and all else as it is."""
    few = {}
    for name, value in arrays.items():
        param = name.rpartition("/")[2]
        few[name] = value.ravel()[entries[param]] if value.shape == shapes.get(param) else value
    return few


def _each(state: State, grads: Grads, dtype: str) -> Iterator[tuple[list[str], Before]]:
    """Yield, for every parameter, the names of its slots and its own, and what is before a step."""
    name = optimizer_of(state)
    t = int(state[f"{name}.step"]) + 1 if OPTIMIZERS[name].counts else 0
    for place, (of, grad) in enumerate(widen(grads, dtype).items()):
        tensors = [*(f"{name}.{slot}/{of}" for slot in OPTIMIZERS[name].slots), f"param/{of}"]
        *slots, param = (state[tensor].astype(grad.dtype) for tensor in tensors)
        yield tensors, Before(param, tuple(slots), grad, t, place)


def updated(state: State, grads: Grads, rates: Rates, dtype: str) -> dict[str, Bounded]:
    """Return slots and parameters as they truly are after one step from `state`."""
    step = OPTIMIZERS[optimizer_of(state)].step
    each = _each(state, grads, dtype)
    return {
        tensor: true
        for tensors, before in each
        for tensor, true in zip(tensors, step(before, rates), strict=True)
    }


def diagnosed(state: State, rates: Rates, cases: Sequence[Case]) -> str:
    """Say what is wrong, where one mistake alone gives, to within rounding, what every case got.

    Of several numbers in it that do, rounding apart, the first is said.
    """
    optimizer = OPTIMIZERS[optimizer_of(state)]
    with np.errstate(all="ignore"):  # a mistake may divide by zero, and overflow
        plain = {(say, ""): step for say, step in known(optimizer).items()}
        numbered = {
            (say, number): step
            for case in cases
            if (got := _finite(case))
            for say, number, step in fitted(optimizer, case.before, rates, got)
        }
        for mistakes in (plain, numbered):
            fit = [
                mistake
                for mistake, step in mistakes.items()
                if all(_fits(case, step(case.before, rates)) for case in cases)
            ]
            if fit:
                say, number = fit[0]
                return say.format(number) if len({say for say, _ in fit}) == 1 else ""
    return ""


def _finite(case: Case) -> list[Array]:
    """Return what was got, where all of it can be computed with; or nothing."""
    got = [value for value in case.got if value is not None and np.isfinite(value).all()]
    return got if [of.shape for of in got] == [case.before.param.shape] * len(case.got) else []


def _fits(case: Case, after: Sequence[Bounded]) -> bool:
    """Whether what was got is this, to within rounding, and overflows where this does."""
    for got, true in zip(case.got, after, strict=True):
        finite = np.isfinite(true.value.astype(case.dtype))
        if got is None or got.shape != finite.shape or (np.isfinite(got) != finite).any():
            return False
        value, scale = true.value[finite], true.scale[finite]
        found = judge(got[finite], true._replace(value=value, scale=scale), case.dtype)
        if not found.verdict.held:
            return False
    return True
