"""Any network in torch, of the known kinds of layer or others, with the article's Adam.

`torch_reference` makes the reference of anybody's network.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import torch_ae
from compare.data.batches import Batch
from compare.data.config import Config
from compare.errors import UserError
from compare.sides.interface import (
    Array,
    Description,
    Grads,
    Losses,
    Operands,
    State,
    Trace,
    graph,
    make_state,
    under_prefix,
    with_loss,
    with_prefix,
)
from compare.sides.torch_modules import module_of, run_module, to_array

BACKWARD: dict[
    str, Callable[..., torch.Tensor]
] = {  # what autograd calls for a layer that has no parameters
    "ReLU": lambda dy, y: torch.ops.aten.threshold_backward(dy, y, 0),
    "Sigmoid": torch.ops.aten.sigmoid_backward,
    "Deviation": lambda dy, y: dy * y / 2,  # of exp, in autograd's formulas, and of x / 2
}
CONSTANT = ("target", "noise")  # operands of the table's kinds that have no gradient


class TorchNetwork:
    """A torch module whose children are the layers, in order, on its own device, in its own dtype.

    Called with what a batch has but its target, and an empty dict as `cache`, the module fills that
    with its inputs and every activation by name. Terms of the loss are no children of it.
    """

    model: Any  # of a type that calls may be checked against, where a subclass says which

    def __init__(
        self,
        model: torch.nn.Module,
        who: Description,
        config: Config,
        start: State,
        loss: Any = None,
    ) -> None:
        self.model, self.who = model, who
        parameter = next(model.parameters())
        self.device, self.dtype = parameter.device, parameter.dtype
        self.loss = loss or torch_ae.SumSquaredError()
        self.terms = {
            layer.name: module_of(layer, who.definitions).to(self.dtype).to(self.device)
            for layer in who.layers
            if layer.name in who.terms
        }
        betas = (config.beta1, config.beta2)
        self.optimizer = torch_ae.Adam(
            model.parameters(), lr=config.lr, betas=betas, eps=config.eps
        )
        self.load(start)

    def describe(self) -> Description:
        """Say who this is."""
        threads = torch.get_num_threads()
        return replace(self.who, name="PyTorch", device=str(self.device), threads=threads)

    def load(self, state: State) -> None:
        """Take over parameters, moments and step."""
        params = under_prefix("param", state)
        self.model.load_state_dict({name: self._tensor(param) for name, param in params.items()})
        for name, param in self.model.named_parameters():
            self.optimizer.state[param] = {
                "step": torch.tensor(float(state["adam.step"])),  # torch counts in a float
                "exp_avg": self._tensor(state[f"adam.exp_avg/{name}"]).clone(),
                "exp_avg_sq": self._tensor(state[f"adam.exp_avg_sq/{name}"]).clone(),
            }

    def state(self) -> State:
        """Return copies of parameters, moments and step."""
        params = dict(self.model.named_parameters())
        slots = {name: self.optimizer.state[param] for name, param in params.items()}
        first, second = (
            {name: to_array(slot[moment]) for name, slot in slots.items()}
            for moment in ("exp_avg", "exp_avg_sq")
        )
        step = int(next(iter(slots.values()))["step"])
        arrays = {name: to_array(param) for name, param in params.items()}
        return make_state(arrays, first, second, step)

    def observe(self, batch: Batch) -> Trace:
        """Take one training step, `train_step` taken apart, and return every tensor of it."""
        cache: dict[str, torch.Tensor] = {}
        loss, terms = self._lower(batch, cache)
        activations = {name: act for name, act in cache.items() if act.requires_grad}
        grads = {
            f"{layer.name}.{kind}": to_array(
                getattr(self.model, layer.name).get_parameter(kind).grad
            )
            for layer in reversed(self.who.layers)
            for kind in layer.parameters
        }
        self.optimizer.step()
        acts = {name: to_array(act) for name, act in (cache | terms).items()}
        dacts = {name: to_array(act.grad) for name, act in reversed(activations.items())}
        return {
            "act/target": to_array(self._tensor(batch.clean)),
            **with_prefix("act", acts),
            "loss": to_array(loss),
            **with_prefix("dact", dacts),
            **with_prefix("grad", grads),
            **self.state(),
        }

    def _lower(
        self, batch: Batch, cache: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Compute the loss and its terms, fill the cache, and leave the gradients of their sum."""
        self.optimizer.zero_grad()
        inputs = (self._tensor(of) for name, of in batch.items() if name != "target")
        y = self.model(*inputs, cache=cache)
        for act in cache.values():
            if act.requires_grad:
                act.retain_grad()
        loss = self.loss(y, self._tensor(batch.clean))
        terms = {
            layer.name: self.terms[layer.name](*(cache[name] for name in layer.inputs))
            for layer in self.who.layers
            if layer.name in self.terms
        }
        total = loss
        for name, term in terms.items():
            total = total + self.who.terms[name] * term
        total.backward()
        return loss, terms

    def op(self, name: str, operands: Operands) -> Operands:
        """Do one operation alone; a backward is autograd's, on the operands given."""
        layer, direction = name.split(".")
        forward = direction == "forward"
        given, where = dict(operands), str(self.device)
        if layer == "loss" or layer in self.terms:
            module = self.terms.get(layer, self.loss)
            dtype = next(iter(given.values())).dtype
            value, grads = run_module(module, given, None if forward else np.ones((), dtype), where)
            return {"value": value} if forward else _gradients(grads)
        kind = next(one.kind for one in self.who.layers if one.name == layer)
        if kind in BACKWARD and not forward:
            dy, y = (torch.as_tensor(given[key], device=where) for key in ("dy", "y"))
            return {"dx": to_array(BACKWARD[kind](dy, y))}
        slope = given.pop("dy", None)
        if slope is not None:  # what a backward is not given does not matter for it
            if kind == "Linear":
                given["bias"] = np.zeros(slope.shape[1], slope.dtype)
            elif kind == "Draw":
                given = {"mean": np.zeros_like(slope), "std": np.zeros_like(slope), **given}
        output, grads = run_module(getattr(self.model, layer), given, slope, where)
        return {"y": output} if forward else _gradients(grads)

    def update(self, grads: Grads) -> State:
        """Take one step of Adam alone."""
        for name, param in self.model.named_parameters():
            param.grad = self._tensor(grads[name])
        self.optimizer.step()
        return self.state()

    def fit(self, batches: Iterable[Batch]) -> Iterator[Losses]:
        """Take a step on each batch; yield its loss, and then its terms."""
        for batch in batches:
            loss, terms = self._lower(batch, {})
            self.optimizer.step()
            found = tuple(float(of.detach()) for of in (loss, *terms.values()))
            yield found if terms else found[0]

    @torch.no_grad()
    def reconstruct(self, x: Array) -> Array:
        """Map inputs to outputs."""
        return to_array(self.model(self._tensor(x)))

    def _tensor(self, array: Array) -> torch.Tensor:
        # Cast on the CPU: not every device has float64.
        return torch.as_tensor(array, dtype=self.dtype).to(self.device)


