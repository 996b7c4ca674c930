"""A layer of your own, with a mistake that many have made, and what `check_layer` says of it.

python -m examples.own_layer
"""

import numpy as np
import torch

from compare.check.layer import check_layer


class Linear:
    """y = x Wᵀ + b, by hand."""

    def __init__(self, in_features: int, out_features: int, rng: np.random.Generator) -> None:
        self.weight = rng.standard_normal((out_features, in_features)).astype(np.float32)
        self.bias = rng.standard_normal(out_features).astype(np.float32)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Map x (batch, in) to y (batch, out)."""
        return x @ self.weight.T + self.bias

    def backward(self, dy: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return dx, dweight and dbias; and dbias is wrong."""
        return dy @ self.weight, dy.T @ x, dy.mean(axis=0)


def main() -> None:
    """Check the layer and print the verdict."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((32, 20)).astype(np.float32)
    print(check_layer(Linear(20, 5, rng), torch.nn.Linear(20, 5), x).sentence)


if __name__ == "__main__":
    main()
