"""More mistakes, written by somebody who had not read what is to catch and to name them."""

from compare.controls.injection import mistake

OUTSIDERS = (
    mistake("the bias loop stops one image early", "Linear.forward",
            ("y += self.bias", "for n in range(len(x) - 1):\n        y[n] += self.bias")),
    mistake("dweight reshaped, not transposed", "Linear.backward",
            ("dweight = np.dot(dy.T, x)", "dweight = (x.T @ dy).reshape(self.weight.shape)")),
    mistake("the maximum is taken in place, over the activation on the cache", "ReLU.forward",
            ("np.maximum(x, 0)", "np.maximum(x, 0, out=x)")),
    mistake("backward of a leaky ReLU, forward of a plain one", "ReLU.backward",
            ("dy * (y > 0)", "np.where(y > 0, dy, 0.01 * dy)")),
    mistake("a float32 cast left in one exponential", "Sigmoid.forward",
            ("np.exp(np.minimum(x, -x))", "np.exp(np.minimum(x, -x).astype(np.float32))")),
    mistake("a small constant against vanishing slopes (Fahlman's, smaller)", "Sigmoid.backward",
            ("dy * y * (1 - y)", "dy * (y * (1 - y) + 1e-5)")),
    mistake("a loop over images ported from MATLAB starts at 1", "SumSquaredError.forward",
            ("return ((y - target) ** 2).sum()",
             "return sum(((y[n] - target[n]) ** 2).sum() for n in range(1, len(y)))")),
    mistake("the error is formed in place, in the reconstruction on the cache", "SumSquaredError.backward",
            ("return 2 * (y - target)", "y -= target\n    return 2 * y")),
    mistake("fc2 is handed the activation before the ReLU", "Autoencoder.backward",
            ('self.fc2.backward(d["fc2"], cache["relu1"])', 'self.fc2.backward(d["fc2"], cache["fc1"])')),
    mistake("a ReLU slipped in after the latent, forward only", "Autoencoder.decode",
            ("self.fc3.forward(z)", "self.fc3.forward(self.relu3.forward(z))")),
    mistake("the bias correction is done in place, in the running average", "Adam.step",
            ("change = np.sqrt(", "exp_avg /= correction1\n    change = np.sqrt("),
            ("self.lr * root_correction2 / correction1", "self.lr * root_correction2")),
    mistake("AdamW ported for Adam, with its default decay", "Adam.step",
            ("param -= change", "param *= 1 - self.lr * 0.01\n    param -= change")),
    mistake("gradients are never zeroed between steps", "train_step",
            ("    optimizer.step(grads)",
             "    for name in optimizer.params:\n"
             "        if name in getattr(optimizer, 'grads', {}):\n"
             "            grads[name] = grads[name] + optimizer.grads[name]\n"
             "    optimizer.grads = grads\n"
             "    optimizer.step(grads)")),
    mistake("the loop over parameters leaves the last out", "Adam.step",
            ("list(self.params)", "list(self.params)[:-1]")),
    mistake("t is capped at 2 by a schedule", "Adam.step",
            ('state["step"] += 1', 'state["step"] = min(state["step"] + 1, 2)')),
    mistake("copies, not the live arrays", "Autoencoder.parameters",
            ("layer.weight,", "layer.weight.copy(),"), ("layer.bias}", "layer.bias.copy()}")),
    mistake("the batch size it was written for is in the constant", "SumSquaredError.backward",
            ("2 * (y - target)", "64 / len(y) * (y - target)")),
    mistake("a rate schedule left in: a tenth after a hundred steps", "Adam.step",
            ("self.lr * root_correction2", '(self.lr if state["step"] <= 100 else 0.1 * self.lr) * root_correction2')),
    mistake("the gradient of the input is that of fc1", "Autoencoder.backward",
            ('d["input"] = dx', 'd["input"] = d["fc1"]')),
    mistake("the epoch is the mean of its losses", "train_epoch",
            ("return sum(train_step(model, loss, optimizer, noisy, clean) for noisy, clean in batches)",
             "losses = [train_step(model, loss, optimizer, noisy, clean) for noisy, clean in batches]\n"
             "    return sum(losses) / len(losses)")),
    mistake("gradients scaled down where their norm passes 1000", "train_step",
            ("    optimizer.step(grads)",
             "    norm = sum((grads[n] ** 2).sum() for n in optimizer.params) ** 0.5\n"
             "    optimizer.step({n: grads[n] * min(1, 1000 / norm) for n in optimizer.params})")),
    mistake("lr read once as a default, not from self", "Adam.step", ("self.lr *", "1e-3 *")),
    mistake("betas not from self", "Adam.step", ("self.state[name], self.betas", "self.state[name], (0.9, 0.999)")),
    mistake("eps not from self", "Adam.step", ("self.eps *", "1e-8 *")),
)  # fmt: skip
