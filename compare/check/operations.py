"""Stages exact and rounding: each operation alone, on operands given, so no error is propagated.

First operands on which rounding has no part, where every order of summation gives the same bits.
They see a single column of a weight, or a bias one ULP off, which are far below what rounding
allows. Then ordinary operands, in float32 and float64, against the truth in wider precision.
"""

import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from compare.check.bounds import (
    Bounded,
    Finding,
    Judgement,
    Verdict,
    equal,
    finding,
    judge,
    norm,
    unit_roundoff,
    widen,
)
from compare.check.kinds import OPERATIONS, in_table, step_of
from compare.check.mistakes import common, kinds, misshapen
from compare.check.operands import (
    Layout,
    exact_operands,
    in_rows,
    random_operands,
    special_operands,
)
from compare.sides.calls import what_it_did
from compare.sides.interface import Array, Layer, Operands, Operator, Side, State

SPOILT = equal(False)  # it raised, warned or changed an operand: its results do not count


class Found(NamedTuple):
    """What one set of operands shows of a result: its verdict, and what explains it."""

    judgement: Judgement
    fact: str  # what is so on these operands, whatever the result is on others
    got: Array | None
    true: Bounded
    operands: Operands


def check_operations(
    side: Side, rng: np.random.Generator, rows: Sequence[int]
) -> Iterator[Finding]:
    """Judge every operation in the table of a side, from its state, which stays as it is.

    `rows` are those of the batches that it is to be right on.
    """
    state, who = side.state(), side.describe()
    for name, operation, layer in step_of(who):
        if in_table(layer) and (who.loss or layer.name != "loss"):
            yield from check_operation(side, name, operation, layer, state, rng, rows)


def check_operation(
    side: Operator,
    name: str,
    kind: str,
    layer: Layer,
    state: State,
    rng: np.random.Generator,
    rows: Sequence[int],
) -> Iterator[Finding]:
    """Judge one operation of a layer, with the weights that the state has for it.

    What kind of mistake it is, is said where it is so on all operands on which it fails.
    """
    who = side.describe()
    weights = {
        key: state[f"param/{layer.name}.{key}"].astype(who.dtype) for key in layer.parameters
    }
    run = partial(_run, side, name, kind, layer, who.dtype)
    draw = partial(random_operands, kind, layer, who.dtype, rng)
    found = [
        ("exact", tensor, one)
        for operands, layout in exact_operands(kind, layer, who.dtype, weights, rng, rows)
        for tensor, one in run(operands, layout, exact=True).items()
    ]
    special = list(_special(side, name, kind, layer, who.dtype, rng))
    for tensor, one in run(draw(weights)).items():
        if one.judgement.borderline:  # correlated roundings, which do not repeat, or a small fault
            again = run(draw())[tensor]
            repeated = again.judgement.borderline or not again.judgement.verdict.held
            chosen = again if repeated else one
            verdict = Verdict.FAIL if repeated else Verdict.BORDERLINE
            one = chosen._replace(judgement=chosen.judgement._replace(verdict=verdict))
        found.append(("rounding", tensor, one))
    for tensor, one in run(draw(far=True)).items():
        if one.judgement.verdict is Verdict.INCONCLUSIVE:  # much of it is far below what is normal
            one = one._replace(judgement=one.judgement._replace(verdict=Verdict.WITHIN))
        found.append(("rounding", tensor, one))
    wrong = {
        tensor: _kind(kind, tensor, layer, who.dtype, [one for _, of, one in found if of == tensor])
        for tensor in OPERATIONS[kind].results
    }
    # A result that is wrong on ordinary operands is so on these, too: that tells nothing more.
    failed = {tensor for _, tensor, one in found if not one.judgement.verdict.held}
    found += [("exact", tensor, one) for tensor, one in special if tensor not in failed]
    for stage, tensor, one in found:
        yield finding(stage, who, name, tensor, one.judgement, one.fact or wrong[tensor])


def _special(
    side: Operator, name: str, kind: str, layer: Layer, dtype: str, rng: np.random.Generator
) -> Iterator[tuple[str, Found]]:
    """Yield whether a NaN in an operand shows, which is a fault, and an infinity, which is noted.

    That is, whether the result is the definition's, where that is no number and where it is one;
    but a NaN in the place of a number hides nothing.
    """
    for key, what, operands in special_operands(kind, layer, dtype, rng):
        results, spoilt = _results(side, name, operands, warn="ignore")
        with np.errstate(all="ignore"):
            true = OPERATIONS[kind].define(**operands)
        for tensor, of in true.items():
            got = results.get(tensor)
            if got is not None and got.shape != of.value.shape:  # which is told of other operands
                continue
            shows = got is not None and _shows(got, of.value)
            if what == "NaN":
                judgement, said = equal(shows), f"a NaN in {key} does not come out as one"
            else:
                judgement = equal(True) if shows else Judgement(Verdict.NOTED)
                said = f"of {what} in {key}, it is not what the definition has"
            yield tensor, Found(judgement, "" if shows else spoilt or said, got, of, operands)


def _shows(got: Array, true: Array) -> bool:
    return bool(((got == true) | (np.isnan(got) & ~np.isinf(true))).all())


def _run(
    side: Operator,
    name: str,
    kind: str,
    layer: Layer,
    dtype: str,
    operands: Operands,
    layout: Layout = in_rows,
    *,
    exact: bool = False,
) -> dict[str, Found]:
    """Do an operation on copies of operands; judge its results, of which `exact` asks every bit."""
    results, spoilt = _results(side, name, operands, layout)
    wide = operands if exact else widen(operands, dtype)
    found = {}
    for tensor, true in OPERATIONS[kind].define(**wide).items():
        got, truth = results.get(tensor), true
        if exact:
            value = true.value.astype(dtype)
            truth = Bounded(value, np.abs(value), OPERATIONS[kind].left_on_integers)
        judgement = SPOILT if spoilt else judge(got, truth, dtype)
        if judgement.verdict is Verdict.WRONG_SHAPE and got is not None:
            sizes = OPERATIONS[kind].sizes(layer, _rows(operands))
            rule = OPERATIONS[kind].results[tensor].element
            why = misshapen(got.shape, true.value.shape, rule, sizes)
            judgement = judgement._replace(why=why)
        found[tensor] = Found(judgement, spoilt, got, true, wide)
    return found


def _results(
    side: Operator,
    name: str,
    operands: Operands,
    layout: Layout = in_rows,
    warn: Literal["error", "ignore"] = "error",
) -> tuple[Operands, str]:
    """Return an operation's results, or none and why they do not count."""
    given = {key: layout(value.copy()) for key, value in operands.items()}
    try:
        with warnings.catch_warnings(action=warn):
            results = side.op(name, dict(given))
    except Exception as error:  # the side is what is being judged: it may raise anything
        return {}, what_it_did(error)
    for key, value in operands.items():
        if not np.array_equal(given[key], value, equal_nan=True):
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
        rows = _rows(one.operands)
        counts = {"rows": rows, "entries": rows * layer.in_features}
        rounding = unit_roundoff(dtype) * one.true.roundings**0.5 * norm(one.true.scale)
        yield from kinds(one.got, one.true.value, mistakes, added, counts, rounding)

    failed = [one for one in found if not (one.judgement.verdict.held or one.fact)]
    said = common(map(claims, failed))
    alone = all(_rows(one.operands) == 1 for one in failed)
    return f"{said}, where there is one row" if said and alone else said


def _rows(operands: Operands) -> int:
    """Return how many rows operands have: the first is x, dy or y."""
    return len(next(iter(operands.values())))
