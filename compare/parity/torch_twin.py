"""The torch twin of anybody's network, made of the layers that it describes."""

import torch

import torch_ae
from compare.errors import UserError
from compare.experiment.config import Config
from compare.parity.side import Layer, State
from compare.parity.torch_network import TorchNetwork, available_device


class Chain(torch.nn.Module):
    """Layers by name, one after the other, as `torch.nn.Sequential` has them by number."""

    def __init__(self, layers: tuple[Layer, ...], dtype: torch.dtype, device: torch.device) -> None:
        super().__init__()
        for layer in layers:
            try:
                self.add_module(layer.name, _module(layer, dtype, device))
            except KeyError as error:  # "float" is a method of every module
                raise UserError(f"torch cannot call a layer {layer.name!r}; give it another name") from error

    def forward(self, x: torch.Tensor, cache: dict[str, torch.Tensor] | None = None) -> torch.Tensor:
        """Map x (batch, in) to the last layer's (batch, out). A cache, given empty, is filled with every activation."""
        cache = {} if cache is None else cache
        cache["input"] = x
        for name, module in self.named_children():
            x = cache[name] = module(x)
        return x


def torch_twin(layers: tuple[Layer, ...], start: State, config: Config, *, device: str = "cpu") -> TorchNetwork:
    """Return the twin of a network with these layers, at this start, in the config's dtype.

    Raises `UserError` for a name that no layer can have in torch, and for a device that is not there.
    """
    model = Chain(layers, getattr(torch, config.dtype), available_device(device, config.dtype))
    return TorchNetwork(model, layers, config, start)


def _module(layer: Layer, dtype: torch.dtype, device: torch.device) -> torch.nn.Module:
    if layer.kind != "Linear":
        module: torch.nn.Module = getattr(torch_ae, layer.kind)()
        return module
    unused = torch.Generator(device)  # whatever it draws, the start is loaded over it
    return torch_ae.Linear(layer.in_features, layer.out_features, generator=unused, dtype=dtype, device=device)
