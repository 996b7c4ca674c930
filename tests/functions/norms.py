"""Normalizations, as people write them; every form of a function means the same."""

import numpy as np

Array = np.ndarray
Grads = dict[str, Array]

EPS = 1e-5  # PyTorch's
TINY = 1e-6  # under the root of a row's length


# each row of x (rows, features) to mean 0 and variance 1, times weight plus bias, both (features,)


def layer_norm(x: Array, weight: Array, bias: Array) -> Array:
    """By mean and variance."""
    centred = x - x.mean(axis=1, keepdims=True)
    xhat = centred / np.sqrt(x.var(axis=1, keepdims=True) + EPS)
    return weight * xhat + bias


def layer_norm_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    std = np.sqrt(x.var(axis=1, keepdims=True) + EPS)
    xhat = (x - x.mean(axis=1, keepdims=True)) / std
    dxhat = dy * weight
    mean_d = dxhat.mean(axis=1, keepdims=True)
    mean_dx = (dxhat * xhat).mean(axis=1, keepdims=True)
    return {
        "x": (dxhat - mean_d - xhat * mean_dx) / std,
        "weight": (dy * xhat).sum(axis=0),
        "bias": dy.sum(axis=0),
    }


def layer_norm_steps(x: Array, weight: Array, bias: Array) -> Array:
    """Row by row."""
    y = np.empty_like(x)
    for n, row in enumerate(x):
        centred = row - np.mean(row)
        variance = np.dot(centred, centred) / len(row)
        y[n] = centred / np.sqrt(variance + EPS) * weight + bias
    return y


def layer_norm_steps_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    """Node by node of the graph: variance, then mean, then the row itself."""
    dx, dweight, dbias = np.empty_like(x), np.zeros_like(weight), np.zeros_like(bias)
    for n, row in enumerate(x):
        size = len(row)
        centred = row - np.mean(row)
        inverse = 1 / np.sqrt(np.dot(centred, centred) / size + EPS)
        dweight += dy[n] * centred * inverse
        dbias += dy[n]
        dhat = dy[n] * weight
        dvar = -0.5 * inverse**3 * np.dot(dhat, centred)
        dcentred = dhat * inverse + 2 / size * centred * dvar
        dx[n] = dcentred - np.sum(dcentred) / size
    return {"x": dx, "weight": dweight, "bias": dbias}


def layer_norm_moments(x: Array, weight: Array, bias: Array) -> Array:
    """By E[x²] − E[x]², which cancels: less exact, and right."""
    mean = x.mean(axis=1, keepdims=True)
    variance = np.maximum((x * x).mean(axis=1, keepdims=True) - mean * mean, 0)
    return weight * ((x - mean) / np.sqrt(variance + EPS)) + bias


def layer_norm_moments_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    mean = x.mean(axis=1, keepdims=True)
    variance = np.maximum((x * x).mean(axis=1, keepdims=True) - mean * mean, 0)
    inverse = 1 / np.sqrt(variance + EPS)
    xhat = (x - mean) * inverse
    d = dy * weight
    d = d - d.mean(axis=1, keepdims=True) - xhat * (d * xhat).mean(axis=1, keepdims=True)
    return {"x": inverse * d, "weight": (dy * xhat).sum(axis=0), "bias": dy.sum(axis=0)}


# each feature of x (rows, features) likewise, over the batch, as in training


def batch_norm(x: Array, weight: Array, bias: Array) -> Array:
    """By mean and variance."""
    xhat = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPS)
    return weight * xhat + bias


def batch_norm_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    """In one line for x, as it is derived on paper."""
    n = len(x)
    inverse = 1 / np.sqrt(x.var(axis=0) + EPS)
    xhat = (x - x.mean(axis=0)) * inverse
    dweight = np.sum(dy * xhat, axis=0)
    dbias = np.sum(dy, axis=0)
    dx = weight * inverse / n * (n * dy - dbias - xhat * dweight)
    return {"x": dx, "weight": dweight, "bias": dbias}


def batch_norm_steps(x: Array, weight: Array, bias: Array) -> Array:
    """Node by node of the graph."""
    mu = np.mean(x, axis=0)
    centred = x - mu
    var = np.mean(centred**2, axis=0)
    std = np.sqrt(var + EPS)
    return centred / std * weight + bias


def batch_norm_steps_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    """Node by node of the graph, backwards."""
    n = x.shape[0]
    centred = x - np.mean(x, axis=0)
    std = np.sqrt(np.mean(centred**2, axis=0) + EPS)
    dbias = dy.sum(axis=0)
    dweight = (dy * centred / std).sum(axis=0)
    dxhat = dy * weight
    dstd = -(dxhat * centred).sum(axis=0) / std**2
    dvar = 0.5 * dstd / std
    dcentred = dxhat / std + 2 * centred * dvar / n
    dmu = -dcentred.sum(axis=0)
    dx = dcentred + dmu / n
    return {"x": dx, "weight": dweight, "bias": dbias}


def batch_norm_features(x: Array, weight: Array, bias: Array) -> Array:
    """Feature by feature."""
    y = np.empty_like(x)
    for j in range(x.shape[1]):
        column = x[:, j] - x[:, j].mean()
        y[:, j] = weight[j] * column / np.sqrt((column**2).mean() + EPS) + bias[j]
    return y


def batch_norm_features_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    dx, dweight, dbias = np.empty_like(x), np.empty_like(weight), np.empty_like(bias)
    for j in range(x.shape[1]):
        column = x[:, j] - x[:, j].mean()
        std = np.sqrt((column**2).mean() + EPS)
        xhat = column / std
        g = dy[:, j]
        dweight[j] = np.dot(g, xhat)
        dbias[j] = g.sum()
        dx[:, j] = weight[j] / std * (g - g.mean() - xhat * (g * xhat).mean())
    return {"x": dx, "weight": dweight, "bias": dbias}


# each row of x (rows, features) divided by its length


def unit_rows(x: Array) -> Array:
    """All rows at once."""
    return x / np.sqrt((x**2).sum(axis=1, keepdims=True) + TINY)


def unit_rows_backward(dy: Array, x: Array) -> Grads:
    length = np.sqrt((x**2).sum(axis=1, keepdims=True) + TINY)
    y = x / length
    return {"x": (dy - y * (dy * y).sum(axis=1, keepdims=True)) / length}


def unit_rows_jacobian(x: Array) -> Array:
    """Row by row."""
    y = x.copy()
    for row in y:
        row /= np.sqrt(np.dot(row, row) + TINY)
    return y


def unit_rows_jacobian_backward(dy: Array, x: Array) -> Grads:
    dx = np.empty_like(x)
    for n, row in enumerate(x):
        square = np.dot(row, row) + TINY
        jacobian = np.eye(len(row), dtype=x.dtype) - np.outer(row, row) / square
        dx[n] = jacobian @ dy[n] / np.sqrt(square)
    return {"x": dx}
