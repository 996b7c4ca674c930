"""The truth of a training step of layers whose kinds are defined in torch, not in the table.

The graph of torch's modules is replayed in float64: without noise for the truth, and with noise of
rounding size for what rounding may do to it.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from compare.check.bounds import norm, unit_roundoff
from compare.check.kinds import taken
from compare.check.replay import Replay, Tensor
from compare.errors import UserError, told
from compare.sides.interface import Array, Description, Trace, with_loss
from compare.sides.torch_modules import applied, module_of, to_array

WIDE = 16  # times rounding: what moves no branch so far moves none for anybody


class Graph:
    """The layers' modules, with the parameters, the batch and the ReLU masks of one step.

    `inputs` and `masks` are those of `network.true_step`. Raises `UserError` for a definition that
    cannot be used.
    """

    def __init__(
        self, who: Description, inputs: Mapping[str, Array], masks: Mapping[str, Array]
    ) -> None:
        self.who, self.unit = who, unit_roundoff(who.dtype)
        self.nodes = [(layer, module_of(layer, who.definitions)) for layer in with_loss(who)]
        self.inputs = {name: x.astype(np.float64) for name, x in inputs.items()}
        self.masks = masks

    def true_step(
        self, rng: np.random.Generator, replays: int, finest: float
    ) -> tuple[Trace, dict[str, float]]:
        """Return the true trace and, by tensor, how far rounding took the worst replay.

        Noise finer than `finest` is made as large as that, and its deviations scaled down.
        """
        size = max(self.unit, finest)
        truth = self._replay(Replay())
        noisy = [self._replay(Replay(size, int(rng.integers(2**31)))) for _ in range(replays)]
        return truth, {
            name: max(norm(of[name] - true) for of in noisy) * (self.unit / size)
            for name, true in truth.items()
        }

    def is_decided(self, rng: np.random.Generator) -> bool:
        """Return whether rounding moves no branch, such as which entry a maximum takes."""
        clean, noisy = Replay(), Replay(WIDE * self.unit, int(rng.integers(2**31)))
        for mode in (clean, noisy):
            self._replay(mode)
        return all(map(torch.equal, clean.branches, noisy.branches))

    def _replay(self, mode: Replay) -> Trace:
        """Return the activations, the loss and all gradients of a step."""
        given = {name: torch.tensor(x) for name, x in self.inputs.items()}
        acts = {name: x for name, x in given.items() if name.startswith("act/")}
        made: dict[str, Tensor] = {}
        params: dict[str, Tensor] = {}
        lowered = {"loss": 1.0, **self.who.terms}
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), mode:
            for layer, module in self.nodes:
                if layer.name == "loss" and not self.who.loss:
                    break
                own = {key: given[f"param/{layer.name}.{key}"] for key in layer.parameters}
                params |= {f"{layer.name}.{key}": x.requires_grad_() for key, x in own.items()}
                sources = {of: (acts | made)[f"act/{name}"] for of, name in taken(layer).items()}
                mask = self.masks.get(layer.name)
                mode.masks = None if mask is None else iter([torch.tensor(mask)])
                y = _applied(module, {**sources, **own}, layer.kind)
                rows = len(self.inputs["act/input"])
                needed = () if layer.name in lowered else (rows, layer.out_features)
                if y.shape != needed:
                    raise UserError(
                        f"the definition of {layer.kind} returned {tuple(y.shape)} for layer "
                        f"{layer.name!r}; {needed} is needed"
                    )
                made[f"act/{layer.name}"] = y
            # Where the gradients come from: what is lowered, or the output, whose own is given.
            output = f"dact/{self.who.layers[-1].name}"
            ends = {
                f"act/{of}": torch.tensor(weight, dtype=torch.float64)
                for of, weight in lowered.items()
            }
            if output in given:
                ends = {output[1:]: given[output], **ends}
            ends = {name: slope for name, slope in ends.items() if name in made}
            names = [name for name in reversed(made) if name.removeprefix("act/") not in lowered]
            leaves = {f"d{name}": made[name] for name in names}
            leaves |= {f"grad/{name}": params[name] for name in reversed(params)}
            grads = torch.autograd.grad(
                *([made[name] for name in ends], list(leaves.values()), list(ends.values())),
                allow_unused=True,
                materialize_grads=True,
            )
        if self.who.loss:
            made["loss"] = made.pop("act/loss")
        found = {**acts, **made, **dict(zip(leaves, grads, strict=True))}
        return {name: to_array(x) for name, x in found.items()}


def _applied(module: torch.nn.Module, tensors: Mapping[str, Tensor], kind: str) -> Tensor:
    try:
        return applied(module, tensors)
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:  # the module is somebody's: it may raise anything
        raise UserError(f"the definition of {kind} {told(error)}") from None
