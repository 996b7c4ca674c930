"""One layer of anybody's against its torch twin, in one line: the operation tier, for a person at a prompt.

>>> from compare import check_layer
>>> print(check_layer(MyLinear(20, 5), torch.nn.Linear(20, 5), x).sentence)
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.parity import culprit
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
    Raises `TypeError` for a twin of any other kind, a layer that lacks one of those and an x that is no array, and
    `ValueError` for an x or weights of another shape or dtype.
    """
    kind = type(torch_module).__name__
    if f"{kind}.forward" not in OPERATIONS:
        raise TypeError(f"check_layer knows Linear, ReLU and Sigmoid, not {kind}")
    needed = ("forward", "backward", *(("weight", "bias") if kind == "Linear" else ()))
    if lacks := [name for name in needed if not hasattr(layer, name)]:
        raise TypeError(f"{type(layer).__name__} is no {kind} that can be judged: it has no {', '.join(lacks)}")
    if not isinstance(x, np.ndarray):
        raise TypeError(f"x must be an array, not {type(x).__name__}")
    if x.ndim != 2 or x.dtype.name not in ("float32", "float64"):
        raise ValueError(f"x must be (batch, in_features) in float32 or float64, not {x.shape} in {x.dtype}")
    in_features = out_features = x.shape[1]
    state = {}
    if kind == "Linear":
        out_features, in_features = np.shape(torch_module.get_parameter("weight").detach())
        state = {f"param/layer.{name}": np.asarray(getattr(layer, name), x.dtype) for name in ("weight", "bias")}
        if state["param/layer.weight"].shape != (out_features, in_features) or x.shape[1] != in_features:
            raise ValueError(
                f"x {x.shape}, the layer's weight {state['param/layer.weight'].shape} and its twin's "
                f"{(out_features, in_features)} do not fit"
            )
    shape = Layer("layer", kind, in_features, out_features)
    side = _OneLayer(layer, Description(type(layer).__name__, (shape,), x.dtype.name, "cpu", threads=1))
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
        return run_layer(self.layer, name.split(".")[1], operands)
