"""Mistakes that people make in writing a network by hand: the negative controls that the check has to catch and name.

Each is one change of the NumPy side's source. Whoever judges a side never reads this list.
"""

import numpy as np

from compare.controls.held_out import OUTSIDERS
from compare.controls.injection import Fault, mistake, wrong_data
from compare.data.batches import Batch

FORWARD, BACKWARD = "y = x @ self.weight.T", "dx = dy @ self.weight if input_grad else None"
DWEIGHT, DBIAS = "dweight = np.dot(dy.T, x)", "dbias = dy.sum(axis=0)"
LINEAR = (
    mistake("no bias", "Linear.forward", ("y += self.bias", "")),
    mistake("bias one ULP off", "Linear.forward", ("y += self.bias", "y += np.nextafter(self.bias, np.inf)")),
    mistake("one column of the weight left out", "Linear.forward",
            (FORWARD, "y = x[:, 1:] @ self.weight.T[1:]")),
    mistake("reshaped for transposed", "Linear.forward",
            (FORWARD, "y = x @ self.weight.reshape(self.weight.T.shape)")),
    mistake("computed in float32", "Linear.forward",
            (FORWARD, "y = (x @ self.weight.T).astype(np.result_type(x, 1j) if x.imag.any() else np.float32)")),
    mistake("weight gradient transposed", "Linear.backward", (DWEIGHT, "dweight = x.T @ dy")),
    mistake("weight gradient 0.1 % too large", "Linear.backward", (DWEIGHT, "dweight = 1.001 * (dy.T @ x)")),
    mistake("weight gradient a mean", "Linear.backward", (DWEIGHT, "dweight = dy.T @ x / len(x)")),
    mistake("weight decay in the gradient", "Linear.backward", (DWEIGHT, "dweight = dy.T @ x + 1e-4 * self.weight")),
    mistake("one column of the weight gradient zero", "Linear.backward",
            (DWEIGHT, "dweight = dy.T @ x\n    dweight[:, -1] = 0")),
    mistake("weight gradient of a single image twice as large", "Linear.backward",
            (DWEIGHT, "dweight = dy.T @ x if len(x) > 1 else np.dot(dy.T, 2 * x)")),
    mistake("bias gradient missing", "Linear.backward", (DBIAS, "dbias = np.zeros_like(self.weight[:, 0])")),
    mistake("bias gradient a mean", "Linear.backward", (DBIAS, "dbias = dy.mean(axis=0)")),
    mistake("bias gradient of the weight's", "Linear.backward", (DBIAS, "dbias = dweight.sum(axis=1)")),
    mistake("gradient of the wrong operand", "Linear.backward",
            (BACKWARD, "dx = dy @ self.weight * (x > 0) if input_grad else None")),
    mistake("stale input", "Linear.backward",
            (BACKWARD, BACKWARD + '\n    x, self.x = getattr(self, "x", x), x')),
    mistake("upstream gradient overwritten", "Linear.backward", (DWEIGHT, "dy /= len(x)\n    dweight = dy.T @ x")),
)  # fmt: skip

RELU_FORWARD, RELU_BACKWARD = "np.maximum(x, 0)", "dy * (y > 0)"
RELU = (
    mistake("leaky", "ReLU.forward", (RELU_FORWARD, "np.maximum(x, 0.01 * x)")),
    mistake("cut off at 6", "ReLU.forward", (RELU_FORWARD, "np.minimum(np.maximum(x, 0), 6)")),
    mistake(">= for >", "ReLU.backward", (RELU_BACKWARD, "dy * (y >= 0)")),
    mistake("mask missing", "ReLU.backward", (RELU_BACKWARD, "dy")),
    mistake("mask of the gradient", "ReLU.backward", (RELU_BACKWARD, "dy * (dy > 0)")),
    mistake(
        "leaky slope",
        "ReLU.backward",
        (RELU_BACKWARD, "dy * np.where(y > 0, 1, dy.dtype.type(0.01))"),
    ),
    mistake(
        "gradient overwritten",
        "ReLU.backward",
        ("return dy * (y > 0)", "dy[y <= 0] = 0\n    return dy"),
    ),
)

