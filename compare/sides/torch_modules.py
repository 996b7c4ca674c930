"""Modules of torch's that say what a layer of anybody's is."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch

import torch_ae
from compare.errors import UserError, class_name
from compare.sides import first_calls  # noqa: F401 - before torch computes
from compare.sides.calls import LONGEST_NAME, Misbehaved, call
from compare.sides.interface import (
    KINDS,
    VARIATIONAL,
    Array,
    Definition,
    Description,
    Layer,
    Operands,
    Shape,
)


def copied(module: Any, what: str) -> torch.nn.Module:
    """Return a copy of somebody's module, in float64, that is a function of its operands alone.

    Raises `UserError` for what is none, or draws at random; `what` is what it is called there.
    """
    if not isinstance(module, torch.nn.Module):
        raise UserError(
            f"{what} must be a module of torch's, not {class_name(module, LONGEST_NAME)}"
        )
    for part in module.modules():
        if isinstance(part, torch.nn.modules.dropout._DropoutNd) and part.training:
            raise UserError(
                f"{type(part).__name__} draws a random mask; give check_function the mask as an "
                "operand, or call .eval() on the reference"
            )
    try:
        own = call(what, lambda: deepcopy(module).double())
    except Misbehaved as error:
        raise UserError(f"{error}; it is no reference to judge by") from None
    for part in own.modules():
        if isinstance(part, torch.nn.modules.batchnorm._NormBase) and part.training:
            part.running_mean = part.running_var = part.num_batches_tracked = None
    return own


def shapes_of(module: torch.nn.Module) -> dict[str, Shape]:
    """Return the shapes of a module's parameters, by name."""
    return {of: tuple(param.shape) for of, param in module.named_parameters()}


def module_of(layer: Layer, definitions: Mapping[str, Definition]) -> torch.nn.Module:
    """Return the module that a layer is, in float64, whatever its parameters are.

    Raises `UserError` where the definition of its kind makes none, or one with other parameters.
    """
    if layer.kind == "Linear":
        widths = (layer.in_features, layer.out_features)
        unused = torch.Generator()  # whatever it draws, others are put in their place
        return torch_ae.Linear(*widths, generator=unused, dtype=torch.float64)
    if layer.kind in (*KINDS, *VARIATIONAL, Description.loss):
        module: torch.nn.Module = getattr(torch_ae, layer.kind)()
        return module
    what = f"the definition of {layer.kind}"
    if layer.kind not in definitions:
        raise UserError(f"layer {layer.name!r} needs {what}, a function that makes torch's module")
    try:
        made = call(what, lambda: definitions[layer.kind](layer))
    except Misbehaved as error:
        raise UserError(f"{error}; it must return a module of torch's") from None
    own = copied(made, what)
    if (found := shapes_of(own)) != layer.parameters:
        raise UserError(
            f"layer {layer.name!r} says shapes={tuple(layer.parameters.items())}, and {what} has "
            f"{tuple(found.items())}; say these"
        )
    return own


def applied(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Call a module on operands by name, its parameters among them, the inputs in order."""
    params = {name: tensors[name] for name, _ in module.named_parameters()}
    inputs = tuple(x for name, x in tensors.items() if name not in params)
    y: torch.Tensor = torch.func.functional_call(module, params, inputs)
    return y


def run_module(
    module: torch.nn.Module, operands: Operands, dy: Array | None, device: str = "cpu"
) -> tuple[Array, Operands]:
    """Return a module's output on operands by name; given the gradient of it, those of them."""
    tensors = {name: torch.as_tensor(x, device=device) for name, x in operands.items()}
    leaves = {name: x.requires_grad_() for name, x in tensors.items() if x.is_floating_point()}
    y = applied(module, tensors)
    if dy is None:
        return to_array(y), {}
    grads = torch.autograd.grad(
        *(y, list(leaves.values()), torch.as_tensor(dy, device=device)),
        allow_unused=True,
        materialize_grads=True,
    )
    return to_array(y), {of: to_array(grad) for of, grad in zip(leaves, grads, strict=True)}


def to_array(tensor: torch.Tensor | None) -> Array:
    """Return a copy on the CPU as a NumPy array."""
    if tensor is None:
        raise ValueError("autograd left no gradient where one was expected")
    return np.array(tensor.detach().cpu().numpy())
