"""Held-out faults, written by somebody who had not read what is to catch and to name them."""

from collections.abc import Mapping, Sequence

HELD_OUT: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Linear.forward": {
        "the bias loop stops one image early": (
            "y += self.bias",
            "for n in range(len(x) - 1):\n        y[n] += self.bias",
        ),
    },
    "Linear.backward": {
        "dweight reshaped, not transposed": (
            "dweight = np.dot(dy.T, x)",
            "dweight = (x.T @ dy).reshape(self.weight.shape)",
        ),
    },
    "ReLU.forward": {
        "the maximum is taken in place, over the activation on the cache": (
            "np.maximum(x, 0)",
            "np.maximum(x, 0, out=x)",
        ),
    },
    "ReLU.backward": {
        "backward of a leaky ReLU, forward of a plain one": (
            "dy * (y > 0)",
            "np.where(y > 0, dy, 0.01 * dy)",
        ),
    },
    "Sigmoid.forward": {
        "a float32 cast left in one exponential": (
            "np.exp(np.minimum(x, -x))",
            "np.exp(np.minimum(x, -x).astype(np.float32))",
        ),
    },
    "Sigmoid.backward": {
        "a small constant against vanishing slopes (Fahlman's, smaller)": (
            "dy * y * (1 - y)",
            "dy * (y * (1 - y) + 1e-5)",
        ),
    },
    "SumSquaredError.forward": {
        "a loop over images ported from MATLAB starts at 1": (
            "return ((y - target) ** 2).sum()",
            "return sum(((y[n] - target[n]) ** 2).sum() for n in range(1, len(y)))",
        ),
    },
    "SumSquaredError.backward": {
        "the error is formed in place, in the reconstruction on the cache": (
            "return 2 * (y - target)",
            "y -= target\n    return 2 * y",
        ),
        "the batch size it was written for is in the constant": (
            "2 * (y - target)",
            "64 / len(y) * (y - target)",
        ),
    },
    "Autoencoder.backward": {
        "fc2 is handed the activation before the ReLU": (
            'self.fc2.backward(d["fc2"], cache["relu1"])',
            'self.fc2.backward(d["fc2"], cache["fc1"])',
        ),
        "the gradient of the input is that of fc1": ('d["input"] = dx', 'd["input"] = d["fc1"]'),
    },
    "Autoencoder.decode": {
        "a ReLU slipped in after the latent, forward only": (
            "self.fc3.forward(z)",
            "self.fc3.forward(self.relu3.forward(z))",
        ),
    },
    "Adam.step": {
        "the bias correction is done in place, in the running average": (
            "change = np.sqrt(",
            "exp_avg /= correction1\n    change = np.sqrt(",
            "self.lr * root_correction2 / correction1",
            "self.lr * root_correction2",
        ),
        "AdamW ported for Adam, with its default decay": (
            "param -= change",
            "param *= 1 - self.lr * 0.01\n    param -= change",
        ),
        "the loop over parameters leaves the last out": (
            "list(self.params)",
            "list(self.params)[:-1]",
        ),
        "t is capped at 2 by a schedule": (
            'state["step"] += 1',
            'state["step"] = min(state["step"] + 1, 2)',
        ),
        "a rate schedule left in: a tenth after a hundred steps": (
            "self.lr * root_correction2",
            '(self.lr if state["step"] <= 100 else 0.1 * self.lr) * root_correction2',
        ),
        "lr read once as a default, not from self": ("self.lr *", "1e-3 *"),
        "betas not from self": ("self.state[name], self.betas", "self.state[name], (0.9, 0.999)"),
        "eps not from self": ("self.eps *", "1e-8 *"),
    },
    "train_step": {
        "gradients are never zeroed between steps": (
            "    optimizer.step(grads)",
            "    for name in optimizer.params:\n"
            "        if name in getattr(optimizer, 'grads', {}):\n"
            "            grads[name] = grads[name] + optimizer.grads[name]\n"
            "    optimizer.grads = grads\n"
            "    optimizer.step(grads)",
        ),
        "gradients scaled down where their norm passes 1000": (
            "    optimizer.step(grads)",
            "    norm = sum((grads[n] ** 2).sum() for n in optimizer.params) ** 0.5\n"
            "    optimizer.step({n: grads[n] * min(1, 1000 / norm) for n in optimizer.params})",
        ),
    },
    "Autoencoder.parameters": {
        "copies, not the live arrays": (
            "layer.weight,",
            "layer.weight.copy(),",
            "layer.bias}",
            "layer.bias.copy()}",
        ),
    },
    "train_epoch": {
        "the epoch is the mean of its losses": (
            "return sum(train_step(model, loss, optimizer, noisy, clean) "
            "for noisy, clean in batches)",
            "losses = [train_step(model, loss, optimizer, noisy, clean) "
            "for noisy, clean in batches]\n    return sum(losses) / len(losses)",
        ),
    },
}
