"""The door for one layer of anybody's, as people write them, against a module of torch's.

>>> from compare import check_layer
>>> print(check_layer(MyLinear(20, 5), torch.nn.Linear(20, 5), x).sentence)
"""

import re
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.check.door_report import DoorReport
from compare.check.reference import DY, VALUE, Reference, gradient_of
from compare.check.regimes import Operands, Source, redrawn
from compare.check.told import report_of
from compare.check.tried import Step, tried_in
from compare.errors import UserError, class_name
from compare.sides.calls import LONGEST_NAME, arrays, plain_array
from compare.sides.interface import Array
from compare.sides.layer_adapter import Adapter
from compare.sides.layer_places import NotTaken
from compare.sides.layer_ways import adapt, built
from compare.sides.torch_modules import applied, copied, shapes_of

if TYPE_CHECKING:
    import torch

MORE_ROWS = (1, 5, 33)  # than the example has: one alone, and odd numbers
PASTE = """
    from compare import check_function
    report = check_function(
        forward=lambda {names}: ...,  # your layer's output, of these operands
        backward=lambda dy, {names}: {{{grads}}},
        reference=lambda {names}: ...,  # the same in torch, of tensors
        operands=lambda rng: {{{arrays}}},
    )"""


def check_layer(
    layer: Any, torch_module: "torch.nn.Module", *inputs: Array, seed: int = 0
) -> DoorReport:
    """Judge a layer written by hand by a module of torch's, at inputs like those given.

    A layer has `forward` and `backward`. Its parameters lie in attributes, dicts, lists or parts of
    it, (out, in) or (in, out), called as usual or told by shape; batches have a row or a column for
    each example; backward may take dy and x, y or a cache, or dy alone; gradients may be returned
    in any order, by name, or left in attributes. How it was taken is said. Floating inputs are
    float32 or float64, the layer's parameters of the same dtype, and it is judged in that. Any
    module will do that is a function of its inputs and parameters. Raises `NotTaken`, a
    `TypeError`, for a layer that cannot be taken, and `UserError` for inputs or a module that
    cannot be used.
    """
    name = class_name(layer, LONGEST_NAME)
    module = copied(torch_module, "the reference")
    shapes = shapes_of(module)
    given = _inputs(inputs, type(module).__name__)
    (dtype,) = {x.dtype.name for x in given.values() if x.dtype.kind == "f"} or {"float64"}
    reference = Reference(lambda **tensors: applied(module, tensors))
    example = {of: x.astype(np.float64) if x.dtype.kind == "f" else x for of, x in given.items()}
    params = {of: p.detach().numpy() for of, p in module.named_parameters()}

    def expected(operands: Operands, dy: Array | None) -> tuple[Array, Operands]:
        found = reference.results(operands if dy is None else {**operands, DY: dy}, "float64")
        grads = {of: found.get(gradient_of(of)) for of in operands}
        return found[VALUE], {of: grad for of, grad in grads.items() if grad is not None}

    try:
        layer = built(layer, shapes, given)
        adapter = adapt(layer, shapes, example, expected)
        if not adapter.floats and adapter.places:  # labels have no dtype that says anything
            dtype = next(iter(adapter.places.values())).get(layer).dtype.name
        _require_dtype(adapter, dtype, name)
    except NotTaken as error:
        paste = _paste({**given, **params})
        raise NotTaken(f"{error}; judge it by check_function:{paste}") from None
    source = Source(Draw({**example, **params}, tuple(given)), free=params)

    def untouched() -> list[Step]:
        return _steps(name, replace(adapter, layer=deepcopy(layer)))

    tried = tried_in(dtype, untouched, reference, source, seed)
    report = report_of(name, tried)
    return replace(report, sentence=f"{report.sentence} Taken as: {adapter.how}.")


class Draw:
    """Operands like an example: first itself, then others, of other numbers of rows, too."""

    def __init__(self, example: Operands, rowwise: tuple[str, ...]) -> None:
        rows = {len(example[name]) for name in rowwise if example[name].ndim > 1}
        self.example, self.drawn = example, 0
        self.rowwise = rowwise if len(rows) == 1 else ()
        self.rows = (*rows, *(n + max(rows, default=0) * (n > 5) for n in MORE_ROWS))

    def __call__(self, rng: np.random.Generator) -> Operands:
        """Return the next."""
        self.drawn += 1
        if self.drawn == 1:
            return dict(self.example)
        rows = self.rows[self.drawn % len(self.rows)]
        return {
            name: redrawn(x[rng.integers(len(x), size=rows)] if name in self.rowwise else x, rng)
            for name, x in self.example.items()
        }


def _inputs(inputs: tuple[Any, ...], module: str) -> Operands:
    """Return the inputs by name. Raises `UserError` for what is no array of numbers."""
    names = ("y", "target") if module.endswith("Loss") else ("x", *(f"x{i}" for i in range(2, 9)))
    if not 0 < len(inputs) <= len(names):
        raise UserError("check_layer needs the layer's inputs, as in check_layer(layer, module, x)")
    plain = {}
    for name, x in zip(names, inputs, strict=False):
        if not issubclass(type(x), np.ndarray):
            raise UserError(f"{name} must be an array, not {class_name(x, LONGEST_NAME)}")
        plain[name] = np.asarray(x)
        if not x.size or (x.dtype.name not in ("float32", "float64") and x.dtype.kind not in "iu"):
            raise UserError(f"{name} must be in float32 or float64, not {x.shape} in {x.dtype}")
    if len({x.dtype for x in plain.values() if x.dtype.kind == "f"}) > 1:
        raise UserError(f"the inputs are in several dtypes; give {', '.join(plain)} in one")
    return plain


def _require_dtype(adapter: Adapter, dtype: str, name: str) -> None:
    for place in adapter.places.values():
        if (found := place.get(adapter.original).dtype) != dtype:
            raise UserError(
                f"{place.name} of {name} is {found}, and its input {dtype}; give both in one dtype"
            )


def _paste(operands: Operands) -> str:
    """Return the call that judges a function of these operands, its functions left open."""
    named = {re.sub(r"^(\d)", r"layer\1", of).replace(".", "_"): x for of, x in operands.items()}
    drawn = {
        of: f"rng.standard_normal({x.shape})"
        if x.dtype.kind == "f"
        else f"rng.integers({x.max() + 1}, size={x.shape})"
        for of, x in named.items()
    }
    return PASTE.format(
        names=", ".join(named),
        grads=", ".join(f'"{of}": ...' for of in named),
        arrays=", ".join(f'"{of}": {draw}' for of, draw in drawn.items()),
    )


def _steps(name: str, adapter: Adapter) -> list[Step]:
    return [
        Step(
            f"{name}.forward",
            lambda of: {VALUE: plain_array(adapter.forward(**_but_dy(of)))},
            reuses=True,
        ),
        Step(f"{name}.backward", lambda of: _gradients(adapter, of), reuses=True),
    ]


def _but_dy(given: Operands) -> Operands:
    return {name: x for name, x in given.items() if name != DY}


def _gradients(adapter: Adapter, given: Operands) -> Operands:
    found = arrays(adapter.backward(given[DY], **_but_dy(given)))
    return {gradient_of(of): x for of, x in found.items() if given[of].dtype.kind == "f"}
