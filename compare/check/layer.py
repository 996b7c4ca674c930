"""One layer of anybody's against its torch twin, in one line: the operation stage, for a person at a prompt.

>>> from compare import check_layer
>>> print(check_layer(MyLinear(20, 5), torch.nn.Linear(20, 5), x).sentence)
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from compare.check import diagnosis
from compare.check.bounds import Finding
from compare.check.operations import check_operation
from compare.errors import class_name, clipped
from compare.sides.calls import LONGEST_NAME, Misbehaved, arrays, call
from compare.sides.interface import Array, Description, Layer, Operands
from compare.sides.numpy_side import run_layer

if TYPE_CHECKING:
    import torch

KINDS = ("Linear", "ReLU", "Sigmoid")
DEFAULTS: dict[str, Any] = {
    "divide": "warn",
    "over": "warn",
    "under": "ignore",
    "invalid": "warn",
}  # NumPy's


@dataclass(frozen=True)
class LayerReport:
    """What `check_layer` found."""

    findings: list[Finding]
    sentence: str

    @property
    def held(self) -> bool:
        """Whether every finding is agreement."""
        return diagnosis.first_off(self.findings) is None


def check_layer(
    layer: Any, torch_module: "torch.nn.Module", x: Array, *, seed: int = 0
) -> LayerReport:
    """Judge a hand-written layer by what its torch twin is: a Linear, a ReLU or a Sigmoid.

    `x` (batch, in_features) gives width and dtype. A Linear has `weight` (out, in), `bias` (out,),
    `forward(x)` and `backward(dy, x)`, which returns dx, dweight and dbias; the others have
    `forward(x)` and `backward(dy, y)`. Raises `TypeError` for a twin of any other kind, with a
    forward of its own or a weight or bias that is no plain parameter, a layer that lacks one of
    those (a bias that is None is none), and an x or weights that are no arrays of numbers; and
    `ValueError` for an x or weights of another shape or dtype, an x without rows, and a twin
    without a bias. Whatever the layer raises when it is called is a finding.
    """
    kind, twin_weight, twin_bias = _twin(torch_module)
    needed = ("forward", "backward", *(("weight", "bias") if kind == "Linear" else ()))
    parts = {name: _part(layer, name) for name in needed}
    if lacks := [name for name, part in parts.items() if part is None]:
        raise TypeError(
            f"{_class(layer)} is no {kind} that can be judged: it has no {', '.join(lacks)}"
        )
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
        weight, bias = (_weights(layer, name, parts[name], x.dtype) for name in ("weight", "bias"))
        if twin_bias is None:
            raise ValueError(
                f"the twin has no bias, and {_class(layer)} has one; give the twin bias=True"
            )
        out_features, in_features = twin_weight
        if weight.shape != twin_weight or x.shape[1] != in_features:
            raise ValueError(
                f"x {x.shape}, the layer's weight {weight.shape} and its twin's {twin_weight} do not fit"
            )
        if bias.shape != (out_features,):
            raise ValueError(
                f"the layer's bias {bias.shape} does not fit its weight; it must be {(out_features,)}"
            )
        state = {"param/layer.weight": weight, "param/layer.bias": bias}
    shape = Layer("layer", kind, in_features, out_features)
    side = _OneLayer(layer, Description(_class(layer), (shape,), x.dtype.name, "cpu", threads=1))
    rng = np.random.default_rng(seed)
    with np.errstate(**DEFAULTS):
        findings = [
            finding
            for direction in ("forward", "backward")
            for finding in check_operation(
                side, f"layer.{direction}", f"{kind}.{direction}", state, rng
            )
        ]
    return LayerReport(findings, diagnosis.sentence(findings, side.describe()))


@dataclass(frozen=True)
class _OneLayer:
    layer: Any
    description: Description

    def describe(self) -> Description:
        return self.description

    def op(self, name: str, operands: Operands) -> Operands:
        direction = name.split(".")[1]
        return call(direction, lambda: arrays(run_layer(self.layer, direction, operands)))


class _Twin(NamedTuple):
    kind: str
    weight: tuple[int, ...] = ()  # their shapes
    bias: tuple[int, ...] | None = None


def _twin(module: Any) -> _Twin:
    """Return what a module of torch's is. Raises `TypeError` for one that is not, or no longer, what check_layer knows.

    That is one whose forward is torch's own, and whose weight and bias are parameters and not made
    of others.
    """
    try:
        kind = call("the twin", lambda: _kind(module))
        where = call(
            "the twin", lambda: clipped(str.__str__(type(module).__module__), LONGEST_NAME)
        )
        shapes = call("the twin", lambda: _shapes(module)) if kind == "Linear" else {}
    except Misbehaved as error:
        raise TypeError(f"{error}; it is no twin to judge by") from None
    if not kind:
        raise TypeError(
            f"check_layer knows torch.nn's Linear, ReLU and Sigmoid, not {where}.{_class(module)}"
        )
    if kind != "Linear":
        return _Twin(kind)
    weight, bias = shapes.get("weight"), shapes.get("bias", ())
    if weight is None or len(weight) != 2 or bias not in (None, weight[:1]):
        raise TypeError(
            "the twin's weight and bias must be parameters, as torch.nn.Linear makes them"
        )
    return _Twin(kind, weight, bias)


def _kind(module: Any) -> str:
    """Return the kind of a module of torch's; nothing where it is none of these, or has a forward of its own."""
    torch = sys.modules.get("torch")  # whoever has a module of torch's has imported it
    for kind in KINDS if torch else ():
        torchs = getattr(torch.nn, kind)  # type: ignore[union-attr]
        if issubclass(type(module), torchs):
            return (
                kind
                if type(module).forward is torchs.forward and "forward" not in vars(module)
                else ""
            )
    return ""


def _shapes(module: Any) -> dict[str, tuple[int, ...] | None]:
    """Return the shapes of a module's own parameters by name; None for one that it is made without."""
    parameters = vars(module)["_parameters"].items()
    return {
        name: None if part is None else tuple(map(int, part.shape)) for name, part in parameters
    }


def _class(value: object) -> str:
    return class_name(value, LONGEST_NAME)


def _part(layer: Any, name: str) -> Any:
    """Return an attribute of a layer; None where it has none. Raises `TypeError` where the layer raises another."""
    try:
        return call(f"{name} of {_class(layer)}", lambda: getattr(layer, name, None))
    except Misbehaved as error:
        raise TypeError(f"{error}; it cannot be judged") from None


def _weights(layer: Any, name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """Return a layer's weight or bias as the array that it is."""
    try:  # NumPy would walk through what is no array, and that may never end
        array = call(name, lambda: np.asarray(value) if hasattr(type(value), "__array__") else None)
    except Misbehaved as error:
        raise TypeError(f"{name} of {_class(layer)} is no array: it {error.did}") from None
    if array is None:
        raise TypeError(
            f"{name} of {_class(layer)} must be an array of numbers, not {_class(value)}"
        )
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"{name} of {_class(layer)} must be an array of numbers, not {_class(value)} of {array.dtype}"
        )
    if array.dtype != dtype:
        raise ValueError(
            f"{name} of {_class(layer)} is {array.dtype}, and x is {dtype}; give both in one dtype"
        )
    return array
