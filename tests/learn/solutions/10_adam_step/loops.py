import numpy as np


def adam_step(param, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    new_param, new_avg, new_sq = param.copy(), exp_avg.copy(), exp_avg_sq.copy()
    for index in np.ndindex(param.shape):
        g = grad[index]
        new_avg[index] = beta1 * exp_avg[index] + (1 - beta1) * g
        new_sq[index] = beta2 * exp_avg_sq[index] + (1 - beta2) * g * g
        m_hat = new_avg[index] / (1 - beta1**step)
        v_hat = new_sq[index] / (1 - beta2**step)
        new_param[index] = param[index] - lr * m_hat / (v_hat**0.5 + eps)
    return new_param, new_avg, new_sq
