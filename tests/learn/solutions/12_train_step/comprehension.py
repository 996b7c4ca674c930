from compare.learn.given import (
    adam_step,
    loss_backward,
    loss_forward,
    network_backward,
    network_forward,
)


def train_step(params, moments, step, noisy, clean, rates):
    y, cache = network_forward(noisy, params)
    grads = network_backward(loss_backward(y, clean), cache, params)
    after = {
        name: adam_step(param, grads[name], *moments[name], step, *rates)
        for name, param in params.items()
    }
    new_params = {name: param for name, (param, _, _) in after.items()}
    new_moments = {name: tuple(averages) for name, (_, *averages) in after.items()}
    return loss_forward(y, clean), new_params, new_moments
