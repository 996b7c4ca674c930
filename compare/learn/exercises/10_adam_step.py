"""Adam: a step against the gradient, longer where the gradients of the last steps agree."""

import numpy as np


def adam_step(param, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    """Return param, exp_avg and exp_avg_sq after one step: a tuple in this order.

    The first four are arrays of one shape, the others numbers. `step` is the number of this step,
    1 at the first one. With t for step and g for grad:

        exp_avg    ← β₁ · exp_avg    + (1 − β₁) · g      m̂ = exp_avg    / (1 − β₁ᵗ)
        exp_avg_sq ← β₂ · exp_avg_sq + (1 − β₂) · g²     v̂ = exp_avg_sq / (1 − β₂ᵗ)
        param      ← param − lr · m̂ / (√v̂ + eps)

    Both averages start at 0, and are too small at first; the divisions by 1 − βᵗ make up for that.
    Return new arrays: those that you are given stay as they are.
    """
    raise NotImplementedError
