"""Stages step and trajectory: the steps that training takes.

What was judged tensor by tensor is the observed step. Stage step extends that to training,
by holding the steps that training takes against observed ones, bit for bit, losses and state.

Stage trajectory lets a side and its reference run free from one start, against how far the
reference drifts from itself. A perturbed reference has every parameter moved by one ULP at the
start. One statistic, declared here: the distance of all parameters from the reference's float64
run, its logarithm averaged over the measured steps and over both dtypes. One test: the side fails
when it lies beyond all PERTURBED of them, and, perturbed itself, beyond as many fresh ones again.
Were it one of them, the first would happen by chance in one run of PERTURBED + 1, and both in one
of (PERTURBED + 1)², which is 1,024. Adam hides any constant factor of a gradient, so this stage
certifies no formula; it is about drift.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from compare.check.bounds import Finding, Verdict, equal, finding, norm, widen
from compare.check.mistakes import EXPLAINED
from compare.check.network import masks_of, replay
from compare.data.batches import Batch, Purpose, stream
from compare.data.config import DTYPES, Config
from compare.sides.interface import (
    Array,
    Description,
    Grads,
    Losses,
    Side,
    State,
    Trace,
    distance,
    losses_of,
    parts,
    under_prefix,
    with_prefix,
)
from compare.sides.subject import Make, Subject

MEASURED = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)  # steps after which the sides are compared
PERTURBED = 31
NAMED = ("input", "target")  # of a batch

Taken = list[tuple[Losses, State]]  # the loss of each step and the state after it


def check_step(side: Side, batches: Sequence[Batch]) -> Iterator[Finding]:
    """Judge some steps of training; the side's state stays as it is."""
    who, before = side.describe(), side.state()
    traces = [side.observe(batch) for batch in batches]
    observed = [(losses_of(trace, who), {name: trace[name] for name in before}) for trace in traces]
    side.load(before)
    given = [batch.each(np.copy) for batch in batches]
    taken = [(loss, side.state()) for loss in side.fit(given)]
    side.load(before)
    alone = _without_noise(batches[0])
    trace = traces[0] if alone is batches[0] else side.observe(alone)
    side.load(before)
    output = trace[f"act/{who.layers[-1].name}"]
    same = {
        **{
            name: np.array_equal(taken[-1][1][name], value)
            for name, value in observed[-1][1].items()
        },
        "loss": [loss for loss, _ in taken] == [loss for loss, _ in observed],
        "batch": all(
            np.array_equal(seen[name], batch[name])
            for seen, batch in zip(given, batches, strict=True)
            for name in batch
        ),
        "reconstruct": np.array_equal(side.reconstruct(batches[0].noisy), output),
    }
    detail = ""
    if not all(same.values()):
        try:
            detail = _detail(side, batches[0], before, traces, taken, observed)
        except Exception:  # the side is what is being judged: it may raise anything
            detail = ""  # what failed is told without
        side.load(before)
    for name, held in same.items():
        yield finding("step", who, "train_step", name, equal(held), detail)


def _without_noise(batch: Batch) -> Batch:
    """Return the batch with zeros for all that is neither input nor target, or itself."""
    more = {name: np.zeros_like(of) for name, of in batch.items() if name not in NAMED}
    return batch.but(**more) if more else batch


def _detail(
    side: Side,
    batch: Batch,
    before: State,
    traces: Sequence[Trace],
    taken: Taken,
    observed: Taken,
) -> str:
    """Say in what way the steps differ, or nothing."""
    right = [_equal(a, b) for (_, a), (_, b) in zip(taken, observed, strict=True)]
    if all(right):
        wrong = _wrong_losses(side.describe(), taken, observed)
        return f"the update is right and {wrong} not" if wrong else ""
    if right[0]:
        return _later(side, right, traces, taken, observed)
    if _equal(taken[0][1], before):
        return "no update is made"
    noisy, clean = batch.noisy, batch.clean
    swapped = {
        "its target is the noisy image": batch.but(target=noisy),
        "its input is the clean image": batch.but(input=clean),
        "its input and its target are swapped": batch.but(input=clean, target=noisy),
    }
    for say, other in swapped.items() if noisy.shape == clean.shape else ():
        side.load(before)
        side.observe(other)
        if _equal(side.state(), taken[0][1]):
            return say
    if wrong := _wrong_losses(side.describe(), taken[:1], observed[:1]):
        return f"the update is wrong, and {wrong} too"
    return _of_weights(side, batch, before, traces[0], taken[0][1]) or (
        "the loss is right and the update is not"
    )


