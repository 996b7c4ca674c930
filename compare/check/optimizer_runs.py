"""Runs of somebody's optimizer, and how far rounding may take each step from torch's.

What an optimizer keeps is its own affair, so it is watched from rest on gradients that are given.
Before every step torch's, in float64, gets the parameters as they are, so that no error of them
counts twice. What rounding allows is measured: torch's step is replayed with normal noise on all
that is given to it and all that it keeps, as that many roundings in every step leave it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from compare.check.bounds import unit_roundoff
from compare.check.network import ALLOWANCE, FINEST, REPLAYS
from compare.errors import class_name
from compare.sides.calls import LONGEST_NAME, Misbehaved
from compare.sides.interface import Array
from compare.sides.watched import watched

if TYPE_CHECKING:
    import torch

SIZES = (1e-8, 1e-4, 1.0, 10.0)  # of gradients: near eps, and far from it
STEPS = 12
MANY = 110  # steps, for what changes late
# Roundings of what is kept, in a step: the table in `update_rules` counts 6 at most for Adam, and 8
# more for its parameter, whose own rounding is allowed for apart.
ROUNDINGS = 8
ONE_SHAPE = "several parameters have one shape"
MISSING = "a gradient is missing from the dict"
REUSED = "the arrays of the gradients are used again for the next ones"

Reference = Callable[[list["torch.Tensor"]], "torch.optim.Optimizer"]
Arrays = dict[str, Array]


class Run(NamedTuple):
    """Parameters, the gradients of each step, and what sets it apart."""

    start: Arrays
    grads: list[Arrays]
    apart: str = ""


class Taken(NamedTuple):
    """What a run came to: the parameters before and after each step, and what ended it."""

    run: Run
    dtype: str
    steps: list[tuple[Arrays, Arrays]]
    whose: str  # the class of what was made; "make" where nothing was
    did: str = ""
    changed: bool = False  # its gradients, in place
    elsewhere: bool = False  # the parameters stayed, and new ones took their place in the dict


def runs(params: Mapping[str, Array], dtype: str, rng: np.random.Generator) -> Iterator[Run]:
    """Yield runs over parameters of these shapes."""
    shapes = {name: param.shape for name, param in params.items()}

    def drawn(shapes: Mapping[str, tuple[int, ...]], size: float = 1.0) -> Arrays:
        return {
            name: np.asarray(size * rng.standard_normal(s)).astype(dtype)
            for name, s in shapes.items()
        }

    def run(sizes: Sequence[float], apart: str = "", of: Mapping[str, Any] = shapes) -> Run:
        return Run(drawn(of), [drawn(of, size) for size in sizes], apart)

    # In float64 with all digits, or a cast to float32 stays unseen.
    given = {
        name: np.asarray(param * (1 + 2.0**-26 * rng.standard_normal(param.shape))).astype(dtype)
        for name, param in params.items()
    }
    yield run([1.0] * STEPS)._replace(start=given)
    for size in SIZES:
        yield run([size] * STEPS)
    yield run([SIZES[i % len(SIZES)] for i in range(STEPS)])
    yield run([1.0] * MANY)
    yield run([1.0] * STEPS, REUSED)
    if len(set(shapes.values())) == len(shapes):
        doubled = {
            f"{name}{suffix}": shape for name, shape in shapes.items() for suffix in ("", "_2")
        }
        yield run([1.0] * STEPS, ONE_SHAPE, doubled)
    missing = run([1.0] * STEPS, MISSING)
    names = list(shapes)
    for step, grads in enumerate(missing.grads[1::2]):
        del grads[names[step % len(names)]]
    yield missing


def take(make: Callable[[Arrays], Any], run: Run, dtype: str) -> Taken:
    """Run somebody's optimizer, as far as it goes."""
    params = {name: start.copy() for name, start in run.start.items()}
    given, whose, changed = dict(params), "make", False
    steps: list[tuple[Arrays, Arrays]] = []
    buffers = {name: np.empty_like(start) for name, start in run.start.items()}
    try:
        optimizer = watched("make", lambda: make(given))
        made = class_name(optimizer, LONGEST_NAME)
        if not callable(watched("make", lambda: getattr(optimizer, "step", None))):
            raise Misbehaved("make", f"returned a {made}, which has no step(grads)")
        whose = made
        for drawn in run.grads:
            grads = {name: grad.copy() for name, grad in drawn.items()}
            if run.apart == REUSED:
                for name, grad in grads.items():
                    buffers[name][...] = grad
                    grads[name] = buffers[name]
            before = {name: param.copy() for name, param in params.items()}
            handed = dict(grads)
            watched(f"{whose}'s step", partial(optimizer.step, handed))
            changed |= any(not np.array_equal(grads[name], grad) for name, grad in drawn.items())
            steps.append((before, {name: param.copy() for name, param in params.items()}))
    except Misbehaved as error:
        return Taken(run, dtype, steps, whose, str(error), changed)
    stayed = all(np.array_equal(params[name], start) for name, start in run.start.items())
    elsewhere = stayed and any(given.get(name) is not param for name, param in params.items())
    return Taken(run, dtype, steps, whose, "", changed, elsewhere)


