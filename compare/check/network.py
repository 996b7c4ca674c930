"""Stage 3, network: one whole training step from the same state, where the errors of all operations have met.

Each side is held against the truth, a chain of the oracle's operations in wider precision that
takes that side's own ReLU masks: which side of zero a value near zero falls on is a matter of
rounding, and no fault. How far rounding may carry a chain has no useful bound (the proved ones are
thousands of times too wide), so it is measured: the chain is replayed several times with random
noise of rounding size after every operation.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from compare.check import bounds
from compare.check.bounds import Finding, Verdict
from compare.check.kinds import OPERATIONS, Results
from compare.check.mistakes import signature
from compare.data.batches import Batch
from compare.sides.interface import Array, Description, Side, Trace

REPLAYS = 8
ALLOWANCE = 4.0  # times the largest deviation among the replays: the largest of eight is itself a random number
FINEST = (
    2.0**-40
)  # noise below this would drown in the replay's own float64 roundings; it is scaled up and back down


def check_network(side: Side, batch: Batch, rng: np.random.Generator) -> Iterator[Finding]:
    """Judge every tensor of one observed step, normwise; the side's state stays as it is."""
    who, before = side.describe(), side.state()
    trace = side.observe(batch)
    side.load(before)
    masks = _masks(who, trace, len(batch.noisy))
    inputs = {**before, "act/input": batch.noisy, "act/target": batch.clean}
    truth, deviations = oracle(who, inputs, masks, rng)
    for name, true in truth.items():
        verdict, ratio = _judge(trace.get(name), true, ALLOWANCE * deviations[name], who.dtype)
        detail = (
            signature(trace[name], true) if verdict in (Verdict.FAIL, Verdict.WRONG_SHAPE) else ""
        )
        yield Finding(
            "network", who.name, who.dtype, _made_by(who, name), name, verdict, ratio, detail=detail
        )


def oracle(
    who: Description,
    inputs: Mapping[str, Array],
    masks: Mapping[str, Array],
    rng: np.random.Generator,
) -> tuple[Trace, dict[str, float]]:
    """Return the true trace of one step and, by tensor, how far rounding took the worst of the replays from it.

    `inputs` are the parameters and the batch, as a trace names them; `masks` says where each ReLU
    let through. Of one that it lacks, the truth and every replay take their own: rounding may carry
    a value near zero to the other side.
    """
    truth = chain(who, bounds.widen(inputs, who.dtype), masks)
    double = {name: value.astype(np.float64) for name, value in inputs.items()}
    clean = chain(who, double, masks)
    unit = bounds.unit_roundoff(who.dtype)
    size = max(unit, FINEST)
    replays = [chain(who, double, masks, noise=(size, rng)) for _ in range(REPLAYS)]
    return truth, {
        name: max(norm(replay[name] - clean[name]) for replay in replays) * (unit / size)
        for name in truth
    }


def chain(
    who: Description,
    inputs: Mapping[str, Array],
    masks: Mapping[str, Array],
    noise: tuple[float, np.random.Generator] | None = None,
) -> Trace:
    """Return the activations, the loss and all gradients of one step, in the dtype of the inputs.

    A ReLU that is given no mask takes its own. `noise` is (unit, generator): every result gets a
    normal error of √k · unit · the sum of its absolute terms, as k independent roundings would
    leave it.
    """

    def settle(results: Results) -> dict[str, Array]:
        values = {name: result.value for name, result in results.items()}
        if noise is not None:
            unit, rng = noise
            for name, result in results.items():
                spread = unit * result.roundings**0.5 * result.scale
                values[name] = values[name] + spread * rng.standard_normal(np.shape(values[name]))
        return values

    trace = {"act/target": inputs["act/target"], "act/input": inputs["act/input"]}
    entering: dict[str, Array] = {}
    open_at: dict[str, Array] = {}
    x = inputs["act/input"]
    for layer in who.layers:
        entering[layer.name] = x
        if layer.kind == "ReLU":
            open_at[layer.name] = masks.get(layer.name, x > 0)
            x = np.where(open_at[layer.name], x, 0)
        else:
            kinds = ("weight", "bias") if layer.kind == "Linear" else ()
            x = settle(
                OPERATIONS[f"{layer.kind}.forward"](x, *_weights(layer.name, inputs, *kinds))
            )["y"]
        trace[f"act/{layer.name}"] = x
    target = inputs["act/target"]
    trace["loss"] = np.asarray(settle(OPERATIONS["SumSquaredError.forward"](x, target))["value"])
    dy = settle(OPERATIONS["SumSquaredError.backward"](x, target))["dy"]
    grads: Trace = {}
    for layer in reversed(who.layers):
        trace[f"dact/{layer.name}"] = dy
        if layer.kind == "Linear":
            weight = _weights(layer.name, inputs, "weight")
            back = settle(OPERATIONS["Linear.backward"](dy, entering[layer.name], *weight))
            grads[f"grad/{layer.name}.weight"], grads[f"grad/{layer.name}.bias"] = (
                back["dweight"],
                back["dbias"],
            )
            dy = back["dx"]
        elif layer.kind == "ReLU":
            dy = np.where(open_at[layer.name], dy, 0)
        else:
            dy = settle(OPERATIONS[f"{layer.kind}.backward"](dy, trace[f"act/{layer.name}"]))["dx"]
    return trace | grads


def _masks(who: Description, trace: Trace, rows: int) -> dict[str, Array]:
    """Return which entries each ReLU let through, of those whose activation was recorded."""
    relus = {f"act/{layer.name}": layer for layer in who.layers if layer.kind == "ReLU"}
    return {
        layer.name: trace[name] > 0
        for name, layer in relus.items()
        if name in trace and trace[name].shape == (rows, layer.out_features)
    }


def _weights(layer: str, inputs: Mapping[str, Array], *kinds: str) -> list[Array]:
    return [inputs[f"param/{layer}.{kind}"] for kind in kinds]


def _judge(got: Array | None, true: Array, allowed: float, dtype: str) -> tuple[Verdict, float]:
    if got is None:
        return Verdict.MISSING, np.inf
    if got.shape != true.shape:
        return Verdict.WRONG_SHAPE, np.inf
    if got.dtype != np.dtype(dtype):
        return Verdict.WRONG_DTYPE, np.inf
    if not np.isfinite(got).all():
        return Verdict.NOT_FINITE, np.inf
    error = norm(got - true)
    if error == 0:
        return Verdict.EXACT, 0.0
    ratio = error / allowed if allowed else np.inf
    return (Verdict.WITHIN if ratio <= 1 else Verdict.FAIL), ratio


def norm(difference: Array) -> float:
    """Return the root of the sum of squares."""
    return float(np.sqrt(np.square(difference.astype(np.float64)).sum()))


def _made_by(who: Description, tensor: str) -> str:
    """Return the operation whose result a tensor is."""
    kind, _, name = tensor.partition("/")
    names = [layer.name for layer in who.layers]
    if name in ("input", "target"):
        return "data"
    if kind == "act":
        return f"{name}.forward"
    if kind == "loss":
        return "loss.forward"
    if kind == "grad":
        return f"{name.split('.')[0]}.backward"
    return "loss.backward" if name == names[-1] else f"{names[names.index(name) + 1]}.backward"
