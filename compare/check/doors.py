"""The doors for anybody's functions: a forward with its backward, or a loss with its gradients.

>>> from compare import check_function
>>> check_function(softmax, softmax_backward, lambda x: torch.softmax(x, 1), {"x": x}).sentence

Somebody's code runs in this process. A call that takes too long is ended on the main thread, if it
is Python that loops; `python -m compare check --function` ends any, in a process of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from compare.check.door_report import DoorReport
from compare.check.reference import DY, VALUE, Reference, gradient_of
from compare.check.regimes import Draw, Operands, Source
from compare.check.told import report_of
from compare.check.tried import LOSS, Step, Tried, complex_steps
from compare.data.config import DTYPES
from compare.errors import UserError, class_name
from compare.sides.calls import Returned, arrays, plain_array
from compare.sides.interface import Array


def check_function(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    reference: Callable[..., Any],
    operands: Mapping[str, Any] | Draw,
    *,
    seed: int = 0,
    dtypes: Sequence[str] = DTYPES,
) -> DoorReport:
    """Judge a function and its gradients, written by hand, by a reference in torch.

    `forward(**operands)` returns an array or a NumPy scalar; `backward(dy, **operands)` a dict from
    operand to gradient, dy being the gradient of what forward returns, in its shape and dtype.
    Gradients that it lacks are not judged, and the report says so. `reference(**tensors)` returns a
    tensor. `operands` is a dict of example arrays, or a function from a `numpy.random.Generator` to
    one, so that sizes vary. Raises `UserError` for operands or a reference that cannot be used.
    """
    steps = [
        Step(name_of(forward), lambda given: {VALUE: plain_array(forward(**_but_dy(given)))}),
        Step(
            name_of(backward),
            lambda given: _gradients(backward(given[DY], **_but_dy(given)), given),
        ),
    ]
    if not dtypes or not set(dtypes) <= set(DTYPES):
        raise UserError(f"dtypes must be some of {', '.join(DTYPES)}, not {dtypes!r}")
    tried = Tried(steps, Reference(reference), Source(operands), seed, tuple(dtypes))
    return report_of(name_of(forward), tried)


def check_gradients(
    loss_and_grads: Callable[..., Any],
    reference: Callable[..., Any],
    operands: Mapping[str, Any] | Draw,
    *,
    seed: int = 0,
) -> DoorReport:
    """Judge a loss and its gradients, those of a whole network, by a reference in torch.

    `loss_and_grads(**operands)` returns the loss, a number, and a dict from operand to gradient;
    `reference(**tensors)` a tensor of shape (). As for the rest, see `check_function`. Where the
    code takes complex operands, its gradients are also held against the complex step of its loss.
    """

    def run(given: Operands) -> dict[str, Array]:
        result = loss_and_grads(**_but_dy(given))
        if not isinstance(result, tuple) or len(result) != 2:
            raise Returned(f"{class_name(result)}, not a tuple of a loss and a dict of gradients")
        loss, gradients = result
        loss = np.float64(loss) if type(loss) is float else loss
        return {LOSS: plain_array(loss), **_gradients(gradients, given)}

    step = Step(name_of(loss_and_grads), run)
    source, against = Source(operands, scalar=True), Reference(reference, LOSS)
    tried = Tried([step], against, source, seed, DTYPES)
    by_complex_step = complex_steps(tried, lambda given: loss_and_grads(**_but_dy(given))[0])
    return report_of(step.name, tried, by_complex_step)


def name_of(function: Any) -> str:
    """Return what a function is called, or the class of what is none."""
    return function.__name__ if isinstance(function, FunctionType) else class_name(function)


def _but_dy(given: Operands) -> Operands:
    return {name: x for name, x in given.items() if name != DY}


def _gradients(result: Any, given: Operands) -> dict[str, Array]:
    found = arrays(result)
    for name in found:
        if name not in given or name == DY:
            known = ", ".join(_but_dy(given))
            raise Returned(f"a gradient of {name!r}, which is no operand; these are {known}")
    return {gradient_of(name): x for name, x in found.items() if given[name].dtype.kind == "f"}