class Graph(torch.nn.Module):
    """Layers by name, each called on its inputs."""

    def __init__(self, who: Description, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__()
        self.nodes = tuple(layer for layer in graph(who.layers) if layer.name not in who.terms)
        names = [layer.name for layer in self.nodes]
        taken = (name for layer in self.nodes for name in layer.inputs)
        self.entries = dict.fromkeys(name for name in taken if name not in names)  # of a batch
        for layer in self.nodes:
            try:
                module = module_of(layer, who.definitions)
                self.add_module(layer.name, module.to(dtype).to(device))
            except KeyError as error:  # "float" is a method of every module
                raise UserError(
                    f"torch cannot call a layer {layer.name!r}; give it another name"
                ) from error

    def forward(
        self, *inputs: torch.Tensor, cache: dict[str, torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Map what a batch has but its target to y (batch, out); fill a cache."""
        cache = {} if cache is None else cache
        cache.update(zip(self.entries, inputs, strict=False))
        for layer in self.nodes:
            module = self.get_submodule(layer.name)
            cache[layer.name] = module(*(cache[name] for name in layer.inputs))
        return cache[self.nodes[-1].name]


def torch_reference(
    who: Description, start: State, config: Config, *, device: str = "cpu"
) -> TorchNetwork:
    """Return the reference of a network described so, at this start, in the config's dtype.

    Raises `UserError` for a name that no layer can have in torch, for a device that is absent, and
    for a definition that makes no such layer.
    """
    place, dtype = available_device(device, config.dtype), getattr(torch, config.dtype)
    who = replace(who, dtype=config.dtype)
    loss = module_of(with_loss(who)[-1], who.definitions)
    return TorchNetwork(Graph(who, dtype, place), who, config, start, loss)


def available_device(name: str, dtype: str) -> torch.device:
    """Return the device of that name. Raises `UserError` where it is absent or lacks the dtype."""
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not present.get(name):
        usable = ", ".join(device for device, there in present.items() if there)
        raise UserError(
            f"torch {torch.__version__} finds no {name!r} device here; "
            f"use --device with one of: {usable}"
        )
    if (name, dtype) == ("mps", "float64"):
        raise UserError("mps has no float64; choose another --device, or leave out --dtype float64")
    return torch.device(name)


def _gradients(grads: Operands) -> Operands:
    return {f"d{key}": grad for key, grad in grads.items() if key not in CONSTANT}