SIGMOID_FORWARD = "np.maximum(e, x >= 0) / (1 + e)"
SIGMOID_BACKWARD = "dy * y * (1 - y)"
SIGMOID = (
    mistake("argument cut off at ±15", "Sigmoid.forward",
            (SIGMOID_FORWARD, "1 / (1 + np.exp(-np.maximum(np.minimum(x, 15), -15)))")),
    mistake("through tanh, which cancels", "Sigmoid.forward", (SIGMOID_FORWARD, "0.5 + 0.5 * np.tanh(x / 2)")),
    mistake("the textbook's, which overflows", "Sigmoid.forward", (SIGMOID_FORWARD, "1 / (1 + np.exp(-x))")),
    mistake("y (1 + y)", "Sigmoid.backward", (SIGMOID_BACKWARD, "dy * y * (1 + y)")),
    mistake("1 − y missing", "Sigmoid.backward", (SIGMOID_BACKWARD, "dy * y")),
    mistake("derivative at the wrong place", "Sigmoid.backward",
            (SIGMOID_BACKWARD, "dy / (2 + np.exp(y) + np.exp(-y))")),
    mistake("kept away from 0 and 1", "Sigmoid.backward",
            (SIGMOID_BACKWARD, "dy * np.clip(y, 1e-7, 1 - 1e-7) * (1 - y)")),
)  # fmt: skip

LOSS = (
    mistake(
        "half the loss",
        "SumSquaredError.forward",
        ("((y - target) ** 2).sum()", "((y - target) ** 2).sum() / 2"),
    ),
    mistake(
        "a mean for the sum",
        "SumSquaredError.forward",
        ("((y - target) ** 2).sum()", "((y - target) ** 2).mean()"),
    ),
    mistake("factor 2 missing", "SumSquaredError.backward", ("2 * (y - target)", "y - target")),
    mistake(
        "mean over the batch",
        "SumSquaredError.backward",
        ("2 * (y - target)", "2 * (y - target) / len(y)"),
    ),
    mistake("sign", "SumSquaredError.backward", ("2 * (y - target)", "2 * (target - y)")),
    mistake(
        "absolute error's gradient",
        "SumSquaredError.backward",
        ("2 * (y - target)", "np.sign(y - target)"),
    ),
)

MODEL = (
    mistake("ReLU after the latent", "Autoencoder.encode",
            ('self.fc2.forward(cache["relu1"])', 'self.relu1.forward(self.fc2.forward(cache["relu1"]))')),
    mistake("activation computed and not used", "Autoencoder.decode",
            ('self.fc4.forward(cache["relu3"])', 'self.fc4.forward(cache["fc3"])')),
    mistake("sigmoid's backward left out", "Autoencoder.backward",
            ('self.sigmoid.backward(d["sigmoid"], cache["sigmoid"])', 'd["sigmoid"]')),
    mistake("mask of the other ReLU", "Autoencoder.backward",
            ('self.relu3.backward(d["relu3"], cache["relu3"])', 'self.relu3.backward(d["relu3"], cache["relu1"])')),
    mistake("gradient before its mask passed on", "Autoencoder.backward",
            ('self.fc3.backward(d["fc3"], cache["fc2"])', 'self.fc3.backward(d["relu3"], cache["fc2"])')),
    mistake("input before its activation", "Autoencoder.backward",
            ('self.fc4.backward(d["fc4"], cache["relu3"])', 'self.fc4.backward(d["fc4"], cache["fc3"])')),
    mistake("output for input", "Autoencoder.backward",
            ('self.fc1.backward(d["fc1"], cache["input"]', 'self.fc1.backward(d["fc1"], cache["sigmoid"]')),
    mistake("gradients of two layers swapped", "Autoencoder.backward",
            ("return d", 'd["fc1.bias"], d["fc3.bias"] = d["fc3.bias"], d["fc1.bias"]\n    return d')),
    mistake("live arrays for copies", "Autoencoder.state_dict", ("param.copy()", "param")),
    mistake("one bias not loaded", "Autoencoder.load_state_dict",
            ("copy_into(self.parameters(), state_dict)",
             'copy_into(self.parameters(), {**state_dict, "fc4.bias": self.fc4.bias})')),
    mistake("He's bound for PyTorch's", "Linear.__init__",
            ("1 / np.sqrt(in_features)", "np.sqrt(6 / in_features)")),
)  # fmt: skip

