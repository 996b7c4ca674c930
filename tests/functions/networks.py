"""Whole networks, as people write them; every form of a network means the same."""

import numpy as np

Array = np.ndarray
Grads = dict[str, Array]


# mlp: affine, tanh, affine, as a function of everything; x (rows, in), weights (in, out)


def mlp(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> Array:
    """Line by line."""
    hidden = np.tanh(x @ w1 + b1)
    return hidden @ w2 + b2


def mlp_backward(dy: Array, x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> Grads:
    hidden = np.tanh(x @ w1 + b1)
    dhidden = dy @ w2.T
    dz = dhidden * (1 - hidden**2)
    return {
        "x": dz @ w1.T,
        "w1": x.T @ dz,
        "b1": dz.sum(axis=0),
        "w2": hidden.T @ dy,
        "b2": dy.sum(axis=0),
    }


def mlp_layers(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> Array:
    """As a list of layers."""
    for weight, bias, last in ((w1, b1, False), (w2, b2, True)):
        x = np.dot(x, weight) + bias
        if not last:
            x = np.tanh(x)
    return x


def mlp_layers_backward(dy: Array, x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> Grads:
    inputs = [x, np.tanh(np.dot(x, w1) + b1)]
    weights = [w1, w2]
    grads = {}
    d = dy
    for i in (1, 0):
        grads[f"w{i + 1}"] = np.dot(inputs[i].T, d)
        grads[f"b{i + 1}"] = np.sum(d, axis=0)
        d = np.dot(d, weights[i].T)
        if i > 0:
            d *= 1 - inputs[i] * inputs[i]
    return {"x": d, **grads}


# classifier: affine, ReLU, affine, the mean softmax cross-entropy; weights (in, out)


def classifier(
    x: Array, labels: Array, w1: Array, b1: Array, w2: Array, b2: Array
) -> tuple[Array, Grads]:
    """Line by line."""
    n = len(x)
    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    scores = a1 @ w2 + b2
    scores = scores - scores.max(axis=1, keepdims=True)
    logp = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(n), labels].mean()

    dscores = np.exp(logp)
    dscores[np.arange(n), labels] -= 1
    dscores /= n
    da1 = dscores @ w2.T
    dz1 = da1 * (z1 > 0)
    grads = {
        "w1": x.T @ dz1,
        "b1": dz1.sum(axis=0),
        "w2": a1.T @ dscores,
        "b2": dscores.sum(axis=0),
    }
    return loss, grads


def classifier_samples(
    x: Array, labels: Array, w1: Array, b1: Array, w2: Array, b2: Array
) -> tuple[Array, Grads]:
    """Sample by sample, gradients added up and divided at the end."""
    loss = np.zeros((), x.dtype)
    grads = {"w1": np.zeros_like(w1), "b1": np.zeros_like(b1)}
    grads |= {"w2": np.zeros_like(w2), "b2": np.zeros_like(b2)}
    for sample, label in zip(x, labels, strict=True):
        a1 = sample @ w1 + b1
        a1[a1 < 0] = 0
        scores = a1 @ w2 + b2
        e = np.exp(scores - scores.max())
        loss += np.log(e.sum()) + scores.max() - scores[label]
        d = e / e.sum()
        d[label] -= 1
        grads["w2"] += np.outer(a1, d)
        grads["b2"] += d
        d = (w2 @ d) * (a1 > 0)
        grads["w1"] += np.outer(sample, d)
        grads["b1"] += d
    for gradient in grads.values():
        gradient /= len(x)
    return loss / len(x), grads


# logistic_regression: an example to a column; x (features, m), y (1, m), w (features, 1), b (1, 1)


def logistic_regression(x: Array, y: Array, w: Array, b: Array) -> tuple[Array, Grads]:
    """With the cost from the logits, which cannot overflow."""
    m = x.shape[1]
    z = np.dot(w.T, x) + b
    cost = np.sum(np.logaddexp(0, z) - y * z) / m
    a = np.exp(-np.logaddexp(0, -z))
    dz = a - y
    dw = 1 / m * np.dot(x, dz.T)
    db = 1 / m * np.sum(dz, axis=1, keepdims=True)
    return cost, {"w": dw, "b": db}


def logistic_regression_loops(x: Array, y: Array, w: Array, b: Array) -> tuple[Array, Grads]:
    """Example by example, as in the first lesson."""
    m = x.shape[1]
    cost, dw, db = np.zeros((), x.dtype), np.zeros_like(w), np.zeros_like(b)
    for i in range(m):
        z = w[:, 0] @ x[:, i] + b[0, 0]
        e = np.exp(-np.abs(z))
        a = 1 / (1 + e) if z > 0 else e / (1 + e)
        cost += np.log1p(e) + np.maximum(z, 0) - y[0, i] * z
        dz = a - y[0, i]
        dw[:, 0] += x[:, i] * dz
        db += dz
    cost /= m
    dw /= m
    db /= m
    return cost, {"w": dw, "b": db}


# autoencoder: affine, tanh, affine, sigmoid; squared error summed over features, mean over rows


def sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def autoencoder(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> tuple[Array, Grads]:
    """Line by line; weights (out, in)."""
    code = np.tanh(x @ w1.T + b1)
    y = sigmoid(code @ w2.T + b2)
    loss = ((y - x) ** 2).sum() / len(x)
    dy = 2 * (y - x) / len(x)
    dz2 = dy * y * (1 - y)
    dcode = dz2 @ w2
    dz1 = dcode * (1 - code**2)
    return loss, {
        "w1": dz1.T @ x,
        "b1": dz1.sum(axis=0),
        "w2": dz2.T @ code,
        "b2": dz2.sum(axis=0),
    }


def autoencoder_einsum(x: Array, w1: Array, b1: Array, w2: Array, b2: Array) -> tuple[Array, Grads]:
    """By index notation, samples weighted by 1 / rows from the start."""
    weight = 1 / x.shape[0]
    code = np.tanh(np.einsum("ni,hi->nh", x, w1) + b1)
    logits = np.einsum("nh,ih->ni", code, w2) + b2
    y, rest = sigmoid(logits), sigmoid(-logits)
    error = y - x
    loss = weight * np.einsum("ni,ni->", error, error)
    d2 = 2 * weight * error * y * rest
    d1 = np.einsum("ni,ih->nh", d2, w2) * (1 - code) * (1 + code)
    return loss, {
        "w1": np.einsum("nh,ni->hi", d1, x),
        "b1": np.einsum("nh->h", d1),
        "w2": np.einsum("ni,nh->ih", d2, code),
        "b2": np.einsum("ni->i", d2),
    }


# vae: tanh hidden layer, Gaussian latent, sigmoid outputs with binary cross-entropy; loss plus KL,
# summed over features, mean over rows. x (rows, in) lies in [0, 1]; weights (in, out)


def vae(
    x: Array,
    noise: Array,
    w_hidden: Array,
    w_mean: Array,
    b_mean: Array,
    w_logvar: Array,
    b_logvar: Array,
    w_out: Array,
    b_out: Array,
) -> tuple[Array, Grads]:
    """Line by line."""
    n = len(x)
    h = np.tanh(x @ w_hidden)
    mean = h @ w_mean + b_mean
    logvar = h @ w_logvar + b_logvar
    std = np.exp(logvar / 2)
    z = mean + std * noise
    logits = z @ w_out + b_out
    bce = np.sum(np.logaddexp(0, logits) - x * logits)
    kl = -0.5 * np.sum(1 + logvar - mean**2 - np.exp(logvar))
    loss = (bce + kl) / n

    dlogits = (sigmoid(logits) - x) / n
    dz = dlogits @ w_out.T
    dmean = dz + mean / n
    dlogvar = 0.5 * dz * noise * std + 0.5 * (np.exp(logvar) - 1) / n
    dh = dmean @ w_mean.T + dlogvar @ w_logvar.T
    dpre = dh * (1 - h**2)
    return loss, {
        "w_hidden": x.T @ dpre,
        "w_mean": h.T @ dmean,
        "b_mean": dmean.sum(axis=0),
        "w_logvar": h.T @ dlogvar,
        "b_logvar": dlogvar.sum(axis=0),
        "w_out": z.T @ dlogits,
        "b_out": dlogits.sum(axis=0),
    }


def vae_back(
    x: Array,
    noise: Array,
    w_hidden: Array,
    w_mean: Array,
    b_mean: Array,
    w_logvar: Array,
    b_logvar: Array,
    w_out: Array,
    b_out: Array,
) -> tuple[Array, Grads]:
    """With one function for all that goes back through an affine map."""
    grads = {}

    def back(name: str, d: Array, value: Array, weight: Array) -> Array:
        grads[f"w_{name}"] = np.einsum("ni,no->io", value, d)
        grads[f"b_{name}"] = np.einsum("no->o", d)
        return d @ weight.T

    h = np.tanh(np.einsum("ni,ih->nh", x, w_hidden))
    mean = np.einsum("nh,hl->nl", h, w_mean) + b_mean
    logvar = np.einsum("nh,hl->nl", h, w_logvar) + b_logvar
    std = np.exp(0.5 * logvar)
    z = noise * std + mean
    logits = np.einsum("nl,li->ni", z, w_out) + b_out
    softplus = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))
    loss = np.sum(softplus - x * logits) + 0.5 * np.sum(mean**2 + np.expm1(logvar) - logvar)

    scale = 1 / len(x)
    dz = back("out", scale * (sigmoid(logits) - x), z, w_out)
    dmean = dz + scale * mean
    dlogvar = dz * noise * std / 2 + scale / 2 * np.expm1(logvar)
    dh = back("mean", dmean, h, w_mean) + back("logvar", dlogvar, h, w_logvar)
    dh *= 1 - h * h
    grads["w_hidden"] = np.einsum("ni,nh->ih", x, dh)
    return scale * loss, grads
