"""Affine maps and the embedding, as people write them; every form of a function means the same."""

import numpy as np

Array = np.ndarray
Grads = dict[str, Array]


# y = x Wᵀ + b: x (rows, in), weight (out, in), bias (out,)


def affine(x: Array, weight: Array, bias: Array) -> Array:
    """By one matrix product."""
    return x @ weight.T + bias


def affine_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    dx = dy @ weight
    dweight = dy.T @ x
    dbias = dy.sum(axis=0)
    return {"x": dx, "weight": dweight, "bias": dbias}


def affine_loops(x: Array, weight: Array, bias: Array) -> Array:
    """Row by row, output by output."""
    y = np.zeros((len(x), len(bias)), x.dtype)
    for n in range(len(x)):
        for o in range(len(bias)):
            y[n, o] = np.dot(weight[o], x[n]) + bias[o]
    return y


def affine_loops_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    dx, dweight, dbias = np.zeros_like(x), np.zeros_like(weight), np.zeros_like(bias)
    for n in range(len(x)):
        for o in range(len(bias)):
            dx[n] += dy[n, o] * weight[o]
            dweight[o] += dy[n, o] * x[n]
            dbias[o] += dy[n, o]
    return {"x": dx, "weight": dweight, "bias": dbias}


def affine_folded(x: Array, weight: Array, bias: Array) -> Array:
    """The bias as one more column of the weight, against a column of ones in x."""
    ones = np.ones((len(x), 1), x.dtype)
    return np.hstack([x, ones]) @ np.column_stack([weight, bias]).T


def affine_folded_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    ones = np.ones((len(x), 1), x.dtype)
    dfolded = dy.T @ np.hstack([x, ones])
    dx = np.einsum("no,oi->ni", dy, weight)
    return {"x": dx, "weight": dfolded[:, :-1], "bias": dfolded[:, -1]}


def affine_blocks(x: Array, weight: Array, bias: Array) -> Array:
    """Four rows at a time, to spare the cache."""
    y = np.empty((len(x), len(bias)), x.dtype)
    for start in range(0, len(x), 4):
        rows = slice(start, start + 4)
        np.matmul(x[rows], weight.T, out=y[rows])
    y += bias
    return y


def affine_blocks_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    dx, dweight, dbias = np.empty_like(x), np.zeros_like(weight), np.zeros_like(bias)
    for start in range(0, len(x), 4):
        rows = slice(start, start + 4)
        dx[rows] = dy[rows] @ weight
        dweight += dy[rows].T @ x[rows]
        dbias += dy[rows].sum(axis=0)
    return {"x": dx, "weight": dweight, "bias": dbias}


# z = W x + b, an example to a column: x (in, columns), weight (out, in), bias (out, 1)


def column_affine(x: Array, weight: Array, bias: Array) -> Array:
    """By one matrix product."""
    return np.dot(weight, x) + bias


def column_affine_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    return {
        "x": np.dot(weight.T, dy),
        "weight": np.dot(dy, x.T),
        "bias": np.sum(dy, axis=1, keepdims=True),
    }


def column_affine_examples(x: Array, weight: Array, bias: Array) -> Array:
    """Example by example, each a column vector."""
    columns = []
    for j in range(x.shape[1]):
        columns.append(weight @ x[:, [j]] + bias)
    return np.hstack(columns)


def column_affine_examples_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    dx, dweight, dbias = np.empty_like(x), np.zeros_like(weight), np.zeros_like(bias)
    for j in range(x.shape[1]):
        dz = dy[:, [j]]
        dx[:, [j]] = weight.T @ dz
        dweight += dz @ x[:, [j]].T
        dbias += dz
    return {"x": dx, "weight": dweight, "bias": dbias}


# y = table[indices]: indices (sentences, words) of whole numbers, table (vocabulary, features)


def embedding(indices: Array, table: Array) -> Array:
    """By indexing."""
    return table[indices]


def embedding_backward(dy: Array, indices: Array, table: Array) -> Grads:
    dtable = np.zeros_like(table)
    np.add.at(dtable, indices, dy)
    return {"table": dtable}


def embedding_onehot(indices: Array, table: Array) -> Array:
    """As a product with rows that are one at the index and zero elsewhere."""
    onehot = np.eye(len(table), dtype=table.dtype)[indices]
    return onehot @ table


def embedding_onehot_backward(dy: Array, indices: Array, table: Array) -> Grads:
    onehot = np.eye(len(table), dtype=table.dtype)[indices.ravel()]
    return {"table": onehot.T @ dy.reshape(len(onehot), -1)}


def embedding_loops(indices: Array, table: Array) -> Array:
    """Word by word."""
    y = np.empty((*indices.shape, table.shape[1]), table.dtype)
    for place, index in np.ndenumerate(indices):
        y[place] = table[index]
    return y


def embedding_loops_backward(dy: Array, indices: Array, table: Array) -> Grads:
    dtable = np.zeros_like(table)
    for place, index in np.ndenumerate(indices):
        dtable[index] += dy[place]
    return {"table": dtable}
