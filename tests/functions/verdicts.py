"""What is said of a form, right or with a mistake: by the doors of `compare`, and by its peers.

The peers are used as people use them: torch.autograd.gradcheck in float64 on the hand-written pair
as an autograd Function, and torch.testing.assert_close at its defaults on float32 results against
autograd's, both on one draw of operands at a time.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import compare
from tests.functions.form import Form, Function, Operands
from tests.functions.observations import (
    cast,
    gradients,
    reference,
    reference_steps,
    steps,
    upstream,
)

Pair = tuple[Callable[..., Any], Callable[..., Any]]


@dataclass(frozen=True)
class Verdict:
    """Whether something failed; what it named, as `what` does; what it said is wrong.

    `seconds` are those of a core, children's among them. `raised` is what the judge itself raised:
    then there is no verdict.
    """

    caught: bool
    named: tuple[str, ...] = ()
    kind: str = ""
    sentence: str = ""
    seconds: float = 0.0
    raised: str = ""


def ours(function: Function, pair: Pair, seed: int) -> Verdict:
    """Return what the function's door says."""
    codes = pair if function.door == "check_function" else pair[:1]
    drawn: Any = function.operands
    if function.door == "check_optimizer":
        drawn = function.operands(np.random.default_rng(seed))
    began = sum(os.times()[:4])
    try:
        report = getattr(compare, function.door)(*codes, function.reference, drawn, seed=seed)
    except Exception as error:  # a bug of the door, which the page shows
        return Verdict(False, raised=repr(error))
    seconds = sum(os.times()[:4]) - began
    wrong = (finding for finding in report.findings if not finding.verdict.held)
    failed = [finding for finding in wrong if finding.verdict.value != "not judged"]
    named = tuple(dict.fromkeys(what(finding) for finding in failed))
    kind = next((str(finding.detail) for finding in failed if finding.detail), "")
    return Verdict(not report.held, named, kind, report.sentence, seconds)


def what(finding: Any) -> str:
    """Return what a finding of ours is about: "dx", "result", or "x", an operand that was changed.

    Where no tensor is named, "forward" or "backward": the code that raised. Of an optimizer also
    "grads", which it changed, and "raised".
    """
    if finding.tensor in ("y", "loss"):
        return "result"
    changed = re.search(r"changed its operand (\w+)", finding.detail)
    if changed and not finding.tensor:
        return changed[1]
    raised = "backward" if finding.operation.endswith("_backward") else "forward"
    return str(finding.tensor) or raised


def gradcheck(function: Function, pair: Pair, seed: int) -> Verdict:
    """Return what torch.autograd.gradcheck says of a function or a network."""
    forward, backward = both_ways(function, pair)
    operands = function.operands(np.random.default_rng(seed))
    names = list(operands)

    def arrays(tensors: Sequence[Tensor]) -> Operands:
        return {name: t.detach().numpy() for name, t in zip(names, tensors, strict=True)}

    class HandWritten(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Tensor) -> Tensor:
            ctx.save_for_backward(*tensors)
            return torch.tensor(forward(**arrays(tensors)))

        @staticmethod
        def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
            grads = backward(dy.numpy(), **arrays(ctx.saved_tensors))
            return tuple(torch.tensor(grads[n]) if n in grads else None for n in names)

    given: Operands = {}
    try:
        y = forward(**{name: a.copy() for name, a in operands.items()})
        given = backward(np.ones_like(y), **{name: a.copy() for name, a in operands.items()})
        tensors = [torch.tensor(a, requires_grad=name in given) for name, a in operands.items()]
        torch.autograd.gradcheck(HandWritten.apply, tensors)
    except Exception as error:  # a mismatch, or whatever code with a mistake raises
        place = re.search(r"(with respect to input|gradient at index) (\d+)", str(error))
        if place is None:
            return Verdict(True)
        # A mismatch counts the differentiable inputs alone, an invalid gradient all of them.
        counted = [n for n in names if n in given] if place[1].startswith("with") else names
        return Verdict(True, (f"d{counted[int(place[2])]}",))
    return Verdict(False)


def assert_close(function: Function, pair: Pair, seed: int) -> Verdict:
    """Return what torch.testing.assert_close says of results and gradients, one after the other."""
    operands = cast(function.operands(np.random.default_rng(seed)), "float32")
    try:
        if function.door == "check_optimizer":
            grads = gradients(operands, seed, 10)
            expected = reference_steps(function, operands, grads)
            seen = steps(pair[0], operands, grads)
        else:
            forward, backward = both_ways(function, pair)
            expected = reference(function, operands)
            dy = upstream(function, operands)
            seen = {"result": forward(**operands)}
            seen |= {f"d{name}": g for name, g in backward(dy, **operands).items()}
    except Exception:  # whatever code with a mistake raises
        return Verdict(True)
    for name, value in expected.items():
        if name in seen:
            try:
                torch.testing.assert_close(torch.tensor(seen[name]), torch.tensor(value))
            except AssertionError:
                return Verdict(True, (name,))
    return Verdict(False)


def both_ways(function: Function, pair: Pair) -> Pair:
    """Return a forward and a backward, of a network those that its one call amounts to."""
    if function.door == "check_function":
        return pair
    network = pair[0]
    return (
        lambda **operands: network(**operands)[0],
        lambda dy, **operands: {name: dy * g for name, g in network(**operands)[1].items()},
    )


JUDGES = {"compare": ours, "gradcheck": gradcheck, "assert_close": assert_close}
Verdicts = dict[str, Verdict]  # by judge; gradcheck has none on an optimizer


def judged(function: Function, form: Form, text: str, *seeds: int, peers: bool = True) -> Verdicts:
    """Return what each judge says of the form with this text, its peers if asked for.

    `compare` draws operands of many sizes from the first seed. Its peers see one draw for each
    seed, up to the first on which they fail.
    """
    said = {"compare": ours(function, form.build(text), seeds[0])}
    for name in JUDGES.keys() - said.keys() if peers else ():
        if (name, function.door) != ("gradcheck", "check_optimizer"):
            verdicts = [JUDGES[name](function, form.build(text), seed) for seed in seeds]
            said[name] = next((one for one in verdicts if one.caught), verdicts[0])
    return said
