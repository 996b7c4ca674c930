import math

import numpy as np


def adam_step(param, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    root = math.sqrt(1 - beta2**step)
    rate = lr * root / (1 - beta1**step)
    exp_avg = exp_avg + (1 - beta1) * (grad - exp_avg)
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
    param = param - rate * exp_avg / (np.sqrt(exp_avg_sq) + eps * root)
    return param, exp_avg, exp_avg_sq
