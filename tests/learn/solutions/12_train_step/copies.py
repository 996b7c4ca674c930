from compare.learn.given import (
    adam_step,
    loss_backward,
    loss_forward,
    network_backward,
    network_forward,
)


def train_step(params, moments, step, noisy, clean, rates):
    lr, beta1, beta2, eps = rates
    y, cache = network_forward(noisy, params)
    loss, dy = loss_forward(y, clean), loss_backward(y, clean)
    params, moments = dict(params), dict(moments)
    for name, grad in network_backward(dy, cache, params).items():
        first, second = moments[name]
        params[name], first, second = adam_step(
            params[name], grad, first, second, step, lr, beta1, beta2, eps
        )
        moments[name] = first, second
    return loss, params, moments
