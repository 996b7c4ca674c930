"""Adam: a step as long as lr where a gradient keeps its sign, and shorter where it wavers, whatever its scale."""

import math
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from numpy_ae.layers import flush, require

__all__ = ["Adam"]

# The averages of a unit that has died fade into subnormal numbers and stay there: 0.9 times the smallest rounds to
# itself. After so many steps they are flushed.
FLUSH_AFTER = 100


class Adam:
    """Kingma and Ba, Adam: a method for stochastic optimization (ICLR 2015), with PyTorch's names.

    For each parameter θ with gradient g, at step t = 1, 2, …:

        exp_avg    ← β₁ exp_avg    + (1 − β₁) g
        exp_avg_sq ← β₂ exp_avg_sq + (1 − β₂) g²
        θ          ← θ − lr · exp_avg / (1 − β₁ᵗ) / (√(exp_avg_sq / (1 − β₂ᵗ)) + eps)

    Both averages start at zero and are too small at first, exp_avg_sq by far more; dividing by 1 − βᵗ corrects for it.
    Without that, steps would be 3.2 times too long at t = 1 and 6.5 times at t = 10. `params` holds live arrays by
    name, which `step` changes in place; `state[name]` holds step, exp_avg and exp_avg_sq. `parallel` lets two threads
    take half of the parameters each: the numbers are the same, and sooner there.
    """

    def __init__(
        self,
        params: Mapping[str, np.ndarray],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        parallel: bool = False,
    ) -> None:
        if not (lr >= 0 and eps >= 0 and all(0 <= beta < 1 for beta in betas)):
            raise ValueError(f"lr {lr} and eps {eps} must not be negative, and betas {betas} lie in [0, 1)")
        self.params = params
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.state: dict[str, dict[str, Any]] = {
            name: {"step": 0, "exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)}
            for name, param in params.items()
        }
        self._helper = ThreadPoolExecutor(1) if parallel else None

    def step(self, grads: Mapping[str, np.ndarray]) -> None:
        """Move every parameter, given its gradient by name. Gradients of activations may be among them.

        Raises `KeyError`, `ValueError` or `TypeError` for a gradient that is missing or unfit, and then moves nothing.
        """
        names = list(self.params)
        for name in names:
            require(f"the gradient of {name}", grads[name], self.params[name].shape, like=self.params[name])
        if self._helper:  # NumPy lets go of the interpreter lock inside large operations
            half = self._helper.submit(self._update, names[: len(names) // 2], grads)
            self._update(names[len(names) // 2 :], grads)
            half.result()
        else:
            self._update(names, grads)

    def _update(self, names: Iterable[str], grads: Mapping[str, np.ndarray]) -> None:
        beta1, beta2 = self.betas
        for name in names:
            param, grad, state = self.params[name], grads[name], self.state[name]
            exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
            state["step"] += 1
            correction1 = 1 - beta1 ** state["step"]
            correction2 = math.sqrt(1 - beta2 ** state["step"])

            # Large arrays: every line below is a pass over memory, so they work in place, on one array of their own.
            work = (1 - beta1) * grad
            exp_avg *= beta1
            exp_avg += work
            np.multiply(grad, grad, out=work)
            work *= 1 - beta2
            exp_avg_sq *= beta2
            exp_avg_sq += work
            if state["step"] % FLUSH_AFTER == 0:
                flush(exp_avg)
                flush(exp_avg_sq)

            # lr · (exp_avg / correction1) / (√exp_avg_sq / correction2 + eps), both corrections drawn out of the arrays
            np.sqrt(exp_avg_sq, out=work)
            work += self.eps * correction2
            np.divide(exp_avg, work, out=work)
            work *= self.lr * correction2 / correction1
            param -= work