def _of_weights(side: Side, batch: Batch, before: State, trace: Trace, after: State) -> str:
    """Say which weights of the loss and its terms the gradients have instead, or nothing.

    Adam's first moments are linear in the gradients, and these in the weights: the nearest weights
    are found by least squares. What the gradients of each are, the definitions say.
    """
    who = side.describe()
    if not who.terms:
        return ""
    inputs = widen({**before, **with_prefix("act", batch)}, who.dtype)
    masks = masks_of(who, trace, len(batch.noisy))

    def made(terms: Mapping[str, float], times: float = 1.0) -> Array:
        grads = under_prefix("grad", replay(replace(who, terms=terms), inputs, masks))
        side.load(before)
        return _moments(side.update({of: (times * g).astype(who.dtype) for of, g in grads.items()}))

    without = dict.fromkeys(who.terms, 0.0)
    still, loss = made(without, 0.0), made(without)
    parts_of = np.array([loss - still, *(made({**without, of: 1.0}) - loss for of in who.terms)])
    found = np.linalg.lstsq(parts_of.T, _moments(after) - still)[0]
    left = EXPLAINED * norm(_moments(after) - _moments(trace))
    if norm(found @ parts_of + still - _moments(after)) > left:
        return ""
    said = []
    for (name, weight), other, part in zip(
        {"the loss": 1.0, **who.terms}.items(), found, parts_of, strict=True
    ):
        known = {0.0: "is left out", 1.0: "has no weight", -weight: "is raised", weight: ""}
        nearest = min(known, key=lambda of: abs(of - other))
        words = f"has the weight {other:.3g}, not {weight:g}"
        if say := known[nearest] if abs(nearest - other) * norm(part) <= left else words:
            said.append(f"{name} {say}")
    return f"in the gradients, {' and '.join(said)}" if said else ""


def _wrong_losses(who: Description, taken: Taken, observed: Taken) -> str:
    """Say which losses of some steps are wrong, "the loss is" or "the loss and kl are"."""
    steps = [(parts(a), parts(b)) for (a, _), (b, _) in zip(taken, observed, strict=True)]
    names = ("the loss", *who.terms)
    wrong = [name for i, name in enumerate(names) if any(a[i] != b[i] for a, b in steps)]
    return f"{' and '.join(wrong)} {'is' if len(wrong) == 1 else 'are'}" if wrong else ""


def _moments(state: State) -> Array:
    return np.concatenate([of.ravel() for of in under_prefix("adam.exp_avg", state).values()])


def _later(
    side: Side, right: Sequence[bool], traces: Sequence[Trace], taken: Taken, observed: Taken
) -> str:
    """Say why a step after the first is wrong."""
    if right[1]:
        return "only the third step is wrong, whose gradients are large"
    old, new = (under_prefix("grad", trace) for trace in traces[:2])
    for say, grads in (
        ("the gradients of the step before are added: they are never zeroed", _sum(old, new)),
        ("it takes the gradients of the step before", old),
    ):
        side.load(observed[0][1])
        if _equal(side.update(grads), taken[1][1]):
            return say
    return "the first step is right and a later one is not: something is left over"


def _sum(a: Grads, b: Grads) -> Grads:
    return {name: a[name] + b[name] for name in a}


def _equal(a: State, b: State) -> bool:
    return all(np.array_equal(a[name], value) for name, value in b.items())


