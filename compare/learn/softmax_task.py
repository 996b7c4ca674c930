"""The exercise 13: softmax and cross-entropy. Its gradient is true by the complex step."""

from collections.abc import Iterator

import numpy as np

from compare.check.bounds import Bounded
from compare.learn.tasks import Case, Mistakes, Task
from compare.sides.interface import Array

SIZES = ((2, 3), (1, 4), (3, 3), (7, 5))  # rows, classes
FAR = ((-1000, -1001, -1002), (1000, 999, 0))  # rows, too, may be far from one another
STEP = 1e-30  # f(x + ih) = f(x) + ih f′(x) + O(h²): nothing is subtracted, so h may be tiny

FORWARD: Mistakes = {
    "value": {
        "it is the mean over the rows, not the sum": lambda logits, labels: (
            _loss(logits, labels) / len(labels)
        ),
        "its sign is wrong": lambda logits, labels: -_loss(logits, labels),
        "the logit of the label is not subtracted": lambda logits, labels: _log_sums(logits).sum(),
        "it is of all classes, not of the label alone": lambda logits, labels: (
            -np.log(_softmax(logits)).sum()
        ),
        "each row is summed by itself": lambda logits, labels: _losses(logits, labels),
        "the logarithm is missing": lambda logits, labels: -_softmax(logits)[_at(labels)].sum(),
        "softmax is taken over the rows, not over the classes": lambda logits, labels: (
            -np.log(_softmax(logits.T).T[_at(labels)]).sum()
        ),
    }
}
BACKWARD: Mistakes = {
    "dlogits": {
        "it is softmax alone, without the − 1 in the label's column": lambda logits, labels: (
            _softmax(logits)
        ),
        "the sign is wrong": lambda logits, labels: _one_hot(logits, labels) - _softmax(logits),
        "1 is added for the label, not subtracted": lambda logits, labels: (
            _one_hot(logits, labels) + _softmax(logits)
        ),
        "it is p (1 − p), the slope of softmax by itself": lambda logits, labels: (
            _softmax(logits) * (1 - _softmax(logits))
        ),
        "softmax is taken over the rows, not over the classes": lambda logits, labels: (
            _softmax(logits.T).T - _one_hot(logits, labels)
        ),
    }
}


def softmax_tasks() -> tuple[Task, Task]:
    """Return the tasks to write forward and backward."""
    name = "softmax_cross_entropy"
    return (
        Task(f"{name}_forward", ("value",), _cases, _forward, FORWARD, composed=True),
        Task(f"{name}_backward", ("dlogits",), _cases, _backward, BACKWARD, composed=True),
    )


def _cases(rng: np.random.Generator) -> Iterator[Case]:
    for dtype in ("float32", "float64"):
        for size in SIZES:
            logits = rng.integers(-3, 4, size) / 2
            yield Case(dtype, {"logits": logits.astype(dtype), "labels": _labels(size, rng)})
        yield Case(dtype, {"logits": np.array(FAR, dtype), "labels": _labels((2, 3), rng)})


def _labels(size: tuple[int, int], rng: np.random.Generator) -> Array:
    rows, classes = size
    return rng.integers(classes, size=rows)


def _forward(logits: Array, labels: Array) -> dict[str, Bounded]:
    value = _loss(logits, labels)
    terms = np.abs(_log_sums(logits)).sum() + np.abs(logits[_at(labels)]).sum()
    return {"value": Bounded(np.asarray(value), terms, 0)}


def _backward(logits: Array, labels: Array) -> dict[str, Bounded]:
    gradient = np.empty_like(logits)
    for index in np.ndindex(logits.shape):
        moved = logits + 0j
        moved[index] += 1j * STEP
        gradient[index] = _loss(moved, labels).imag / STEP
    return {"dlogits": Bounded(gradient, np.ones_like(gradient), 0)}


def _log_sums(logits: Array) -> Array:
    """Return log Σⱼ e^logits[n, j] of each row."""
    largest = logits.real.max(axis=1)
    sums: Array = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    return sums


def _losses(logits: Array, labels: Array) -> Array:
    losses: Array = _log_sums(logits) - logits[_at(labels)]
    return losses


def _loss(logits: Array, labels: Array) -> Array:
    loss: Array = _losses(logits, labels).sum()
    return loss


def _softmax(logits: Array) -> Array:
    p: Array = np.exp(logits - _log_sums(logits)[:, None])
    return p


def _one_hot(logits: Array, labels: Array) -> Array:
    hot = np.zeros_like(logits)
    hot[_at(labels)] = 1
    return hot


def _at(labels: Array) -> tuple[Array, Array]:
    return np.arange(len(labels)), labels
