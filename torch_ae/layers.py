"""The three layers, as the library has them. Autograd derives the backwards from these forwards."""

import math

import torch
from torch import nn
from torch.nn import ReLU, Sigmoid

__all__ = ["Linear", "ReLU", "Sigmoid"]


class Linear(nn.Linear):
    """`nn.Linear` whose start, uniform in ±1/√in_features, comes from the caller's generator.

    The generator lives on `device`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        generator: torch.Generator,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__(in_features, out_features, dtype=dtype, device=device)
        bound = 1 / math.sqrt(in_features)
        nn.init.uniform_(self.weight, -bound, bound, generator=generator)
        nn.init.uniform_(self.bias, -bound, bound, generator=generator)

    def reset_parameters(self) -> None:
        """Do nothing, where `nn.Linear` would draw from the global generator."""