CORRECTION1, ROOT2 = '1 - beta1 ** state["step"]', 'math.sqrt(1 - beta2 ** state["step"])'
EPS, ROOT = "self.eps * root_correction2", "np.sqrt(exp_avg_sq, out=square)"
ADAM = (
    mistake("eps inside the root", "Adam.step",
            (ROOT, "np.sqrt(exp_avg_sq + self.eps * root_correction2**2)"),
            ("change += self.eps * root_correction2", "")),
    mistake("eps before the bias correction", "Adam.step", (EPS, "self.eps")),
    mistake("no bias correction", "Adam.step", (CORRECTION1, "1.0"), (ROOT2, "1.0")),
    mistake("second moment not corrected", "Adam.step", (ROOT2, "1.0")),
    mistake("step off by one", "Adam.step",
            (CORRECTION1, '1 - beta1 ** (state["step"] + 1)'),
            (ROOT2, 'math.sqrt(1 - beta2 ** (state["step"] + 1))')),
    mistake("step never counted", "Adam.step", ('state["step"] += 1', 'state["step"] = 1')),
    mistake("betas swapped", "Adam.step", ("(beta1, beta2) =", "(beta2, beta1) =")),
    mistake("moments aliased", "Adam.__init__",
            ('"exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)',
             '"exp_avg": (zeros := np.zeros_like(param)), "exp_avg_sq": zeros')),
    mistake("moment used before its update", "Adam.step",
            ("exp_avg *= beta1", "old = exp_avg.copy()\n    exp_avg *= beta1"),
            ("np.divide(exp_avg, change", "np.divide(old, change")),
    mistake("bias correction in float32", "Adam.step",
            (CORRECTION1, '1 - np.float32(beta1) ** state["step"]'),
            (ROOT2, 'math.sqrt(1 - np.float32(beta2) ** state["step"])')),
    mistake("gradient not squared", "Adam.step", ("grad**2", "np.abs(grad)")),
    mistake("gradient clipped", "Adam.step",
            ("exp_avg *= beta1", "grad = np.clip(grad, -1, 1)\n    exp_avg *= beta1")),
    mistake("sign of the update", "Adam.step", ("param -= change", "param += change")),
    mistake("another library's eps", "Adam.__init__", ("eps: float = 1e-8", "eps: float = 1e-7")),
)  # fmt: skip

GRADS = "grads = model.backward(loss.backward(y, clean), cache)"
STEP = "optimizer.step(grads)"
TRAINING = (
    mistake("gradients accumulated", "train_step",
            (STEP, 'for name, old in vars(optimizer).get("grads", {}).items():\n        grads[name] += old\n'
                     "    optimizer.grads = grads\n    optimizer.step(grads)")),
    mistake("update before backward", "train_step",
            (STEP, 'optimizer.step(vars(optimizer).get("grads", grads))\n    optimizer.grads = grads')),
    mistake("updated twice", "train_step", (STEP, "optimizer.step(grads)\n    optimizer.step(grads)")),
    mistake("targets shuffled", "train_step", (GRADS, GRADS.replace("clean", "clean[::-1]"))),
    mistake("noisy target", "train_step", (GRADS, GRADS.replace("clean", "noisy"))),
    mistake("clean input", "train_step", ("model.forward(noisy, cache)", "model.forward(clean, cache)")),
    mistake("loss after the update", "train_step",
            ("return float(value)", "return float(loss.forward(model.forward(noisy), clean))")),
)  # fmt: skip


def _other_noise(batch: Batch) -> Batch:
    noise = np.random.default_rng(0).standard_normal(batch.noisy.shape)
    return batch._replace(noisy=np.clip(batch.clean + 0.3 * noise, 0, 1).astype(batch.noisy.dtype))


DATA = (
    wrong_data("noise differs between the sides", "the same images with other noise", _other_noise),
    wrong_data("divided by 256", "255 → 256", lambda batch: Batch(*(x * x.dtype.type(255 / 256) for x in batch))),
    wrong_data("target in ±1", "target → 2 target − 1", lambda batch: batch._replace(clean=2 * batch.clean - 1)),
    wrong_data("order differs between the sides", "rows reversed", lambda batch: Batch(*(x[::-1] for x in batch))),
    wrong_data("input through float16", "noisy → float16 and back",
               lambda batch: batch._replace(noisy=batch.noisy.astype(np.float16).astype(batch.noisy.dtype))),
)  # fmt: skip

FAULTS: tuple[Fault, ...] = (
    *LINEAR,
    *RELU,
    *SIGMOID,
    *LOSS,
    *MODEL,
    *ADAM,
    *TRAINING,
    *DATA,
    *OUTSIDERS,
)
