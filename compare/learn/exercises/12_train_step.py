"""A training step: everything put together."""

from compare.learn.given import (
    adam_step,
    loss_backward,
    loss_forward,
    network_backward,
    network_forward,
)


def train_step(params, moments, step, noisy, clean, rates):
    """Take one step of training; return the loss before it, the new params, the new moments.

    The network is shown noisy images, and has to make the clean ones of them. Given are

        params   "fc1.weight", "fc1.bias", … "fc4.bias": an array for each name
        moments  for each of those names, the tuple (exp_avg, exp_avg_sq)
        step     the number of this step, 1 at the first one
        noisy, clean   (n, pixels)
        rates    the tuple (lr, beta1, beta2, eps)

    Return a tuple of the loss and two new dicts, made as params and moments are; the given ones
    stay as they are. All that you need is there:

        network_forward(x, params) -> (y, cache)
        loss_forward(y, target) -> value
        loss_backward(y, target) -> dy
        network_backward(dy, cache, params) -> grads
        adam_step(param, grad, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps)
            -> (param, exp_avg, exp_avg_sq)
    """
    raise NotImplementedError
