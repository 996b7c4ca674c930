from compare.learn.given import (
    adam_step,
    loss_backward,
    loss_forward,
    network_backward,
    network_forward,
)


def train_step(params, moments, step, noisy, clean, rates):
    y, cache = network_forward(noisy, params)
    loss = loss_forward(y, clean)
    grads = network_backward(loss_backward(y, clean), cache, params)
    new_params, new_moments = {}, {}
    for name in params:
        exp_avg, exp_avg_sq = moments[name]
        new_params[name], exp_avg, exp_avg_sq = adam_step(
            params[name], grads[name], exp_avg, exp_avg_sq, step, *rates
        )
        new_moments[name] = (exp_avg, exp_avg_sq)
    return loss, new_params, new_moments
