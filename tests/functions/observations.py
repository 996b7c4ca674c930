"""What a form does, called in every situation in which a mistake of it can show."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from tests.functions.form import Array, Form, Function, Operands

# By name: "result"; "dx", the gradient of x; "x", an operand after the call. A text where the code
# raises or warns.
Seen = dict[str, Any]
NEAR = {"float64": 1e-9, "float32": 1e-4}  # of the largest entry or of 1: above rounding


def draws(function: Function) -> list[Operands]:
    """Return operands of the smallest size of many, of a middle one and of the largest."""
    drawn = [function.operands(np.random.default_rng(seed)) for seed in range(80)]
    drawn.sort(key=lambda operands: max(map(np.size, operands.values())))
    return [drawn[0], drawn[40], drawn[-1]]


def cast(operands: Operands, dtype: str) -> Operands:
    """Return copies, those that are not whole numbers in a dtype."""
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a.copy() for n, a in operands.items()}


def situations(function: Function) -> Iterator[list[Operands]]:
    """Yield the operands of the calls that a form is given one after the other."""
    smallest, some, largest = draws(function)
    signed = {name: a for name, a in some.items() if a.dtype == np.float64 and a.min() < 0}
    yield from ([smallest], [some], [largest])
    yield [some | {name: np.round(a) for name, a in signed.items()}]
    yield [some | {name: 0 * a for name, a in signed.items()}]
    yield [some | {name: 1000 * a for name, a in signed.items()}]
    yield [{name: np.asfortranarray(a) for name, a in some.items()}]
    yield [cast(some, "float32")]
    mix = np.random.default_rng(0).permutation
    yield [some, {name: mix(a.ravel()).reshape(a.shape) for name, a in some.items()}, some]


def attempt(function: Callable[..., Any], *args: Any, **operands: Any) -> Any:
    """Return what the function returns, or what it raises or warns as a text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return function(*args, **operands)
    except Exception as error:  # whatever the code of a mistake raises
        return repr(error)


def upstream(function: Function, operands: Operands) -> Array:
    """Return a gradient of the function's result: 1 for the loss of a network."""
    right = function.forms[0]
    with np.errstate(all="ignore"):
        y = right.build(right.text)[0](**operands)
    if function.door == "check_gradients":
        return np.ones_like(y[0])
    return np.asarray(np.random.default_rng(1).standard_normal(np.shape(y)), y.dtype)


def call(function: Function, pair: tuple[Callable[..., Any], ...], operands: Operands) -> Seen:
    """Return what one call of a function and its backward, or of a network, does."""
    given = {name: a.copy(order="K") for name, a in operands.items()}
    if function.door == "check_gradients":
        done = attempt(pair[0], **given)
        y, grads = (done, done) if isinstance(done, str) else done
    else:
        y = attempt(pair[0], **given)
        again = {name: a.copy(order="K") for name, a in operands.items()}
        dy = upstream(function, operands)
        grads = attempt(pair[1], dy, **again)
        given = {name: np.stack([a, again[name]]) for name, a in given.items()} | {"dy": dy}
    if isinstance(grads, str):
        grads = dict.fromkeys(operands, grads)
    return given | {"result": y} | {f"d{name}": value for name, value in grads.items()}


def gradients(params: Operands, seed: int, largest: float) -> list[Operands]:
    """Return gradients of eight steps, each of a size of its own, over nine powers of ten."""
    rng = np.random.default_rng(seed)
    return [
        {
            name: (largest * 10 ** rng.uniform(-9, 0) * rng.standard_normal(a.shape)).astype(
                a.dtype
            )
            for name, a in params.items()
        }
        for _ in range(8)
    ]


def steps(make: Callable[[Operands], Any], params: Operands, grads: list[Operands]) -> Seen:
    """Return the parameters after each step, and the gradients after it."""
    seen: dict[str, Any] = {}
    optimizer = attempt(make, params)
    for given in grads:
        given = {name: g.copy() for name, g in given.items()}
        done = attempt(optimizer.step, given)
        for name, value in params.items():
            seen.setdefault(name, []).append(value.copy())
        for name, value in given.items():
            seen.setdefault(f"d{name}", []).append(value)
        if done is not None:
            return dict.fromkeys(params, done)
    return {name: np.concatenate([v.ravel() for v in values]) for name, values in seen.items()}


def observe(function: Function, form: Form, text: str) -> list[Seen]:
    """Return what the form with this text does, call by call."""
    if function.door == "check_optimizer":
        params = draws(function)[0]
        plain, tiny = gradients(params, 0, 10), gradients(params, 1, 1e-6)
        names = list(params)
        partly = [
            {name: g for name, g in given.items() if name != names[i % len(names)]}
            for i, given in enumerate(plain)
        ]
        runs = [(dtype, run) for dtype in NEAR for run in (plain, tiny, partly)]
        return [
            steps(form.build(text)[0], cast(params, dtype), [cast(g, dtype) for g in run])
            for dtype, run in runs
        ]
    seen: list[Seen] = []
    for calls in situations(function):
        pair = form.build(text)  # nothing is left of the calls before
        seen += [call(function, pair, operands) for operands in calls]
    return seen


def near(a: Any, b: Any) -> bool:
    """Say whether two things that were seen are the same, up to rounding."""
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str)
    a, b = np.asarray(a), np.asarray(b)
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return False
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    size = np.abs(a[np.isfinite(a)]).max(initial=1)
    return np.allclose(a, b, rtol=0, atol=NEAR[a.dtype.name] * size, equal_nan=True)


def altered(right: list[Seen], wrong: list[Seen]) -> tuple[set[str], set[str]]:
    """Return the names of what differs, and of those what differs where nothing was raised.

    Where the right form itself raises, nothing is said.
    """
    differing, by_value = set(), set()
    for before, after in zip(right, wrong, strict=True):
        for name, value in before.items():
            if not isinstance(value, str) and not near(value, after.get(name, "")):
                differing.add(name)
                if not isinstance(after.get(name, ""), str):
                    by_value.add(name)
    return differing, by_value


def reference(function: Function, operands: Operands) -> Seen:
    """Return the result and the gradients of autograd for the same upstream gradient."""
    tensors = {
        name: torch.tensor(a, requires_grad=a.dtype.kind == "f") for name, a in operands.items()
    }
    y = function.reference(**tensors)
    leaves = {name: t for name, t in tensors.items() if t.requires_grad}
    dy = torch.tensor(upstream(function, operands))
    grads = torch.autograd.grad(y, list(leaves.values()), dy, allow_unused=True)
    return {"result": y.detach().numpy()} | {
        f"d{name}": None if g is None else g.numpy() for name, g in zip(leaves, grads, strict=True)
    }


def reference_steps(function: Function, params: Operands, grads: list[Operands]) -> Seen:
    """Return the parameters after each step of torch's optimizer; a gradient may be missing."""
    tensors = {name: torch.tensor(value) for name, value in params.items()}
    optimizer = function.reference(list(tensors.values()))
    seen: list[Operands] = []
    for given in grads:
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(given[name]) if name in given else None
        optimizer.step()
        seen.append({name: tensor.numpy().copy() for name, tensor in tensors.items()})
    return {name: np.concatenate([one[name].ravel() for one in seen]) for name in params}
