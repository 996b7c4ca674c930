"""Faults that people make in writing a network by hand: the check has to catch and to name each.

Each is one change of the NumPy side's source. Whoever judges a side never reads this list.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from compare.controls.held_out import HELD_OUT
from compare.controls.injection import Fault, faults, wrong_data
from compare.data.batches import Batch

FORWARD, BACKWARD = "y = x @ self.weight.T", "dx = dy @ self.weight if input_grad else None"
DWEIGHT, DBIAS = "dweight = np.dot(dy.T, x)", "dbias = dy.sum(axis=0)"
RELU_FORWARD, RELU_BACKWARD = "np.maximum(x, 0)", "dy * (y > 0)"
SIGMOID_FORWARD = "np.maximum(e, x >= 0) / (1 + e)"
SIGMOID_BACKWARD = "dy * y * (1 - y)"
CORRECTION1, ROOT2 = '1 - beta1 ** state["step"]', 'math.sqrt(1 - beta2 ** state["step"])'
EPS, ROOT = "self.eps * root_correction2", "np.sqrt(exp_avg_sq, out=square)"
GRADS = "grads = model.backward(loss.backward(y, clean), cache)"
STEP = "optimizer.step(grads)"

# By function and name, what is changed in its source: old text, new text, and so on.
WRITTEN: Mapping[str, Mapping[str, Sequence[str]]] = {
    "Linear.forward": {
        "no bias": ("y += self.bias", ""),
        "bias one ULP off": ("y += self.bias", "y += np.nextafter(self.bias, np.inf)"),
        "one column of the weight left out": (FORWARD, "y = x[:, 1:] @ self.weight.T[1:]"),
        "reshaped for transposed": (FORWARD, "y = x @ self.weight.reshape(self.weight.T.shape)"),
        "computed in float32": (
            FORWARD,
            "y = (x @ self.weight.T).astype(np.result_type(x, 1j) if x.imag.any() else np.float32)",
        ),
    },
    "Linear.backward": {
        "weight gradient transposed": (DWEIGHT, "dweight = x.T @ dy"),
        "weight gradient 0.1 % too large": (DWEIGHT, "dweight = 1.001 * (dy.T @ x)"),
        "weight gradient a mean": (DWEIGHT, "dweight = dy.T @ x / len(x)"),
        "weight decay in the gradient": (DWEIGHT, "dweight = dy.T @ x + 1e-4 * self.weight"),
        "one column of the weight gradient zero": (
            DWEIGHT,
            "dweight = dy.T @ x\n    dweight[:, -1] = 0",
        ),
        "weight gradient of a single image twice as large": (
            DWEIGHT,
            "dweight = dy.T @ x if len(x) > 1 else np.dot(dy.T, 2 * x)",
        ),
        "bias gradient missing": (DBIAS, "dbias = np.zeros_like(self.weight[:, 0])"),
        "bias gradient a mean": (DBIAS, "dbias = dy.mean(axis=0)"),
        "bias gradient of the weight's": (DBIAS, "dbias = dweight.sum(axis=1)"),
        "gradient of the wrong operand": (
            BACKWARD,
            "dx = dy @ self.weight * (x > 0) if input_grad else None",
        ),
        "stale input": (BACKWARD, BACKWARD + '\n    x, self.x = getattr(self, "x", x), x'),
        "upstream gradient overwritten": (DWEIGHT, "dy /= len(x)\n    dweight = dy.T @ x"),
    },
    "ReLU.forward": {
        "leaky": (RELU_FORWARD, "np.maximum(x, 0.01 * x)"),
        "cut off at 6": (RELU_FORWARD, "np.minimum(np.maximum(x, 0), 6)"),
    },
    "ReLU.backward": {
        ">= for >": (RELU_BACKWARD, "dy * (y >= 0)"),
        "mask missing": (RELU_BACKWARD, "dy"),
        "mask of the gradient": (RELU_BACKWARD, "dy * (dy > 0)"),
        "leaky slope": (RELU_BACKWARD, "dy * np.where(y > 0, 1, dy.dtype.type(0.01))"),
        "gradient overwritten": ("return dy * (y > 0)", "dy[y <= 0] = 0\n    return dy"),
    },
    "Sigmoid.forward": {
        "argument cut off at ±15": (
            SIGMOID_FORWARD,
            "1 / (1 + np.exp(-np.maximum(np.minimum(x, 15), -15)))",
        ),
        "through tanh, which cancels": (SIGMOID_FORWARD, "0.5 + 0.5 * np.tanh(x / 2)"),
        "the textbook's, which overflows": (SIGMOID_FORWARD, "1 / (1 + np.exp(-x))"),
    },
    "Sigmoid.backward": {
        "y (1 + y)": (SIGMOID_BACKWARD, "dy * y * (1 + y)"),
        "1 − y missing": (SIGMOID_BACKWARD, "dy * y"),
        "derivative at the wrong place": (SIGMOID_BACKWARD, "dy / (2 + np.exp(y) + np.exp(-y))"),
        "kept away from 0 and 1": (SIGMOID_BACKWARD, "dy * np.clip(y, 1e-7, 1 - 1e-7) * (1 - y)"),
    },
    "SumSquaredError.forward": {
        "half the loss": ("((y - target) ** 2).sum()", "((y - target) ** 2).sum() / 2"),
        "a mean for the sum": ("((y - target) ** 2).sum()", "((y - target) ** 2).mean()"),
    },
    "SumSquaredError.backward": {
        "factor 2 missing": ("2 * (y - target)", "y - target"),
        "mean over the batch": ("2 * (y - target)", "2 * (y - target) / len(y)"),
        "sign": ("2 * (y - target)", "2 * (target - y)"),
        "absolute error's gradient": ("2 * (y - target)", "np.sign(y - target)"),
    },
    "Autoencoder.encode": {
        "ReLU after the latent": (
            'self.fc2.forward(cache["relu1"])',
            'self.relu1.forward(self.fc2.forward(cache["relu1"]))',
        ),
    },
    "Autoencoder.decode": {
        "activation computed and not used": (
            'self.fc4.forward(cache["relu3"])',
            'self.fc4.forward(cache["fc3"])',
        ),
    },
    "Autoencoder.backward": {
        "sigmoid's backward left out": (
            'self.sigmoid.backward(d["sigmoid"], cache["sigmoid"])',
            'd["sigmoid"]',
        ),
        "mask of the other ReLU": (
            'self.relu3.backward(d["relu3"], cache["relu3"])',
            'self.relu3.backward(d["relu3"], cache["relu1"])',
        ),
        "gradient before its mask passed on": (
            'self.fc3.backward(d["fc3"], cache["fc2"])',
            'self.fc3.backward(d["relu3"], cache["fc2"])',
        ),
        "input before its activation": (
            'self.fc4.backward(d["fc4"], cache["relu3"])',
            'self.fc4.backward(d["fc4"], cache["fc3"])',
        ),
        "output for input": (
            'self.fc1.backward(d["fc1"], cache["input"]',
            'self.fc1.backward(d["fc1"], cache["sigmoid"]',
        ),
        "gradients of two layers swapped": (
            "return d",
            'd["fc1.bias"], d["fc3.bias"] = d["fc3.bias"], d["fc1.bias"]\n    return d',
        ),
    },
    "Autoencoder.state_dict": {
        "live arrays for copies": ("param.copy()", "param"),
    },
    "Autoencoder.load_state_dict": {
        "one bias not loaded": (
            "copy_into(self.parameters(), state_dict)",
            'copy_into(self.parameters(), {**state_dict, "fc4.bias": self.fc4.bias})',
        ),
    },
    "Linear.__init__": {
        "He's bound for PyTorch's": ("1 / np.sqrt(in_features)", "np.sqrt(6 / in_features)"),
    },
    "Adam.step": {
        "eps inside the root": (
            ROOT,
            "np.sqrt(exp_avg_sq + self.eps * root_correction2**2)",
            "change += self.eps * root_correction2",
            "",
        ),
        "eps before the bias correction": (EPS, "self.eps"),
        "no bias correction": (CORRECTION1, "1.0", ROOT2, "1.0"),
        "second moment not corrected": (ROOT2, "1.0"),
        "step off by one": (
            CORRECTION1,
            '1 - beta1 ** (state["step"] + 1)',
            ROOT2,
            'math.sqrt(1 - beta2 ** (state["step"] + 1))',
        ),
        "step never counted": ('state["step"] += 1', 'state["step"] = 1'),
        "betas swapped": ("(beta1, beta2) =", "(beta2, beta1) ="),
        "moment used before its update": (
            "exp_avg *= beta1",
            "old = exp_avg.copy()\n    exp_avg *= beta1",
            "np.divide(exp_avg, change",
            "np.divide(old, change",
        ),
        "bias correction in float32": (
            CORRECTION1,
            '1 - np.float32(beta1) ** state["step"]',
            ROOT2,
            'math.sqrt(1 - np.float32(beta2) ** state["step"])',
        ),
        "gradient not squared": ("grad**2", "np.abs(grad)"),
        "gradient clipped": (
            "exp_avg *= beta1",
            "grad = np.clip(grad, -1, 1)\n    exp_avg *= beta1",
        ),
        "sign of the update": ("param -= change", "param += change"),
    },
    "Adam.__init__": {
        "moments aliased": (
            '"exp_avg": np.zeros_like(param), "exp_avg_sq": np.zeros_like(param)',
            '"exp_avg": (zeros := np.zeros_like(param)), "exp_avg_sq": zeros',
        ),
        "another library's eps": ("eps: float = 1e-8", "eps: float = 1e-7"),
    },
    "train_step": {
        "gradients accumulated": (
            STEP,
            'for name, old in vars(optimizer).get("grads", {}).items():\n'
            "        grads[name] += old\n"
            "    optimizer.grads = grads\n    optimizer.step(grads)",
        ),
        "update before backward": (
            STEP,
            'optimizer.step(vars(optimizer).get("grads", grads))\n    optimizer.grads = grads',
        ),
        "updated twice": (STEP, "optimizer.step(grads)\n    optimizer.step(grads)"),
        "targets shuffled": (GRADS, GRADS.replace("clean", "clean[::-1]")),
        "noisy target": (GRADS, GRADS.replace("clean", "noisy")),
        "clean input": ("model.forward(noisy, cache)", "model.forward(clean, cache)"),
        "loss after the update": (
            "return float(value)",
            "return float(loss.forward(model.forward(noisy), clean))",
        ),
    },
}


def _other_noise(batch: Batch) -> Batch:
    noise = np.random.default_rng(0).standard_normal(batch.noisy.shape)
    return batch._replace(noisy=np.clip(batch.clean + 0.3 * noise, 0, 1).astype(batch.noisy.dtype))


def _through_float16(batch: Batch) -> Batch:
    return batch._replace(noisy=batch.noisy.astype(np.float16).astype(batch.noisy.dtype))


DATA = (
    wrong_data("noise differs between the sides", "the same images with other noise", _other_noise),
    wrong_data(
        "divided by 256",
        "255 → 256",
        lambda batch: Batch(*(x * x.dtype.type(255 / 256) for x in batch)),
    ),
    wrong_data(
        "target in ±1",
        "target → 2 target − 1",
        lambda batch: batch._replace(clean=2 * batch.clean - 1),
    ),
    wrong_data(
        "order differs between the sides",
        "rows reversed",
        lambda batch: Batch(*(x[::-1] for x in batch)),
    ),
    wrong_data("input through float16", "noisy → float16 and back", _through_float16),
)

KNOWN: tuple[Fault, ...] = (*faults(WRITTEN), *DATA)
FAULTS = (*KNOWN, *faults(HELD_OUT))