@dataclass(frozen=True)
class FreeRun:
    """How far apart two sides are in one dtype, after each of some steps."""

    steps: list[int]
    parameters: list[float]  # largest difference of any parameter
    loss: list[float]  # difference of the losses, relative
    perturbed: list[float]  # as parameters, between the reference and perturbed ones: the largest
    references: int  # how many perturbed ones were trained

    def __str__(self) -> str:
        """Say how far apart they ended."""
        return (
            f"{self.parameters[-1]:.1e} apart after {self.steps[-1]} free steps; "
            f"a reference perturbed by one ULP {self.perturbed[-1]:.1e}"
        )


class _Point(NamedTuple):
    loss: float
    params: dict[str, Array]


Run = list[_Point]


def check_trajectory(
    subject: Subject, config: Config, dtypes: Sequence[str] = DTYPES
) -> tuple[Finding, dict[str, FreeRun]]:
    """Judge a subject's drift from its reference; return the finding, and distances by dtype."""
    typed = {dtype: replace(config, dtype=dtype) for dtype in DTYPES}
    batches = {of: list(subject.batches(typed[of], MEASURED[-1])) for of in DTYPES}

    def run(make: Make, dtype: str, rng: np.random.Generator | None = None) -> Run:
        side = make(typed[dtype])
        if rng is not None:
            side.load(perturbed(side.state(), rng))
        losses = enumerate(side.fit(batches[dtype]), start=1)
        return [
            _Point(parts(loss)[0], under_prefix("param", side.state()))
            for step, loss in losses
            if step in MEASURED
        ]

    exact = run(subject.reference, "float64")
    reference = {of: exact if of == "float64" else run(subject.reference, of) for of in dtypes}
    ours = {dtype: run(subject.ours, dtype) for dtype in dtypes}
    largest = {dtype: [0.0] * len(MEASURED) for dtype in dtypes}
    references = 0

    def beyond(judged: dict[str, Run]) -> float:
        """Return how far beyond all of PERTURBED fresh references a side drifts, a logarithm.

        Once one of them drifts as far, the others need not be asked. What is not a number is no
        drift, and as far as none.
        """
        nonlocal references
        statistic, drift = _statistic(judged, exact), -np.inf
        last = references + PERTURBED
        while not drift >= statistic and references < last:
            rng = stream(Purpose.PERTURBED, config.seed, references)
            moved = {dtype: run(subject.reference, dtype, rng) for dtype in dtypes}
            drift, references = max(drift, _statistic(moved, exact)), references + 1
            for dtype, so_far in largest.items():
                largest[dtype] = [*map(max, so_far, _distances(moved[dtype], reference[dtype]))]
        return statistic - drift

    apart = beyond(ours)
    if not apart <= 0:
        rng = stream(Purpose.PERTURBED, config.seed, 2 * PERTURBED)
        apart = beyond({dtype: run(subject.ours, dtype, rng) for dtype in dtypes})
    verdict = Verdict.WITHIN if apart <= 0 else Verdict.FAIL
    ratio = float(np.exp(apart))
    free_runs = {
        dtype: FreeRun(
            list(MEASURED),
            _distances(ours[dtype], reference[dtype]),
            [
                abs(a.loss - b.loss) / abs(b.loss)
                for a, b in zip(ours[dtype], reference[dtype], strict=True)
            ],
            largest[dtype],
            references,
        )
        for dtype in dtypes
    }
    who = subject.ours(config).describe().name
    found = Finding("trajectory", who, "+".join(dtypes), "training", "param", verdict, ratio)
    return found, free_runs


def perturbed(state: State, rng: np.random.Generator) -> State:
    """Return the state with every parameter moved to one of its two neighbours, at random."""
    moved = {}
    for name, value in under_prefix("param", state).items():
        towards = np.where(rng.random(value.shape) < 0.5, -np.inf, np.inf).astype(value.dtype)
        moved[f"param/{name}"] = np.nextafter(value, towards)
    return state | moved


def _statistic(runs: dict[str, Run], exact: Run) -> float:
    least = np.finfo(float).tiny
    logs = [
        np.log(max(distance(here.params, there.params), least))
        for run in runs.values()
        for here, there in zip(run, exact, strict=True)
    ]
    return float(np.mean(logs))


def _distances(ours: Run, reference: Run) -> list[float]:
    return [distance(a.params, b.params) for a, b in zip(ours, reference, strict=True)]
