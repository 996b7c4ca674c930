"""Adam: how far a step goes depends on how steady the gradients are, hardly on how large."""

import math
from typing import Any

import numpy as np

from numpy_ae.support import Array, Arrays, expect_gradients, expect_rates, flush_averages, runner


class Adam:
    """Kingma and Ba, Adam: a method for stochastic optimization (ICLR 2015), with PyTorch's names.

    For each entry of a parameter θ with gradient g, at step t = 1, 2, …:

        exp_avg    ← β₁ exp_avg    + (1 − β₁) g      m̂ = exp_avg    / (1 − β₁ᵗ)
        exp_avg_sq ← β₂ exp_avg_sq + (1 − β₂) g²     v̂ = exp_avg_sq / (1 − β₂ᵗ)
        θ ← θ − lr · m̂ / (√v̂ + eps)

    A steady gradient g ≠ 0 gives m̂ = g, √v̂ = |g|: a step of lr, against g. Where its sign changes
    often, m̂ is small but v̂ is not: a small step. Why exactly 1 − βᵗ? Both averages start at 0, so
    exp_avg after t steps is (1 − β₁)(gₜ + β₁ gₜ₋₁ + … + β₁ᵗ⁻¹ g₁). Its factors add up to 1 − β₁ᵗ,
    those of a true average to 1. So divide by it; likewise exp_avg_sq, with β₂ and g².

    `step` changes the arrays of `params` in place; `state[name]` holds step, exp_avg, exp_avg_sq.
    `parallel` gives half of the work to a second thread. Rates that make no sense: `ValueError`.
    """

    def __init__(
        self, params: Arrays, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, *, parallel: bool = False,
    ) -> None:  # fmt: skip
        expect_rates(lr, betas, eps)
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.state: dict[str, dict[str, Any]] = {
            name: {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}
            for name, param in params.items()
        }
        self.for_each = runner(parallel)

    def step(self, grads: Arrays) -> None:
        """Update every parameter as above. An unfit gradient raises before anything has moved."""
        expect_gradients(grads, self.params)
        self.for_each(list(self.params), lambda name: self._update(name, grads[name]))

    def _update(self, name: str, grad: Array) -> None:
        param, state, (beta1, beta2) = self.params[name], self.state[name], self.betas
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        state["step"] += 1
        correction1 = 1 - beta1 ** state["step"]
        root_correction2 = math.sqrt(1 - beta2 ** state["step"])
        exp_avg *= beta1
        exp_avg += (1 - beta1) * grad
        square = grad**2
        square *= 1 - beta2
        exp_avg_sq *= beta2
        exp_avg_sq += square
        flush_averages(exp_avg, exp_avg_sq, step=state["step"])  # what is too small to matter
        # lr · m̂ / (√v̂ + eps), top and bottom times √(1 − β₂ᵗ): √v̂ becomes √exp_avg_sq
        change = np.sqrt(exp_avg_sq, out=square)  # in the memory of square, which has done its work
        change += self.eps * root_correction2
        np.divide(exp_avg, change, out=change)
        change *= self.lr * root_correction2 / correction1
        param -= change
