"""Stages exact and rounding: each operation alone, on operands given, so no error is propagated.

First operands on which rounding has no part, where every order of summation gives the same bits.
They see a single column of a weight, or a bias one ULP off, which are far below what rounding
allows. Then ordinary operands, in float32 and float64, against the truth in wider precision.
"""

import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from compare.check.bounds import (
    Bounded,
    Finding,
    Judgement,
    Verdict,
    equal,
    finding,
    judge,
    unit_roundoff,
    widen,
)
from compare.check.kinds import OPERATIONS, step_of
from compare.check.mistakes import common, kinds, norm
from compare.sides.calls import what_it_did
from compare.sides.interface import Array, Layer, Operands, Operator, Side, State

ROWS = 32  # of operands: the widths are the network's own, and the truth is slow to compute
FEWER = (5, 1)  # rows of others: a factor may hold for one size alone, and one row go its own way
SPOILT = equal(False)  # it raised, warned or changed an operand: its results do not count
LARGEST_INTEGER = 3  # operands are integers in ±3: sums of 10,000 products stay far below 2^24


class Found(NamedTuple):
    """What one set of operands shows of a result: its verdict, and what explains it."""

    judgement: Judgement
    fact: str  # what is so on these operands, whatever the result is on others
    got: Array | None
    true: Bounded
    operands: Operands


def check_operations(side: Side, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge every operation of a side, from its state, which stays as it is."""
    yield from _check_load(side, rng)
    state = side.state()
    for name, operation, layer in step_of(side.describe().layers):
        yield from check_operation(side, name, operation, layer, state, rng)


def _check_load(side: Side, rng: np.random.Generator) -> Iterator[Finding]:
    """Give the side a random state: it comes back bit for bit, and what was handed out stays."""
    who, before = side.describe(), side.state()
    kept = {name: value.copy() for name, value in before.items()}
    given = {
        name: np.array(7)
        if name == "adam.step"
        else np.abs(rng.standard_normal(value.shape)).astype(value.dtype)
        for name, value in before.items()
    }
    side.load(given)
    back = {name: value.copy() for name, value in side.state().items()}
    handed_out = {name: value.copy() for name, value in before.items()}
    side.load(kept)
    for operation, have, expected in (("state", handed_out, kept), ("load", back, given)):
        for name, value in expected.items():
            same = name in have and np.array_equal(have[name], value)
            yield finding("exact", who, operation, name, equal(same))


def check_operation(
    side: Operator, name: str, kind: str, layer: Layer, state: State, rng: np.random.Generator
) -> Iterator[Finding]:
    """Judge one operation of a layer, with the weights that the state has for it.

    What kind of mistake it is, is said where it is so on all operands on which it fails.
    """
    who = side.describe()
    weights = {key: state[f"param/{layer.name}.{key}"] for key in layer.parameters}
    run = partial(_run, side, name, kind)
    found = [
        ("exact", tensor, one)
        for operands in exact_operands(kind, layer, who.dtype, weights, rng)
        for tensor, one in run(operands, exact=True).items()
    ]
    for tensor, one in run(_normal(kind, layer, who.dtype, weights, rng)).items():
        if one.judgement.borderline:  # correlated roundings, which do not repeat, or a small fault
            again = run(_normal(kind, layer, who.dtype, {}, rng))[tensor]
            repeated = again.judgement.borderline or not again.judgement.verdict.held
            chosen = again if repeated else one
            verdict = Verdict.FAIL if repeated else Verdict.BORDERLINE
            one = chosen._replace(judgement=chosen.judgement._replace(verdict=verdict))
        found.append(("rounding", tensor, one))
    wrong = {
        tensor: _kind(kind, tensor, layer, who.dtype, [one for _, of, one in found if of == tensor])
        for tensor in OPERATIONS[kind].results
    }
    for stage, tensor, one in found:
        yield finding(stage, who, name, tensor, one.judgement, one.fact or wrong[tensor])


def exact_operands(
    kind: str, layer: Layer, dtype: str, weights: Operands, rng: np.random.Generator
) -> Iterator[Operands]:
    """Yield operands whose results every order of summation gets right to the last bit."""
    operation = OPERATIONS[kind]
    largest = LARGEST_INTEGER if operation.exact_on_integers else 0
    for rows in (ROWS, *FEWER):
        yield {
            key: rng.integers(-largest, largest + 1, shape).astype(dtype)
            for key, shape in operation.shapes(layer, rows).items()
        }
    yield from operation.more_exact(layer, weights, dtype, rng)


def _normal(
    kind: str, layer: Layer, dtype: str, weights: Operands, rng: np.random.Generator
) -> Operands:
    """Return normal operands, and the weights given in place of those."""
    operation = OPERATIONS[kind]
    shapes = operation.shapes(layer, ROWS).items()
    drawn = {key: rng.standard_normal(shape).astype(dtype) for key, shape in shapes}
    operands = drawn | {key: value for key, value in weights.items() if key in drawn}
    for key in operation.far_out:  # three of these deviations, and eˣ underflows
        operands[key][::2] *= -np.log(np.finfo(dtype).tiny) / 3
    for key, image in operation.images.items():
        operands[key] = image(operands[key])
    return operands


def _run(
    side: Operator, name: str, kind: str, operands: Operands, exact: bool = False
) -> dict[str, Found]:
    """Do an operation on copies of operands; judge its results, of which `exact` asks every bit."""
    dtype = side.describe().dtype
    results, spoilt = _results(side, name, operands)
    wide = operands if exact else widen(operands, dtype)
    found = {}
    for tensor, true in OPERATIONS[kind].define(**wide).items():
        got, truth = results.get(tensor), true
        if exact:
            value = true.value.astype(dtype)
            truth = Bounded(value, np.zeros_like(value), 0)
        judgement = SPOILT if spoilt else judge(got, truth, dtype)
        found[tensor] = Found(judgement, spoilt, got, true, wide)
    return found


def _results(side: Operator, name: str, operands: Operands) -> tuple[Operands, str]:
    """Return an operation's results, or none and why they do not count."""
    copies = {key: value.copy() for key, value in operands.items()}
    try:
        with warnings.catch_warnings(action="error"):
            results = side.op(name, dict(copies))
    except Exception as error:  # the side is what is being judged: it may raise anything
        return {}, what_it_did(error)
    for key, value in operands.items():
        if not np.array_equal(copies[key], value):
            return {}, f"it changed its operand {key}"
    return results, ""


def _kind(kind: str, tensor: str, layer: Layer, dtype: str, found: Sequence[Found]) -> str:
    """Say what is wrong with a result on all operands on which it fails, or nothing."""
    result = OPERATIONS[kind].results[tensor]

    def claims(one: Found) -> Iterator[str]:
        if one.got is None:
            return
        mistakes = ((say, make(**one.operands)) for say, make in result.mistakes.items())
        added = ((say, make(**one.operands)) for say, make in result.added.items())
        counts = {"rows": rows(one), "entries": rows(one) * layer.in_features}
        rounding = unit_roundoff(dtype) * one.true.roundings**0.5 * norm(one.true.scale)
        yield from kinds(one.got, one.true.value, mistakes, added, counts, rounding)

    def rows(one: Found) -> int:
        return len(next(iter(one.operands.values())))

    failed = [one for one in found if not (one.judgement.verdict.held or one.fact)]
    said = common(map(claims, failed))
    return f"{said}, where there is one row" if said and {*map(rows, failed)} == {1} else said
