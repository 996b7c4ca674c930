"""Stage network: one whole training step from the same state, where all operations' errors meet.

Each side is held against the truth: its graph of layers, computed by the kinds' definitions in
wider precision, with that side's own ReLU masks. Which side of zero a value near zero falls on is a
matter of rounding, and no fault. How far rounding may carry a network has no useful bound (the
proved ones are thousands of times too wide), so it is measured: the graph is replayed several times
with random noise of rounding size after every operation. Where the table lacks a kind, its layer's
definition in torch is replayed, and with it the whole graph: `network_in_torch.py`.
"""

from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np

from compare.check.bounds import (
    WIDER,
    Finding,
    Judgement,
    Verdict,
    equal,
    finding,
    norm,
    unit_roundoff,
    unusable,
    widen,
)
from compare.check.definition import Results
from compare.check.kinds import OPERATIONS, in_table, results_of, step_of, taken, traced
from compare.check.miscalled import miscalls
from compare.check.mistakes import BY_WAY, explained
from compare.data.batches import Batch
from compare.sides.interface import (
    Array,
    Description,
    Side,
    Trace,
    between_operations,
    observed,
    with_loss,
    with_prefix,
)

Ways = dict[str, dict[str, Array]]  # by gradient, and by the layer that it comes through

REPLAYS = 8
ALLOWANCE = 4.0  # times the largest deviation of the replays: of eight, itself a random number
FINEST = 2.0**-40  # finer noise would drown in the replay's float64 roundings; it is scaled up


