"""A function of your own, with a mistake that many have made, and what `check_function` says of it.

python -m compare check --function examples.own_function:check
"""

import numpy as np
import torch

from compare import check_function
from compare.check.door_report import DoorReport


def softmax(x: np.ndarray) -> np.ndarray:
    """Return eˣ over the sum of its row."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dy: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return dx; it forgets that each entry of y depends on the whole row of x."""
    y = softmax(x)
    return {"x": dy * y * (1 - y)}


def check() -> DoorReport:
    """Check the function by torch's."""
    x = np.random.default_rng(0).standard_normal((6, 4))
    return check_function(softmax, softmax_backward, lambda x: torch.softmax(x, dim=1), {"x": x})
