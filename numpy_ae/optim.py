"""Adam: a step of nearly the same length for every weight, whatever the scale of its gradient."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


class Adam:
    """Kingma and Ba, Adam: a method for stochastic optimization (ICLR 2015), with PyTorch's names.

    For each parameter θ with gradient g, at step t = 1, 2, …:

        exp_avg    ← β₁ exp_avg    + (1 − β₁) g
        exp_avg_sq ← β₂ exp_avg_sq + (1 − β₂) g²
        θ          ← θ − lr · exp_avg / (1 − β₁ᵗ) / (√(exp_avg_sq / (1 − β₂ᵗ)) + eps)

    Both averages start at zero and are too small at first; dividing by 1 − βᵗ corrects for it. `params` holds live
    arrays by name, which `step` changes in place; `state[name]` holds step, exp_avg and exp_avg_sq.
    """

    def __init__(
        self,
        params: Mapping[str, np.ndarray],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.params = params
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.state: dict[str, dict[str, Any]] = {
            name: {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}
            for name, param in params.items()
        }

    def step(self, grads: Mapping[str, np.ndarray]) -> None:
        """Move every parameter, given its gradient by name. Gradients of activations may be among them."""
        for name, param in self.params.items():
            self._update(param, grads[name], self.state[name])

    def _update(self, param: np.ndarray, grad: np.ndarray, state: dict[str, Any]) -> None:
        beta1, beta2 = self.betas
        state["step"] += 1
        correction1 = 1 - beta1 ** state["step"]
        correction2 = 1 - beta2 ** state["step"]
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]

        exp_avg *= beta1
        exp_avg += (1 - beta1) * grad
        exp_avg_sq *= beta2
        exp_avg_sq += (1 - beta2) * grad * grad

        update = np.sqrt(exp_avg_sq)  # a fresh array, and from here on in place: these arrays are the largest
        update /= math.sqrt(correction2)
        update += self.eps
        np.divide(exp_avg, update, out=update)
        update *= self.lr / correction1
        param -= update