def truths(
    reference: Reference, taken: Taken, rng: np.random.Generator, *, counting: bool = False
) -> Iterator[tuple[dict[str, Array], float]]:
    """Yield the parameters after each step of torch's, in float64, and what a step is worth.

    Each is (1 + REPLAYS, *shape): the truth, and replays with normal noise of `size_of(dtype)`. The
    other number is that of the roundings, independent, that the noise on all but parameters stands
    for: 1 − β as decimals have it is off what Python computes by half an ULP of β, at most.
    `counting`: steps count for a parameter that has no gradient, too.
    """
    import torch

    shapes = {name: (1 + REPLAYS, *start.shape) for name, start in taken.run.start.items()}
    params = {
        name: torch.zeros(shape, dtype=torch.float64, requires_grad=True)
        for name, shape in shapes.items()
    }
    optimizer = reference(list(params.values()))
    group = optimizer.param_groups[0]
    largest = max([*group.get("betas", ()), group.get("alpha", 0), group.get("rho", 0)])
    decimals = unit_roundoff("float64") / (1 - largest) / unit_roundoff(taken.dtype)
    own = ROUNDINGS**0.5 + decimals

    def noisy(array: Array, shape: tuple[int, ...], roundings: float) -> "torch.Tensor":
        noise = 1 + size_of(taken.dtype) * roundings * rng.standard_normal(shape)
        noise[0] = 1
        return torch.from_numpy(array * noise)

    for (before, _), grads in zip(taken.steps, taken.run.grads, strict=False):
        for name, param in params.items():
            param.data.copy_(noisy(before[name], shapes[name], 1))
            param.grad = noisy(grads[name], shapes[name], own) if name in grads else None
            kept = optimizer.state.get(param, {})
            if counting and name not in grads and "step" in kept:
                kept["step"] += 1
            for value in kept.values() if name in grads else ():
                if isinstance(value, torch.Tensor) and value.shape == param.shape:
                    value.copy_(noisy(value.numpy(), shapes[name], own))
        optimizer.step()
        yield {name: param.detach().numpy().copy() for name, param in params.items()}, own


def size_of(dtype: str) -> float:
    """Return the size of the noise: finer would drown in the replays' own roundings."""
    return max(unit_roundoff(dtype), FINEST)


def ratios(
    reference: Reference, taken: Taken, rng: np.random.Generator, *, counting: bool = False
) -> Iterator[dict[str, float]]:
    """Yield, for each step, every parameter's largest error in units of what rounding allows.

    To the replays' deviation it adds the roundings of the parameter and of its change: where the
    noise of what goes in cancels, as in Adam's first step, those remain.
    """

    def ratio(before: Array, after: Array, replays: Array, own: float) -> float:
        true = replays[0]
        deviation = np.sqrt(np.square(replays[1:] - true).mean(axis=0)) / size_of(taken.dtype)
        units = deviation + np.abs(true) + own * np.abs(true - before)
        least = float(np.finfo(after.dtype).smallest_subnormal)
        allowed = ALLOWANCE * unit_roundoff(taken.dtype) * units + least
        same = (after == true) | (np.isnan(after) & np.isnan(true))
        with np.errstate(invalid="ignore"):
            found = np.where(same, 0.0, np.abs(after - true) / allowed)
        return float(np.nan_to_num(found, nan=np.inf).max())

    for (before, after), (true, own) in zip(
        taken.steps, truths(reference, taken, rng, counting=counting), strict=False
    ):
        yield {name: ratio(before[name], after[name], true[name], own) for name in true}
