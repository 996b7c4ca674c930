"""The mistakes that people make in these exercises, by public reports, and what is said of each."""

from typing import NamedTuple

from tests.learn.ways import ways


class Typical(NamedTuple):
    """A mistake: the exercise, what is done, right code and the wrong one, what has to be said."""

    exercise: str
    what: str
    right: str
    wrong: str
    says: str

    @property
    def source(self) -> bytes:
        """The solution with the mistake in it."""
        texts = [path.read_text() for path in ways(self.exercise)]
        text = next(text for text in texts if self.right in text)
        return text.replace(self.right, self.wrong).encode()


LINEAR, RELU, SIGMOID = "01_linear_forward", "02_relu_forward", "03_sigmoid_forward"
LOSS, DLOSS, DSIGMOID = "04_loss_forward", "05_loss_backward", "06_sigmoid_backward"
DRELU, DLINEAR, NETWORK = "07_relu_backward", "08_linear_backward", "09_network_backward"
ADAM, NOISE, STEP = "10_adam_step", "11_add_noise", "12_train_step"
SOFTMAX, DRAW, DIVERGENCE = "13_softmax_cross_entropy", "14_reparameterise", "15_kl"
MEAN, ROWS = "dy.sum(axis=0)", "it is divided by the number of rows, and the loss is a sum"
THROUGH = "dx is wrong: all of dy comes through, and where y is 0 it should not"
HATS = "m_hat = exp_avg / (1 - beta1**step)\n    v_hat = exp_avg_sq / (1 - beta2**step)"
WHERE = "    e = np.exp(-np.abs(x))\n    return np.where(x >= 0, 1, e) / (1 + e)"

