"""The loss: the squared error, summed over pixels and over the batch, as the article has it."""

from torch import Tensor, nn

__all__ = ["SumSquaredError"]


class SumSquaredError(nn.MSELoss):
    """`nn.MSELoss` with the sum in place of its default mean."""

    def __init__(self) -> None:
        super().__init__(reduction="sum")

    def forward(self, y: Tensor, target: Tensor) -> Tensor:
        """Return the loss of y against a target of the same shape, as a scalar.

        Raises `ValueError` where the shapes differ, which `nn.MSELoss` broadcasts after a warning.
        """
        if y.shape != target.shape:
            raise ValueError(f"target has shape {tuple(target.shape)}, not {tuple(y.shape)}")
        return super().forward(y, target)
