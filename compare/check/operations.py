"""Stage 2, operations: each one alone, on operands that both sides are given; so no error can be inherited.

First operands on which rounding has no part, where every order of summation gives the same bits.
They see a single column of a weight, or a bias one ULP off, which are far below what rounding
allows. Then ordinary operands, in float32 and float64, against the truth in wider precision.
"""

import warnings
from collections.abc import Iterator

import numpy as np

from compare.check import bounds, mistakes
from compare.check.bounds import Bounded, Finding, Judgement, Verdict
from compare.check.kinds import OPERATIONS, sigmoid_forward
from compare.sides.calls import complaint
from compare.sides.interface import Array, Description, Layer, Operands, Operator, Side, State

ROWS = (
    32  # of a batch of operands: the widths are the network's own, and the truth is slow to compute
)
FEWER = (
    5,
    1,
)  # rows of others: a factor may hold for one size alone, and a single row may go a way of its own
SPOILT = Judgement(
    Verdict.FAIL, np.inf
)  # it raised, warned or changed an operand: its results do not count
LARGEST_INTEGER = 3  # operands are integers in ±3: a sum of 10,000 products stays far below 2^24


def operations(side: Side) -> Iterator[tuple[str, str]]:
    """Yield (name, kind) of everything a side can be asked for, in the order of a step: ("fc1.forward", …), …."""
    layers = (*side.describe().layers, Layer("loss", "SumSquaredError", 0, 0))
    for direction, ordered in (("forward", layers), ("backward", layers[::-1])):
        for layer in ordered:
            yield f"{layer.name}.{direction}", f"{layer.kind}.{direction}"