def check_network(side: Side, batch: Batch, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge every tensor of one observed step, normwise; the side's state stays as it is."""
    who, ways = side.describe(), Ways()
    inputs: dict[str, Array] = {}
    if all(map(in_table, with_loss(who))):
        trace, inputs, masks = _observed(side, batch)
        truth, deviations = true_step(who, inputs, masks, rng, ways)
    else:
        trace, truth, deviations = _step_in_torch(side, batch, rng)
    made_by = {
        traced(name, result, who.layers): name
        for name, _, layer in step_of(who)
        for result in results_of(name, layer)
    }
    for name, true in truth.items():
        found = _judge(trace.get(name), true, ALLOWANCE * deviations[name], who.dtype)
        if found.verdict is Verdict.MISSING and between_operations(name, who.layers):
            found = Judgement(Verdict.NOT_OFFERED)
        told = found.verdict in (Verdict.FAIL, Verdict.WRONG_SHAPE)
        detail = ""
        if told:
            mistakes = missing_ways(true, ways.get(name, {}), who)
            calls = miscalls(name, inputs | truth, ways, who) if inputs else ()
            with np.errstate(all="ignore"):  # of an operand that is another, anything may come
                detail = explained(trace[name], true, chain(mistakes, calls))
        yield finding("network", who, made_by.get(name, "data"), name, found, detail)


def _observed(side: Side, batch: Batch) -> tuple[Trace, dict[str, Array], dict[str, Array]]:
    """Return the trace of a step, and for its truth the inputs and which entries ReLUs let by."""
    who, trace = side.describe(), observed(side, batch)
    inputs = {**side.state(), **with_prefix("act", batch)}
    if not who.loss:  # its gradient is taken as the side has it
        output = f"dact/{who.layers[-1].name}"
        inputs |= {name: value for name, value in trace.items() if name == output}
    return trace, inputs, masks_of(who, trace, len(batch.noisy))


def _step_in_torch(
    side: Side, batch: Batch, rng: np.random.Generator
) -> tuple[Trace, Trace, dict[str, float]]:
    """Return a step's trace, its truth and the deviations, of so many rows that none is in doubt.

    A maximum, say, may be decided by rounding; such rows are left out, by halves.
    """
    from compare.check.network_in_torch import Graph

    while True:
        trace, *given = _observed(side, batch)
        graph = Graph(side.describe(), *given)
        if len(batch.noisy) == 1 or graph.is_decided(rng):
            return trace, *graph.true_step(rng, REPLAYS, FINEST)
        rows = rng.permutation(len(batch.noisy))[: len(batch.noisy) // 2]
        batch = batch.each(lambda x, rows=rows: x[rows])  # type: ignore[misc]


def true_step(
    who: Description,
    inputs: Mapping[str, Array],
    masks: Mapping[str, Array],
    rng: np.random.Generator,
    ways: Ways | None = None,
) -> tuple[Trace, dict[str, float]]:
    """Return the true trace of one step and, by tensor, how far rounding took the worst replay.

    `inputs` are the parameters and the batch, as a trace names them; `masks` says where each ReLU
    let through. Of one that it lacks, the truth and every replay take their own: rounding may carry
    a value near zero to the other side. `ways` is filled with the truth's, as `replay` says.
    """
    truth = clean = replay(who, widen(inputs, who.dtype), masks, ways=ways)
    double = {name: value.astype(np.float64) for name, value in inputs.items()}
    if WIDER[who.dtype] != np.float64:
        clean = replay(who, double, masks)
    unit = unit_roundoff(who.dtype)
    size = max(unit, FINEST)
    replays = [replay(who, double, masks, noise=(size, rng)) for _ in range(REPLAYS)]
    return truth, {
        name: max(norm(replay[name] - clean[name]) for replay in replays) * (unit / size)
        for name in truth
    }


def replay(
    who: Description,
    inputs: Mapping[str, Array],
    masks: Mapping[str, Array],
    noise: tuple[float, np.random.Generator] | None = None,
    ways: Ways | None = None,
) -> Trace:
    """Return the activations, the loss and all gradients of one step, in the inputs' dtype.

    A ReLU that is given no mask takes its own. `ways` is filled with what each gradient of an
    activation is the sum of. `noise` is (unit, generator): every result gets a
    normal error of √k · unit · the sum of its absolute terms, as k independent roundings leave it.
    """

    def settled(results: Results) -> dict[str, Array]:
        values = {}
        for name, (value, scale, roundings, _) in results.items():
            values[name] = np.asarray(value)
            if noise is not None and roundings:
                unit, rng = noise
                spread = unit * roundings**0.5 * scale
                values[name] = value + spread * rng.standard_normal(np.shape(value))
        return values

    given = {name: of for name, of in inputs.items() if name.startswith(("act/", "dact/"))}
    trace: Trace = dict(given)
    grads: Trace = {}
    at: dict[str, dict[str, Array]] = {}  # by layer, what there is for its operations
    for name, operation, layer in step_of(who):
        of = at.setdefault(layer.name, {})
        if layer.name == "loss" and not who.loss:
            continue
        if name.endswith(".forward"):
            of |= {key: inputs[f"param/{layer.name}.{key}"] for key in layer.parameters}
            of |= {operand: trace[f"act/{source}"] for operand, source in taken(layer).items()}
        definition = OPERATIONS[operation]
        if name.endswith(".backward") and "dy" in definition.operands:
            of["dy"] = trace[f"dact/{layer.name}"]
        results = settled(definition.define(**{key: of[key] for key in definition.operands}))
        if operation == "ReLU.forward":
            let_through = masks.get(layer.name, of["x"] > 0)
            results["y"] = np.where(let_through, of["x"], 0)
            of["y"] = let_through  # for its backward, which asks where it is above zero
        for result, value in results.items():
            tensor = traced(name, result, who.layers)
            of.setdefault(result, value)
            if name.endswith(".backward") and layer.name in who.terms:
                value = who.terms[layer.name] * value
            if ways is not None and tensor.startswith("dact/"):
                ways.setdefault(tensor, {})[layer.name] = value
            if tensor in trace:  # it is an input of several layers, whose gradients add up
                value = trace[tensor] + value
            (grads if tensor.startswith("grad/") else trace)[tensor] = value
    unwanted = {f"d{name}" for name in given}  # no training computes the gradient of a batch
    return {name: value for name, value in (trace | grads).items() if name not in unwanted}


def missing_ways(
    true: Array, ways: Mapping[str, Array], who: Description
) -> Iterator[tuple[str, Array]]:
    """Yield what a gradient is in which one of several ways from the loss is wrong."""
    for name, part in ways.items() if len(ways) > 1 else ():
        yield f"what comes {BY_WAY}{name} is missing", true - part
        yield f"what comes {BY_WAY}{name} is subtracted", true - 2 * part
        if weight := who.terms.get(name):
            unweighted = part / weight
            yield f"what comes {BY_WAY}{name} has no weight", true - part + unweighted
            yield f"what comes {BY_WAY}{name} has its weight twice", true - part + weight * part
        yield f"what comes {BY_WAY}{name} counts twice", true + part


def masks_of(who: Description, trace: Trace, rows: int) -> dict[str, Array]:
    """Return which entries each ReLU let through, of those whose activation was recorded."""
    return {
        layer.name: trace[name] > 0
        for layer in who.layers
        if layer.kind == "ReLU"
        and (name := f"act/{layer.name}") in trace
        and trace[name].shape == (rows, layer.out_features)
    }


def _judge(got: Array | None, true: Array, allowed: float, dtype: str) -> Judgement:
    if got is None:
        return Judgement(Verdict.MISSING, np.inf)
    if trouble := unusable(got, true.shape, dtype):
        return trouble
    error = norm(got - true)
    if error == 0:
        return equal(True)
    ratio = error / allowed if allowed else np.inf
    return Judgement(Verdict.WITHIN if ratio <= 1 else Verdict.FAIL, ratio)
