"""One layer of anybody's against its torch twin, in one line: the operation tier, for a person at a prompt.

>>> from compare import check_layer
>>> print(check_layer(MyLinear(20, 5), torch.nn.Linear(20, 5), x).sentence)
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.errors import clipped
from compare.parity import culprit
from compare.parity.calls import LONGEST_NAME, Misbehaved, arrays, call
from compare.parity.numpy_side import run_layer
from compare.parity.operations import check_operation
from compare.parity.oracle import OPERATIONS
from compare.parity.side import Array, Description, Layer, Operands
from compare.parity.verdict import Finding

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LayerReport:
    """What `check_layer` found."""

    findings: list[Finding]
    sentence: str

    @property
    def held(self) -> bool:
        """Whether every finding is agreement."""
        return culprit.first_off(self.findings) is None


def check_layer(layer: Any, torch_module: "torch.nn.Module", x: Array, *, seed: int = 0) -> LayerReport:
    """Judge a hand-written layer by what its torch twin is: a Linear, a ReLU or a Sigmoid.

    `x` (batch, in_features) gives width and dtype. A Linear has `weight` (out, in), `bias` (out,), `forward(x)` and
    `backward(dy, x)`, which returns dx, dweight and dbias; the others have `forward(x)` and `backward(dy, y)`.
    Raises `TypeError` for a twin of any other kind, a layer that lacks one of those (a bias that is None is none), and
    an x or weights that are no arrays of numbers; and `ValueError` for an x or weights of another shape or dtype, and
    for a twin without a bias. Whatever the layer raises when it is called is a finding.
    """
    kind = type(torch_module).__name__
    if f"{kind}.forward" not in OPERATIONS or not _is_torchs(kind, torch_module):
        where = clipped(str(type(torch_module).__module__), LONGEST_NAME)
        raise TypeError(f"check_layer knows torch.nn's Linear, ReLU and Sigmoid, not {where}.{_class(torch_module)}")
    needed = ("forward", "backward", *(("weight", "bias") if kind == "Linear" else ()))
    parts = {name: _part(layer, name) for name in needed}
    if lacks := [name for name, part in parts.items() if part is None]:
        raise TypeError(f"{_class(layer)} is no {kind} that can be judged: it has no {', '.join(lacks)}")
    if not isinstance(x, np.ndarray):
        raise TypeError(f"x must be an array, not {_class(x)}")
    if x.ndim != 2 or not x.shape[1] or x.dtype.name not in ("float32", "float64"):
        raise ValueError(f"x must be (batch, in_features) in float32 or float64, not {x.shape} in {x.dtype}")
    in_features = out_features = x.shape[1]
    state = {}
    if kind == "Linear":
        weight, bias = (_weights(layer, name, parts[name], x.dtype) for name in ("weight", "bias"))
        out_features, in_features = torch_module.get_parameter("weight").shape
        if torch_module.bias is None:
            raise ValueError(f"the twin has no bias, and {_class(layer)} has one; give the twin bias=True")
        if weight.shape != (out_features, in_features) or x.shape[1] != in_features:
            twins = (out_features, in_features)
            raise ValueError(f"x {x.shape}, the layer's weight {weight.shape} and its twin's {twins} do not fit")
        if bias.shape != (out_features,):
            raise ValueError(f"the layer's bias {bias.shape} does not fit its weight; it must be {(out_features,)}")
        state = {"param/layer.weight": weight, "param/layer.bias": bias}
    shape = Layer("layer", kind, in_features, out_features)
    side = _OneLayer(layer, Description(_class(layer), (shape,), x.dtype.name, "cpu", threads=1))
    rng = np.random.default_rng(seed)
    findings = [
        finding
        for direction in ("forward", "backward")
        for finding in check_operation(side, f"layer.{direction}", f"{kind}.{direction}", state, rng)
    ]
    return LayerReport(findings, culprit.sentence(findings, side.describe()))


@dataclass(frozen=True)
class _OneLayer:
    layer: Any
    description: Description

    def describe(self) -> Description:
        return self.description

    def op(self, name: str, operands: Operands) -> Operands:
        direction = name.split(".")[1]
        return call(direction, lambda: arrays(run_layer(self.layer, direction, operands)))


def _is_torchs(kind: str, module: object) -> bool:
    torch = sys.modules.get("torch")  # whoever has a module of torch's has imported it
    return torch is not None and isinstance(module, getattr(torch.nn, kind, ()))


def _class(value: object) -> str:
    return clipped(type(value).__name__, LONGEST_NAME)


def _part(layer: Any, name: str) -> Any:
    """Return an attribute of a layer; None where it has none. Raises `TypeError` where the layer raises another."""
    try:
        return call(f"{name} of {_class(layer)}", lambda: getattr(layer, name, None))
    except Misbehaved as error:
        raise TypeError(f"{error}; it cannot be judged") from None


def _weights(layer: Any, name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """Return a layer's weight or bias as the array that it is."""
    try:
        array = call(name, lambda: np.asarray(value))
    except Misbehaved as error:
        raise TypeError(f"{name} of {_class(layer)} is no array: it {error.did}") from None
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} of {_class(layer)} must be an array of numbers, not {_class(value)} of {array.dtype}")
    if array.dtype != dtype:
        raise ValueError(f"{name} of {_class(layer)} is {array.dtype}, and x is {dtype}; give both in one dtype")
    return array
