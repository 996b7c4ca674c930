"""The loss: the squared error, summed over pixels and over the batch, as the article has it."""

from torch import nn


class SumSquaredError(nn.MSELoss):
    """`nn.MSELoss` with the sum in place of its default mean."""

    def __init__(self) -> None:
        super().__init__(reduction="sum")
