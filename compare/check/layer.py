"""The door for one layer of anybody's: its operations against torch's, in one line.

>>> from compare import check_layer
>>> print(check_layer(MyLinear(20, 5), torch.nn.Linear(20, 5), x).sentence)
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.check.diagnosis import Report
from compare.check.operations import check_operation
from compare.errors import class_name, clipped
from compare.sides.calls import LONGEST_NAME, Misbehaved, arrays, call
from compare.sides.interface import KINDS, Array, Description, Layer, Operands, Shape
from compare.sides.numpy_side import run_layer

if TYPE_CHECKING:
    import torch

NUMPYS: dict[str, Any] = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


def check_layer(layer: Any, torch_module: "torch.nn.Module", x: Array, *, seed: int = 0) -> Report:
    """Judge a hand-written layer by its reference in torch: a Linear, a ReLU or a Sigmoid.

    `x` (batch, in_features) gives width and dtype. A Linear has `weight` (out, in), `bias` (out,),
    `forward(x)` and `backward(dy, x)`, which returns dx, dweight and dbias; the others have
    `forward(x)` and `backward(dy, y)`. Raises `TypeError` for a reference of any other kind, with a
    forward of its own or a weight or bias that is no plain parameter, a layer that lacks one of
    those (a bias that is None is none), and an x or weights that are no arrays of numbers; and
    `ValueError` for an x or weights of another shape or dtype, an x without rows, and a reference
    without a bias. Whatever the layer raises when it is called is a finding.
    """
    kind, their_weight, their_bias = _reference(torch_module)
    name = _class(layer)
    needed = ("forward", "backward", *(("weight", "bias") if kind == "Linear" else ()))
    parts = {part: _part(layer, part) for part in needed}
    if lacks := [part for part, found in parts.items() if found is None]:
        raise TypeError(f"{name} is no {kind} that can be judged: it has no {', '.join(lacks)}")
    if not issubclass(type(x), np.ndarray):
        raise TypeError(f"x must be an array, not {_class(x)}")
    x = np.asarray(x)  # a subclass may answer anything
    if x.ndim != 2 or not x.size or x.dtype.name not in ("float32", "float64"):
        raise ValueError(
            f"x must be (batch, in_features) in float32 or float64, not {x.shape} in {x.dtype}"
        )
    in_features = out_features = x.shape[1]
    state = {}
    if kind == "Linear":
        weight, bias = (_weights(layer, of, parts[of], x.dtype) for of in ("weight", "bias"))
        if their_bias is None:
            raise ValueError(
                f"the reference has no bias, and {name} has one; give the reference bias=True"
            )
        out_features, in_features = their_weight
        if weight.shape != their_weight or x.shape[1] != in_features:
            raise ValueError(
                f"x {x.shape}, the layer's weight {weight.shape} and its reference's "
                f"{their_weight} do not fit"
            )
        if bias.shape != (out_features,):
            raise ValueError(
                f"the layer's bias {bias.shape} does not fit its weight; "
                f"it must be {(out_features,)}"
            )
        state = {f"param/{name}.weight": weight, f"param/{name}.bias": bias}
    shape = Layer(name, kind, in_features, out_features)
    who = Description(name, (shape,), x.dtype.name, "cpu", threads=1)
    side, rng = _OneLayer(layer, who), np.random.default_rng(seed)
    with np.errstate(**NUMPYS):
        findings = [
            finding
            for way in ("forward", "backward")
            for finding in check_operation(
                side, f"{name}.{way}", f"{kind}.{way}", shape, state, rng, (len(x),)
            )
        ]
    return Report(who, findings)


@dataclass(frozen=True)
class _OneLayer:
    layer: Any
    description: Description

    def describe(self) -> Description:
        return self.description

    def op(self, name: str, operands: Operands) -> Operands:
        direction = name.rpartition(".")[2]
        return call(direction, lambda: arrays(run_layer(self.layer, direction, operands)))


def _reference(module: Any) -> tuple[str, Shape, Shape | None]:
    """Return the kind of a module of torch's, and the shapes of its weight and bias.

    Raises `TypeError` unless its forward is torch's own, and weight and bias are parameters and not
    made of others.
    """
    what = "the reference"
    try:
        kind = call(what, lambda: _kind(module))
        where = call(what, lambda: clipped(str.__str__(type(module).__module__), LONGEST_NAME))
        shapes = call(what, lambda: _shapes(module)) if kind == "Linear" else {}
    except Misbehaved as error:
        raise TypeError(f"{error}; it is no reference to judge by") from None
    if not kind:
        raise TypeError(
            f"check_layer knows torch.nn's Linear, ReLU and Sigmoid, not {where}.{_class(module)}"
        )
    if kind != "Linear":
        return kind, (), None
    weight, bias = shapes.get("weight"), shapes.get("bias", ())
    if weight is None or len(weight) != 2 or bias not in (None, weight[:1]):
        raise TypeError(
            "the reference's weight and bias must be parameters, as torch.nn.Linear makes them"
        )
    return kind, weight, bias


def _kind(module: Any) -> str:
    """Return the kind of a module; nothing for any other, or one with a forward of its own."""
    torch = sys.modules.get("torch")  # whoever has a module of torch's has imported it
    for kind in KINDS if torch else ():
        torchs = getattr(torch.nn, kind)  # type: ignore[union-attr]
        if issubclass(type(module), torchs):
            own = type(module).forward is not torchs.forward or "forward" in vars(module)
            return "" if own else kind
    return ""


def _shapes(module: Any) -> dict[str, Shape | None]:
    """Return the shapes of a module's parameters by name; None for one that it is made without."""
    parameters = vars(module)["_parameters"].items()
    return {
        name: None if part is None else tuple(map(int, part.shape)) for name, part in parameters
    }


def _class(value: object) -> str:
    return class_name(value, LONGEST_NAME)


def _part(layer: Any, name: str) -> Any:
    """Return an attribute of a layer, or None. Raises `TypeError` for what asking for it raises."""
    try:
        return call(f"{name} of {_class(layer)}", lambda: getattr(layer, name, None))
    except Misbehaved as error:
        raise TypeError(f"{error}; it cannot be judged") from None


def _weights(layer: Any, name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """Return a layer's weight or bias as the array that it is."""
    what = f"{name} of {_class(layer)}"

    def found() -> Any:  # NumPy would walk through what is no array, and that may never end
        return np.asarray(value) if hasattr(type(value), "__array__") else None

    try:
        array = call(name, found)
    except Misbehaved as error:
        raise TypeError(f"{what} is no array: it {error.did}") from None
    if array is None or array.dtype.kind not in "biufc":
        of = "" if array is None else f" of {array.dtype}"
        raise TypeError(f"{what} must be an array of numbers, not {_class(value)}{of}")
    if array.dtype != dtype:
        raise ValueError(f"{what} is {array.dtype}, and x is {dtype}; give both in one dtype")
    plain: Array = array
    return plain