TYPICAL = (
    Typical(LINEAR, "no bias", " + bias", "", "y is wrong: the bias is missing"),
    Typical(
        LINEAR,
        "no transpose",
        "weight.T",
        "weight",
        "cannot multiply x (2, 3) by weight (4, 3): the left one has 3 columns, and needs 4",
    ),
    Typical(
        LINEAR,
        "reshaped",
        "weight.T",
        "weight.reshape(x.shape[1], -1)",
        "y is wrong: the weight is reshaped, not transposed",
    ),
    Typical(
        LINEAR,
        "the last row lost",
        "x @",
        "x[:-1] @",
        "y has shape (1, 4), and (2, 4) is needed: the last row is left out",
    ),
    Typical(
        LINEAR,
        "float64 slips in",
        ", dtype=x.dtype",
        "",
        "y is float64 where float32 was given, and is needed",
    ),
    Typical(
        RELU,
        "changed in place",
        "np.maximum(x, 0)",
        "np.maximum(x, 0, out=x)",
        "relu_forward changes x, which it is given, in place",
    ),
    Typical(RELU, "no return", "return np", "y = np", "relu_forward returns nothing"),
    Typical(
        SIGMOID,
        "naive overflow",
        WHERE,
        "    return 1 / (1 + np.exp(-x))",
        "sigmoid_forward warns: overflow encountered in exp",
    ),
    Typical(
        SIGMOID,
        "silenced overflow",
        WHERE,
        "    with np.errstate(all='ignore'):\n        return np.exp(x) / (1 + np.exp(x))",
        "y has entries that are nan",
    ),
    Typical(
        SIGMOID,
        "by the tangent",
        WHERE,
        "    return (1 + np.tanh(x / 2)) / 2",
        "small values have lost their digits",
    ),
    Typical(
        LOSS,
        "mean for sum",
        ".sum()",
        ".mean()",
        "value is wrong: it is the mean over all entries, not the sum",
    ),
    Typical(
        LOSS,
        "summed over one axis",
        ".sum()",
        ".sum(axis=1)",
        "value has shape (2,), and () is needed: each row is summed by itself",
    ),
    Typical(
        LOSS, "half of it", "** 2).sum()", "** 2).sum() / 2", "it is half of what it should be"
    ),
    Typical(
        LOSS,
        "not squared",
        "(y - target) ** 2",
        "abs(y - target)",
        "the absolute differences are summed, not their squares",
    ),
    Typical(DLOSS, "2 missing", "2 * (y - target)", "y - target", "the factor 2 is missing"),
    Typical(
        DLOSS, "sign", "y - target", "target - y", "the sign is wrong: it comes from target − y"
    ),
    Typical(DLOSS, "mean for sum", "2 * (y - target)", "2 * (y - target) / len(y)", ROWS),
    Typical(DSIGMOID, "y(1 − y) without dy", "dy * y", "y", "dx is wrong: dy is missing"),
    Typical(DSIGMOID, "1 − y missing", " * (1 - y)", "", "the factor 1 − y is missing"),
    Typical(
        DSIGMOID,
        "slope of x for y",
        "dy * y * (1 - y)",
        "dy / (1 + 2.718281828459045 ** -y) * (1 - 1 / (1 + 2.718281828459045 ** -y))",
        "the derivative is taken at y, as if y were x",
    ),
    Typical(DRELU, "mask of dy", "(y > 0)", "(dy > 0)", "the mask is taken of dy, not of y"),
    Typical(
        DRELU,
        "slope at 0",
        "(y > 0)",
        "(y >= 0)",
        "all of dy comes through, and where y is 0 it should not",
    ),
    Typical(
        DRELU,
        "no mask",
        "dy * (y > 0)",
        "dy.copy()",
        "all of dy comes through, and where y is 0 it should not",
    ),
    Typical(DLINEAR, "mean for sum", MEAN, "dy.mean(axis=0)", f"dbias is wrong: {ROWS}"),
    Typical(DLINEAR, "mean for sum", "dy.T @ x", "dy.T @ x / len(x)", f"dweight is wrong: {ROWS}"),
    Typical(
        DLINEAR,
        "wrong axis",
        MEAN,
        "dy.sum(axis=1)",
        "dbias has shape (2,), and (4,) is needed: it is summed over the wrong axis",
    ),
    Typical(
        DLINEAR,
        "grand total",
        MEAN,
        "dy.sum()",
        "dbias has shape (), and (4,) is needed: it is the sum over everything",
    ),
    Typical(
        DLINEAR,
        "keepdims",
        MEAN,
        "dy.sum(axis=0, keepdims=True)",
        "dbias has shape (1, 4), and (4,) is needed: it keeps an axis of length 1",
    ),
    Typical(
        DLINEAR,
        "transpose",
        "dy.T @ x",
        "x.T @ dy",
        "dweight has shape (3, 4), and (4, 3) is needed: it is the transpose",
    ),
    Typical(
        DLINEAR,
        "transpose",
        "dy @ weight",
        "dy @ weight.T",
        "cannot multiply dy (2, 4) by weight.T (3, 4): the left one has 4 columns, and needs 3",
    ),
    Typical(
        DLINEAR,
        "the last row lost",
        "dy.T @ x",
        "dy[:-1].T @ x[:-1]",
        "dweight is wrong: the last row is left out",
    ),
    Typical(
        DLINEAR,
        "in another order",
        "dx, dweight, dbias\n",
        "dweight, dx, dbias\n",
        "it is dweight; the results are dx, dweight, dbias, in this order",
    ),
    Typical(
        NETWORK,
        "before the ReLU, not after",
        '"], cache["relu3"], p',
        '"], cache["fc3"], p',
        'fc4.weight is wrong: cache["fc3"] is taken as the x of fc4',
    ),
    Typical(
        NETWORK,
        "no ReLU",
        'relu_backward(d["relu3"], cache["relu3"])',
        'd["relu3"]',
        "fc3.bias is wrong: the backward of relu3 is left out",
    ),
    Typical(
        NETWORK,
        "no sigmoid",
        'sigmoid_backward(dy, cache["sigmoid"])',
        "dy",
        "fc4.bias is wrong: the backward of sigmoid is left out",
    ),
    Typical(
        ADAM,
        "t from 0",
        HATS,
        f"step = max(step - 1, 1)\n    {HATS}",
        "param is wrong: the bias is corrected for one step too few",
    ),
    Typical(ADAM, "t from 0", "beta1**step", "beta1**(step - 1)", "raised ZeroDivisionError"),
    Typical(
        ADAM,
        "β for βᵗ",
        HATS,
        "m_hat = exp_avg / (1 - beta1)\n    v_hat = exp_avg_sq / (1 - beta2)",
        "param is wrong: the bias is always corrected as at the first step",
    ),
    Typical(
        ADAM,
        "eps inside",
        "np.sqrt(v_hat) + eps",
        "np.sqrt(v_hat + eps)",
        "param is wrong: eps stands inside the root",
    ),
    Typical(
        ADAM,
        "moments not updated",
        "return new_param, new_avg, new_sq",
        "return new_param, exp_avg.copy(), exp_avg_sq.copy()",
        "exp_avg is wrong: the state stays as it was",
    ),
    Typical(
        ADAM,
        "in another order",
        "return new_param, new_avg, new_sq",
        "return new_avg, new_param, new_sq",
        "exp_avg is wrong: it is param",
    ),
    Typical(
        ADAM,
        "changed in place",
        "param - lr * m",
        "param.__isub__(lr * m_hat / (np.sqrt(v_hat) + eps)) - 0 * m",
        "adam_step changes param, which it is given, in place",
    ),
    Typical(
        ADAM,
        "not squared",
        "(1 - beta2) * g * g",
        "(1 - beta2) * abs(g)",
        "exp_avg_sq is wrong: the absolute gradient stands where its square should",
    ),
    Typical(
        NOISE,
        "not clipped",
        "np.clip(x + factor * rng.standard_normal(x.shape, dtype=x.dtype), 0, 1)",
        "x + factor * rng.standard_normal(x.shape, dtype=x.dtype)",
        "clip it to [0, 1]",
    ),
    Typical(
        NOISE,
        "a generator of its own",
        "rng.standard_normal(x.shape, d",
        "np.random.default_rng().standard_normal(x.shape, d",
        "of two equal generators it makes different noise",
    ),
    Typical(
        NOISE,
        "a variance for a deviation",
        "rng.normal(0, factor,",
        "rng.normal(0, factor**2,",
        "the noise has a standard deviation of 0.000",
    ),
    Typical(
        NOISE,
        "uniform",
        "rng.standard_normal(x.shape, dtype=x.dtype)",
        "rng.random(x.shape, dtype=x.dtype)",
        "the noise is nowhere below zero",
    ),
    Typical(
        NOISE,
        "one row for all",
        "(x.shape, dtype",
        "(x.shape[1], dtype",
        "every row gets the same noise",
    ),
    Typical(
        STEP,
        "noisy as target",
        "loss_forward(y, clean)",
        "loss_forward(y, noisy)",
        "loss is wrong: your loss compares y with noisy; it should with clean",
    ),
    Typical(
        STEP,
        "clean as input",
        "network_forward(noisy",
        "network_forward(clean",
        "loss is wrong: your network is shown clean; it should be shown noisy",
    ),
    Typical(
        STEP, "step from 0", "exp_avg_sq, step,", "exp_avg_sq, step - 1,", "warns: invalid value"
    ),
    Typical(
        SOFTMAX,
        "naive overflow",
        "logits - logits.max(axis=1, keepdims=True)",
        "logits",
        "warns: overflow encountered in exp",
    ),
    Typical(
        SOFTMAX,
        "mean for sum",
        "z[np.arange(len(z)), labels]).sum()",
        "z[np.arange(len(z)), labels]).mean()",
        "it is the mean over the rows, not the sum",
    ),
    Typical(
        SOFTMAX,
        "1 not subtracted",
        "dlogits[np.arange(len(dlogits)), labels] -= 1",
        "pass",
        "it is softmax alone, without the − 1 in the label's column",
    ),
    Typical(
        DRAW,
        "logvar for log std",
        "np.exp(logvar / 2)\n    return",
        "np.exp(logvar)\n    return",
        "z is wrong: logvar is taken as log std",
    ),
    Typical(
        DRAW, "no noise", "mean + std * noise", "mean + std", "z is wrong: the noise is missing"
    ),
    Typical(
        DRAW,
        "½ forgotten",
        "dstd * std / 2",
        "dstd * std",
        "dlogvar is wrong: the ½ is missing: the slope of e^(logvar/2) is half of it",
    ),
    Typical(
        DRAW,
        "logvar for log std",
        "dstd * std / 2",
        "dstd * std**2",
        "dlogvar is wrong: logvar is taken as log std",
    ),
    Typical(
        DRAW,
        "noise missing in backward",
        "dstd = dz * noise",
        "dstd = dz",
        "dlogvar is wrong: the noise is missing",
    ),
    Typical(
        DRAW,
        "noise drawn anew",
        "dstd = dz * noise",
        "dstd = dz * np.random.standard_normal(dz.shape)",
        "dlogvar is wrong: a second call with equal operands gives another result: draw nothing",
    ),
    Typical(
        DRAW,
        "gradient of std",
        "dstd * std / 2",
        "dstd",
        "dlogvar is wrong: it is dz · noise, the gradient of std",
    ),
    Typical(
        DRAW,
        "noise in dmean",
        "return dz.copy()",
        "return dstd",
        "dmean is wrong: the noise is a factor: that is the gradient of std",
    ),
    Typical(
        DIVERGENCE,
        "mean for sum",
        "0.5 * np.sum(",
        "0.5 * np.mean(",
        "value is wrong: it is the mean over all entries, and should be the sum",
    ),
    Typical(
        DIVERGENCE, "sign", "0.5 * np.sum(", "-0.5 * np.sum(", "value is wrong: its sign is wrong"
    ),
    Typical(
        DIVERGENCE, "½ forgotten", "0.5 * np.sum(", "np.sum(", "value is wrong: the ½ is missing"
    ),
    Typical(
        DIVERGENCE,
        "logvar for log std",
        "np.exp(logvar) - 1 - logvar",
        "np.exp(2 * logvar) - 1 - 2 * logvar",
        "value is wrong: logvar is taken as log std",
    ),
    Typical(
        DIVERGENCE,
        "½ forgotten",
        "0.5 * (np.exp(logvar) - 1)",
        "np.exp(logvar) - 1",
        "dlogvar is wrong: the ½ is missing",
    ),
    Typical(
        DIVERGENCE,
        "gradient of logvar forgotten",
        "0.5 * (np.exp(logvar) - 1)",
        "0 * logvar",
        "dlogvar is wrong: it is zero",
    ),
    Typical(
        DIVERGENCE,
        "−logvar forgotten",
        "(np.exp(logvar) - 1)",
        "np.exp(logvar)",
        "dlogvar is wrong: the slope of −logvar is forgotten",
    ),
    Typical(
        DIVERGENCE,
        "mean for sum",
        "return mean, 0.5 * (np.exp(logvar) - 1)",
        "return mean / len(mean), 0.5 * (np.exp(logvar) - 1) / len(mean)",
        "dmean is wrong: it is the mean over the rows, and should be the sum",
    ),
    Typical(
        DIVERGENCE,
        "sign",
        "0.5 * (np.exp(logvar) - 1)",
        "0.5 * (1 - np.exp(logvar))",
        "dlogvar is wrong: its sign is wrong",
    ),
)
