"""The step that training takes, held against the observed one: bit for bit, twice in a row, losses and state.

What was judged tensor by tensor is the observed step. This is what makes that a judgement of training.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from compare.experiment.batches import Batch
from compare.parity.side import Side, State
from compare.parity.verdict import Finding, Verdict

Taken = list[tuple[float, State]]  # the loss of each step and the state after it


def check_step(side: Side, batches: Sequence[Batch]) -> Iterator[Finding]:
    """Judge some steps of training; the side's state stays as it is."""
    who, before = side.describe(), side.state()
    traces = [side.observe(batch) for batch in batches]
    observed = [(float(trace["loss"]), {name: trace[name] for name in before}) for trace in traces]
    side.load(before)
    given = [Batch(batch.noisy.copy(), batch.clean.copy()) for batch in batches]
    taken = [(loss, side.state()) for loss in side.fit(given)]
    side.load(before)
    same = {name: np.array_equal(taken[-1][1][name], value) for name, value in observed[-1][1].items()}
    same["loss"] = [loss for loss, _ in taken] == [loss for loss, _ in observed]
    same["batch"] = all(
        np.array_equal(a, b) for pair in zip(given, batches, strict=True) for a, b in zip(*pair, strict=True)
    )
    last = who.layers[-1].name
    same["reconstruct"] = np.array_equal(side.reconstruct(batches[0].noisy), traces[0][f"act/{last}"])
    detail = "" if all(same.values()) else _detail(side, batches[0], taken, observed)
    for name, held in same.items():
        verdict, ratio = (Verdict.EXACT, 0.0) if held else (Verdict.OFF, np.inf)
        yield Finding("step", who.name, who.dtype, "train_step", name, verdict, ratio, detail="" if held else detail)


def _detail(side: Side, batch: Batch, taken: Taken, observed: Taken) -> str:
    """Say in what way the steps differ, or nothing."""
    if _equal(taken[0][1], observed[0][1]):
        if taken[0][0] != observed[0][0]:
            return "the update is right and the loss is not"
        return "the first step is right and a later one is not: something is left over, or large gradients are changed"
    swapped = {
        "its target is the noisy image": Batch(batch.noisy, batch.noisy),
        "its input is the clean image": Batch(batch.clean, batch.clean),
        "its input and its target are swapped": Batch(batch.clean, batch.noisy),
    }
    before = side.state()
    for say, other in swapped.items():
        side.observe(other)
        after = side.state()
        side.load(before)
        if _equal(after, taken[0][1]):
            return say
    return "the loss is right and the update is not" if taken[0][0] == observed[0][0] else ""


def _equal(a: State, b: State) -> bool:
    return all(np.array_equal(a[name], value) for name, value in b.items())
