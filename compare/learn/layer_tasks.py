"""The exercises 01 to 08: one operation of a layer or of the loss each, by the table of kinds."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from compare.check.bounds import Bounded
from compare.check.definition import Operation
from compare.check.kinds import LOSS, OPERATIONS
from compare.learn.tasks import Case, Mistakes, Operands, Task
from compare.sides.interface import Array, Layer, Shape

SMALL = ((2, 3, 4), (1, 3, 2), (3, 3, 3))  # rows, inputs, outputs; shown, where they show it
LARGE = ((5, 4, 7), (33, 7, 5))  # 33: more rows than a power of two
LARGEST = 3  # operands are integers in ±3
EIGHTHS = 8
FAR = ((-1000, 1000, 0), (-100, 100, -20))  # e^1000 is beyond any dtype


def _sigmoid_forward(x: Array) -> dict[str, Bounded]:
    """Return the sigmoid; in exp(−log(1 + e⁻ˣ)), which is right, a rounding counts |x| times."""
    (y,) = OPERATIONS["Sigmoid.forward"].define(x).values()
    return {"y": y._replace(scale=y.scale * (1 + np.abs(x)))}


def _sigmoid_backward(dy: Array, y: Array) -> dict[str, Bounded]:
    """Return its gradient; in dy (y − y²), which is right, nearly equal numbers are subtracted."""
    (dx,) = OPERATIONS["Sigmoid.backward"].define(dy, y).values()
    return {"dx": dx._replace(scale=np.abs(dy) * (y + y**2))}


# Where the bound of the table of kinds is for its own way to compute.
DEFINED: Mapping[str, Callable[..., dict[str, Bounded]]] = {
    "Sigmoid.forward": _sigmoid_forward,
    "Sigmoid.backward": _sigmoid_backward,
}

Size = tuple[int, int, int]
Image = Callable[[Array], Array]
Results = tuple[Image | None, Image | None]
# What a y is that a forward has made: of small integers, to be read easily, and of any x.
RESULTS: Mapping[str, Results] = {
    "ReLU.backward": (lambda x: np.maximum(x, 0), lambda x: np.maximum(x, 0)),
    "Sigmoid.backward": (lambda x: (x + LARGEST + 1) / EIGHTHS, lambda x: _sigmoid(x)),
}

TYPICAL: Mistakes = {  # beside those of the table
    "Linear.forward.y": {
        "the bias is added once for every input": lambda x, weight, bias: (
            x @ weight.T + x.shape[1] * bias
        ),
        "the sign of the product is wrong": lambda x, weight, bias: bias - x @ weight.T,
        "it is the bias alone": lambda x, weight, bias: x @ weight.T * 0 + bias,
        "the first input is left out": lambda x, weight, bias: x[:, 1:] @ weight[:, 1:].T + bias,
        "the last input is left out": lambda x, weight, bias: x[:, :-1] @ weight[:, :-1].T + bias,
    },
    "Linear.backward.dx": {
        "the first output is left out": lambda dy, x, weight: dy[:, 1:] @ weight[1:],
        "the last output is left out": lambda dy, x, weight: dy[:, :-1] @ weight[:-1],
        "it is computed from x, not from dy": lambda dy, x, weight: (
            x @ weight if len(weight) == len(weight.T) else None
        ),
    },
    "Linear.backward.dweight": {
        "only the last row counts": lambda dy, x, weight: dy[-1:].T @ x[-1:],
        "it is divided by the number of rows, and the loss is a sum": lambda dy, x, weight: (
            dy.T @ x / len(x)
        ),
    },
    "Linear.backward.dbias": {
        "it is divided by the number of rows, and the loss is a sum": lambda dy, x, weight: dy.mean(
            0
        ),
        "it is summed over the wrong axis": lambda dy, x, weight: dy.sum(1),
        "it is the sum over everything": lambda dy, x, weight: dy.sum(),
        "it is the mean over everything": lambda dy, x, weight: dy.mean(),
        "it keeps an axis of length 1": lambda dy, x, weight: dy.sum(0, keepdims=True),
        "it is dy itself, and not summed over the rows": lambda dy, x, weight: dy,
        "only the last row counts": lambda dy, x, weight: dy[-1],
    },
    "ReLU.forward.y": {
        "it is min(x, 0)": lambda x: np.minimum(x, 0),
        "it is 1 where x is above zero": lambda x: (x > 0) * 1.0,
        "it is wrong only where x is not above zero": lambda x: np.where(x > 0, x, np.nan),
    },
    "ReLU.backward.dx": {
        "y stands where dy should": lambda dy, y: y * (y > 0),
        "it is dy · y: y is no mask": lambda dy, y: dy * y,
        "all of dy comes through, and where y is 0 it should not": lambda dy, y: dy,
        "the slope at zero is ½": lambda dy, y: dy * ((y > 0) + (y == 0) / 2),
        "it is wrong only where y is 0": lambda dy, y: np.where(y > 0, dy, np.nan),
    },
    "Sigmoid.forward.y": {
        "the sign of x is wrong": lambda x: _sigmoid(-x),
        "it is the hyperbolic tangent": lambda x: np.tanh(x),
        "the sign of x is wrong where x is below zero": lambda x: _sigmoid(np.abs(x)),
        "the sign of x is wrong where x is above zero": lambda x: _sigmoid(-np.abs(x)),
        "it is 1 + e⁻ˣ, and not one over it": lambda x: 1 + np.exp(-x),
        "it is wrong only where x is below zero": lambda x: np.where(x < 0, np.nan, _sigmoid(x)),
        "it is wrong only where x is not below zero": lambda x: np.where(
            x < 0, _sigmoid(x), np.nan
        ),
    },
    "Sigmoid.backward.dx": {
        "dy is missing": lambda dy, y: y * (1 - y),
        "it is dy (1 − 2y): a sum of slopes, not a product": lambda dy, y: dy * (1 - 2 * y),
        "it is dy y (y − 1): the sign is wrong": lambda dy, y: dy * y * (y - 1),
        "dy is added, not multiplied": lambda dy, y: dy + y * (1 - y),
    },
    f"{LOSS}.forward.value": {
        "it is the mean over all entries, not the sum": lambda y, target: _square(y, target).mean(),
        "it is the mean over the rows, not the sum": lambda y, target: (
            _square(y, target).sum() / len(y)
        ),
        "each row is summed by itself": lambda y, target: _square(y, target).sum(1),
        "each column is summed by itself": lambda y, target: _square(y, target).sum(0),
        "the squares are not added up": lambda y, target: _square(y, target),
        "it keeps its axes": lambda y, target: _square(y, target).sum(keepdims=True),
        "the differences are not squared": lambda y, target: (y - target).sum(),
        "the absolute differences are summed, not their squares": lambda y, target: np.abs(
            y - target
        ).sum(),
        "the sum is squared, not what is summed": lambda y, target: (y - target).sum() ** 2,
        "the root is taken of it": lambda y, target: np.sqrt(_square(y, target).sum()),
        "it is half of what it should be": lambda y, target: _square(y, target).sum() / 2,
        "y and target are added, not subtracted": lambda y, target: _square(y, -target).sum(),
        "its sign is wrong": lambda y, target: -_square(y, target).sum(),
    },
    f"{LOSS}.backward.dy": {
        "the factor 2 is missing": lambda y, target: y - target,
        "the sign is wrong: it comes from target − y": lambda y, target: 2 * (target - y),
        "the factor 2 is missing, and the sign is wrong": lambda y, target: target - y,
        "y and target are added, not subtracted": lambda y, target: 2 * (y + target),
        "only y is doubled": lambda y, target: 2 * y - target,
        "only target is doubled": lambda y, target: y - 2 * target,
        "it is divided by the number of rows, and the loss is a sum": lambda y, target: (
            2 * (y - target) / len(y)
        ),
        "it is the mean over all entries, and the loss is a sum": lambda y, target: (
            2 * (y - target) / y.size
        ),
        "it is the difference squared": lambda y, target: _square(y, target),
        "the gradients are added up": lambda y, target: 2 * (y - target).sum(),
    },
}


def layer_task(function: str, kind: str) -> Task:
    """Return the task to write one direction of a kind: ("relu_forward", "ReLU.forward")."""
    operation = OPERATIONS[kind]
    operation = operation._replace(define=DEFINED.get(kind, operation.define))
    typical = {name: TYPICAL.get(f"{kind}.{name}", {}) for name in operation.results}
    return operation_task(function, operation, typical, RESULTS.get(kind, (None, None)))


def operation_task(
    function: str, operation: Operation, typical: Mistakes, images: Results = (None, None)
) -> Task:
    """Return the task to write one operation, of which `typical` are mistakes by result."""
    mistakes: Mistakes = {
        name: {
            **typical[name],
            **result.mistakes,
            "the last row is left out": partial(_of_rows, operation, name, slice(None, -1)),
            "the first row is left out": partial(_of_rows, operation, name, slice(1, None)),
        }
        for name, result in operation.results.items()
    }
    cases = partial(_cases, operation, images)
    added = {name: result.added for name, result in operation.results.items()}
    return Task(function, tuple(operation.results), cases, operation.define, mistakes, added)


def _cases(operation: Operation, results: Results, rng: np.random.Generator) -> Iterator[Case]:
    """Yield small ones first: integers, what is far from zero, and then ordinary numbers."""
    of_integers, of_any = results

    def drawn(size: Size, draw: Callable[[Shape], Array], image: Image | None) -> Operands:
        rows, inputs, outputs = size
        shapes = operation.shapes(Layer("", "", inputs, outputs), rows).items()
        operands = {name: draw(shape) for name, shape in shapes}
        if image:
            operands["y"] = image(operands["y"])
        return {name: value.astype(dtype) for name, value in operands.items()}

    def integers(size: Size) -> Case:
        whole = drawn(size, lambda shape: rng.integers(-LARGEST, LARGEST + 1, shape), of_integers)
        return Case(dtype, whole)

    for dtype in ("float32", "float64"):
        for size in SMALL:
            yield integers(size)
        if operation.far_out:
            far = integers((2, 3, 3)).operands
            for name in operation.far_out:
                value = np.array(FAR, np.float64)
                far[name] = (of_any(value) if of_any else value).astype(dtype)
            yield Case(dtype, far)
        for size in LARGE:
            yield integers(size)
            normal = drawn(size, lambda shape: 3 * rng.standard_normal(shape), of_any)
            yield Case(dtype, {name: np.asfortranarray(of) for name, of in normal.items()})


def _of_rows(operation: Operation, result: str, rows: slice, **operands: Array) -> Array:
    """Return a result of some rows."""
    some = {
        name: value[rows] if operation.operands[name].startswith("n") else value
        for name, value in operands.items()
    }
    value: Array = operation.define(**some)[result].value
    return value


def _square(y: Array, target: Array) -> Array:
    squares: Array = np.square(y - target)
    return squares


def _sigmoid(x: Array) -> Array:
    result: Array = OPERATIONS["Sigmoid.forward"].define(x)["y"].value
    return result