def check_operations(side: Side, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge every operation of a side, from its state, which stays as it is."""
    yield from _check_load(side, rng)
    state = side.state()
    for name, kind in operations(side):
        yield from check_operation(side, name, kind, state, rng)


def check_operation(
    side: Operator, name: str, kind: str, state: State, rng: np.random.Generator
) -> Iterator[Finding]:
    """Judge one operation, of a kind that the oracle knows, with the weights that the state has for it."""
    yield from _check_exact(side, name, kind, state, rng)
    yield from _check_rounding(side, name, kind, state, rng)


def _check_load(side: Side, rng: np.random.Generator) -> Iterator[Finding]:
    """Give the side a random state: it comes back bit for bit, and what was handed out before is as it was."""
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
            verdict = Verdict.EXACT if same else Verdict.FAIL
            yield Finding(
                "exact", who.name, who.dtype, operation, name, verdict, 0.0 if same else np.inf
            )


def _check_exact(
    side: Operator, name: str, kind: str, state: State, rng: np.random.Generator
) -> Iterator[Finding]:
    who = side.describe()
    for operands in exact_operands(name, kind, who, state, rng):
        results, spoilt = _run(side, name, operands)
        for tensor, true in OPERATIONS[kind](**operands).items():
            expected, got = true.value.astype(who.dtype), results.get(tensor)
            judgement = bounds.judge(got, Bounded(expected, np.zeros_like(expected), 0), who.dtype)
            judgement = SPOILT if spoilt else judgement
            detail = spoilt or _detail(kind, tensor, got, true, operands, judgement)
            yield _finding("exact", who, name, tensor, judgement, detail)


def exact_operands(
    name: str, kind: str, who: Description, state: State, rng: np.random.Generator
) -> Iterator[Operands]:
    """Yield operands whose results every order of summation gets right to the last bit."""
    for rows in (ROWS, *FEWER):
        shapes = _shapes(name, kind, who, rows)
        if kind == "Sigmoid.forward":
            yield {
                "x": np.zeros(shapes["x"], who.dtype)
            }  # the one number whose sigmoid is a number
        else:
            yield {
                key: rng.integers(-LARGEST_INTEGER, LARGEST_INTEGER + 1, shape).astype(who.dtype)
                for key, shape in shapes.items()
            }
    layer = name.split(".")[0]
    if kind == "Linear.forward":
        weight, bias = state[f"param/{layer}.weight"], state[f"param/{layer}.bias"]
        one_hot = np.eye(weight.shape[1], dtype=who.dtype)
        yield {"x": np.zeros_like(one_hot[:1]), "weight": weight, "bias": bias}
        yield {"x": one_hot, "weight": weight, "bias": bias}
    elif kind == "Linear.backward":
        weight = state[f"param/{layer}.weight"]
        one_hot = np.eye(weight.shape[0], dtype=who.dtype)
        x = rng.standard_normal((len(one_hot), weight.shape[1])).astype(who.dtype)
        yield {"dy": one_hot, "x": x, "weight": weight}


def _check_rounding(
    side: Operator, name: str, kind: str, state: State, rng: np.random.Generator
) -> Iterator[Finding]:
    who = side.describe()
    for tensor, (judgement, detail) in _judge_once(side, name, kind, state, rng).items():
        if (
            judgement.suspect
        ):  # correlated roundings, which do not repeat on zero-mean operands, or a small fault
            again, detail = _judge_once(side, name, kind, None, rng)[tensor]
            repeated = again.suspect or not again.verdict.held
            judgement = (
                again._replace(verdict=Verdict.FAIL)
                if repeated
                else judgement._replace(verdict=Verdict.BORDERLINE)
            )
        yield _finding("rounding", who, name, tensor, judgement, detail)


def _judge_once(
    side: Operator, name: str, kind: str, state: State | None, rng: np.random.Generator
) -> dict[str, tuple[Judgement, str]]:
    """Run an operation on normal operands, with the side's own weights where a state is given; judge its results."""
    who = side.describe()
    operands = {
        key: rng.standard_normal(shape).astype(who.dtype)
        for key, shape in _shapes(name, kind, who, ROWS).items()
    }
    if state is not None:
        layer = name.split(".")[0]
        operands |= {
            key: state[f"param/{layer}.{key}"] for key in ("weight", "bias") if key in operands
        }
    if kind.startswith(("ReLU", "Sigmoid")):  # an activation may go wrong far from zero only
        for key in operands.keys() & {"x", "y"}:
            operands[key][::2] *= (
                -np.log(np.finfo(who.dtype).tiny) / 3
            )  # three of these deviations, and eˣ underflows
    if kind == "Sigmoid.backward":
        operands["y"] = sigmoid_forward(operands["y"])["y"].value
    results, spoilt = _run(side, name, operands)
    wide = {key: value.astype(bounds.WIDER[who.dtype]) for key, value in operands.items()}
    judged = {}
    for tensor, true in OPERATIONS[kind](**wide).items():
        judgement = SPOILT if spoilt else bounds.judge(results.get(tensor), true, who.dtype)
        judged[tensor] = (
            judgement,
            spoilt or _detail(kind, tensor, results.get(tensor), true, wide, judgement),
        )
    return judged


def _run(side: Operator, name: str, operands: Operands) -> tuple[Operands, str]:
    """Do the operation on copies; return its results, or none and why they do not count."""
    copies = {key: value.copy() for key, value in operands.items()}
    try:
        with warnings.catch_warnings(action="error"):
            results = side.op(name, dict(copies))
    except Exception as error:  # the side is what is being judged: it may raise anything
        return {}, complaint(error)
    changed = [key for key, value in operands.items() if not np.array_equal(copies[key], value)]
    if changed:
        return {}, f"it changed its operand {changed[0]}"
    return results, ""


def _detail(
    kind: str,
    tensor: str,
    got: Array | None,
    true: Bounded,
    operands: Operands,
    judgement: Judgement,
) -> str:
    if got is None or (judgement.verdict.held and not judgement.suspect):
        return ""
    return mistakes.of_operation(kind, tensor, got, true.value, operands)


def _shapes(name: str, kind: str, who: Description, rows: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of an operation's operands."""
    layers = {layer.name: layer for layer in who.layers}
    if kind.startswith("SumSquaredError"):
        output = (rows, who.layers[-1].out_features)
        return {"y": output, "target": output}
    layer = layers[name.split(".")[0]]
    x, y = (rows, layer.in_features), (rows, layer.out_features)
    weights = {"weight": (layer.out_features, layer.in_features), "bias": (layer.out_features,)}
    operands: dict[str, dict[str, tuple[int, ...]]] = {
        "Linear.forward": {"x": x, **weights},
        "Linear.backward": {"dy": y, "x": x, "weight": weights["weight"]},
        "ReLU.forward": {"x": x},
        "ReLU.backward": {"dy": y, "y": y},
        "Sigmoid.forward": {"x": x},
        "Sigmoid.backward": {"dy": y, "y": y},
    }
    return operands[kind]


def _finding(
    stage: str, who: Description, name: str, tensor: str, judgement: Judgement, detail: str
) -> Finding:
    verdict, ratio, undecided, _ = judgement
    return Finding(
        stage,
        who.name,
        who.dtype,
        name,
        tensor,
        verdict,
        ratio,
        undecided,
        "" if verdict.held else detail,
    )
