"""The table of kinds: all that the check knows of each operation, said once.

For every operation: its operands and results with their indices, its definition, the typical
mistakes, the rules that the page shows, and the operands that it is tried on. A definition takes
operands in wider precision and returns each result as `Bounded`: with the sum of its absolute
terms, and the number of roundings on the way. That the definitions are right is not taken on trust:
PyTorch in float64 has to agree with them before anything is judged.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from compare.check.bounds import Bounded
from compare.check.definition import Operation, Result, Results, exact
from compare.check.variational import VARIATIONAL
from compare.sides.interface import Array, Description, Layer, Operands, graph, with_loss

# One exponential in the numerator and one below, each good to 4 ULP (NumPy's vector kernels for
# float32 promise that; PyTorch's are better), then an addition and a division.
SIGMOID_ROUNDINGS = 4 + 4 + 2
NORM_SQUARED = 3  # a root, whose error counts twice in the square, and the square
LOSS = Description.loss


def linear_forward(x: Array, weight: Array, bias: Array) -> Results:
    """Compute y = x Wᵀ + b."""
    scale = _product(x, weight.T) + np.abs(bias)
    return {"y": Bounded(x @ weight.T + bias, scale, x.shape[1] + 1)}


def linear_backward(dy: Array, x: Array, weight: Array) -> Results:
    """Compute dx = dy W, dW = dyᵀ x, db = the column sums of dy."""
    batch, out_features = dy.shape
    return {
        "dx": Bounded(dy @ weight, _product(dy, weight), out_features),
        "dweight": Bounded(dy.T @ x, _product(dy.T, x), batch),
        "dbias": Bounded(dy.sum(axis=0), np.abs(dy).sum(axis=0), batch),
    }


def relu_forward(x: Array) -> Results:
    """Compute y = 0 where x ≤ 0, else x, which may be NaN: no rounding."""
    return {"y": exact(np.where(x <= 0, 0, x))}


def relu_backward(dy: Array, y: Array) -> Results:
    """Compute dx = dy where y > 0, else 0: no rounding."""
    return {"dx": exact(np.where(y > 0, dy, 0))}


def sigmoid_forward(x: Array) -> Results:
    """Compute y = 1 / (1 + e⁻ˣ)."""
    e = np.exp(-np.abs(x))
    y = np.where(x < 0, e, 1) / (1 + e)
    return {"y": Bounded(y, y, SIGMOID_ROUNDINGS, flushed=1.0)}


def sigmoid_backward(dy: Array, y: Array) -> Results:
    """Compute dx = dy y (1 − y): a difference, two products; a subnormal may be made zero.

    Or dx = dy (y − y²), whose terms cancel near 1: right as well, and the wider of the two.
    """
    dx = dy * y * (1 - y)
    return {"dx": Bounded(dx, np.abs(dy) * slope_terms(y), 3, flushed=1.0)}


def slope_terms(y: Array) -> Array:
    """Return the sum of the absolute terms of the sigmoid's slope, y − y²."""
    terms: Array = np.abs(y) + y**2
    return terms


def loss_forward(y: Array, target: Array) -> Results:
    """Compute L = Σ (y − target)²: a difference, whose error counts twice, a square, the sum.

    Or ‖y − target‖², which takes the root of that and squares it.
    """
    value = np.square(y - target).sum()
    return {"value": Bounded(value, value, y.size + 2 + NORM_SQUARED)}


def loss_backward(y: Array, target: Array) -> Results:
    """Compute dy = 2 (y − target): doubling is exact."""
    dy = 2 * (y - target)
    return {"dy": Bounded(dy, np.abs(dy), 1)}


def one_hot_rows(
    layer: Layer, weights: Operands, dtype: str, rng: np.random.Generator
) -> Iterator[Operands]:
    """Yield inputs that pick the bias alone, and with it each column of the weight."""
    one_hot = np.eye(layer.in_features, dtype=dtype)
    yield {"x": np.zeros_like(one_hot[:1]), **weights}
    yield {"x": one_hot, **weights}


def one_hot_gradients(
    layer: Layer, weights: Operands, dtype: str, rng: np.random.Generator
) -> Iterator[Operands]:
    """Yield gradients that pick each row of the weight and of the input."""
    one_hot = np.eye(layer.out_features, dtype=dtype)
    x = rng.standard_normal((layer.out_features, layer.in_features)).astype(dtype)
    yield {"dy": one_hot, "x": x, "weight": weights["weight"]}


def _product(a: Array, b: Array) -> Array:
    """Return |A||B|. It is a size and no result, so float64 is enough."""
    dtype = np.float32 if a.dtype == np.float32 else np.float64
    product: Array = np.abs(a).astype(dtype, copy=False) @ np.abs(b).astype(dtype, copy=False)
    return product


def _square(weight: Array) -> bool:
    return len(weight) == len(weight.T)


OPERATIONS: Mapping[str, Operation] = {
    "Linear.forward": Operation(
        linear_forward,
        {"x": "ni", "weight": "oi", "bias": "o"},
        {
            "y": Result(
                "no",
                "sum(x[n, i] * weight[o, i] for i in inputs) + bias[o]",
                "x @ weight.T + bias",
                {
                    "the bias is missing": lambda x, weight, bias: x @ weight.T,
                    "the bias is added twice": lambda x, weight, bias: x @ weight.T + 2 * bias,
                    "the bias is subtracted": lambda x, weight, bias: x @ weight.T - bias,
                    "the weight is not transposed": lambda x, weight, bias: (
                        x @ weight + bias if _square(weight) else None
                    ),
                    "the weight is reshaped, not transposed": lambda x, weight, bias: (
                        x @ weight.reshape(weight.T.shape) + bias
                    ),
                },
            )
        },
        more_exact=one_hot_rows,
    ),
    "Linear.backward": Operation(
        linear_backward,
        {"dy": "no", "x": "ni", "weight": "oi"},
        {
            "dx": Result(
                "ni",
                "sum(dy[n, o] * weight[o, i] for o in outputs)",
                "dy @ weight",
                {
                    "the weight is transposed": lambda dy, x, weight: (
                        dy @ weight.T if _square(weight) else None
                    )
                },
            ),
            "dweight": Result(
                "oi",
                "sum(dy[n, o] * x[n, i] for n in rows)",
                "dy.T @ x",
                {
                    "it is reshaped, not transposed": lambda dy, x, weight: (x.T @ dy).reshape(
                        weight.shape
                    )
                },
                {"the weight is added, as weight decay does": lambda dy, x, weight: weight},
            ),
            "dbias": Result(
                "o",
                "sum(dy[n, o] for n in rows)",
                "dy.T @ ones",
                {
                    "it is the sum of dweight's columns": lambda dy, x, weight: (dy.T @ x).sum(
                        axis=1
                    ),
                    "it is the first row of dy": lambda dy, x, weight: dy[0],
                    "every entry is the sum over everything": lambda dy, x, weight: np.broadcast_to(
                        dy.sum(), dy.shape[1:]
                    ),
                },
            ),
        },
        more_exact=one_hot_gradients,
    ),
    "ReLU.forward": Operation(
        relu_forward,
        {"x": "ni"},
        {
            "y": Result(
                "ni",
                "maximum(x[n, i], 0)",
                "maximum(x, 0)",
                {"it is x itself": lambda x: x, "it is |x|": lambda x: np.abs(x)},
                {"x is let through where it is below zero": lambda x: np.minimum(x, 0)},
            )
        },
        far_out=("x",),
    ),
    "ReLU.backward": Operation(
        relu_backward,
        {"dy": "ni", "y": "ni"},
        {
            "dx": Result(
                "ni",
                "dy[n, i] * (y[n, i] > 0)",
                "dy * (y > 0)",
                {
                    "it is dy itself, without the mask": lambda dy, y: dy,
                    "the mask lets zeros through": lambda dy, y: dy * (y >= 0),
                    "the mask is taken of dy, not of y": lambda dy, y: dy * (dy > 0),
                    "it is the mask alone, without dy": lambda dy, y: (y > 0).astype(dy.dtype),
                },
                {
                    "dy is let through where y is zero": lambda dy, y: dy * (y == 0),
                    "dy is let through where y is not above zero": lambda dy, y: dy * (y <= 0),
                },
            )
        },
        far_out=("y",),
    ),
    "Sigmoid.forward": Operation(
        sigmoid_forward,
        {"x": "ni"},
        {"y": Result("ni", "1 / (1 + exp(-x[n, i]))", "1 / (1 + exp(-x))")},
        exact_on_integers=False,
        far_out=("x",),
    ),
    "Sigmoid.backward": Operation(
        sigmoid_backward,
        {"dy": "ni", "y": "ni"},
        {
            "dx": Result(
                "ni",
                "dy[n, i] * y[n, i] * (1 - y[n, i])",
                "dy * y * (1 - y)",
                {
                    "the factor 1 − y is missing": lambda dy, y: dy * y,
                    "the factor y is missing": lambda dy, y: dy * (1 - y),
                    "it is dy y (1 + y)": lambda dy, y: dy * y * (1 + y),
                    "the derivative is taken at y, as if y were x": lambda dy, y: (
                        dy / (2 + np.exp(y) + np.exp(-y))
                    ),
                    "it is dy itself": lambda dy, y: dy,
                },
            )
        },
        far_out=("y",),
        images={"y": lambda x: sigmoid_forward(x)["y"].value},
        slope_terms=slope_terms,
    ),
    f"{LOSS}.forward": Operation(
        loss_forward,
        {"y": "ni", "target": "ni"},
        {
            "value": Result(
                "",
                "sum((y[n, i] - target[n, i]) ** 2 for n in rows for i in inputs)",
                "sum((y - target) ** 2)",
            )
        },
        left_on_integers=NORM_SQUARED,
    ),
    f"{LOSS}.backward": Operation(
        loss_backward,
        {"y": "ni", "target": "ni"},
        {
            "dy": Result(
                "ni",
                "2 * (y[n, i] - target[n, i])",
                "2 * (y - target)",
                {"it is the gradient of the absolute error": lambda y, target: np.sign(y - target)},
            )
        },
    ),
    **VARIATIONAL,
}


def in_table(layer: Layer) -> bool:
    """Return whether the table has a layer's kind; what a side defines itself, torch has."""
    return f"{layer.kind}.forward" in OPERATIONS


def step_of(who: Description) -> Iterator[tuple[str, str, Layer]]:
    """Yield (name, operation, layer) in the order of a step: ("fc1.forward", "Linear.forward", …).

    Forward is in the order of the layers, and so each comes after its inputs; backward in reverse.
    """
    nodes = with_loss(who)
    for direction, ordered in (("forward", nodes), ("backward", nodes[::-1])):
        for layer in ordered:
            yield f"{layer.name}.{direction}", f"{layer.kind}.{direction}", layer


def taken(layer: Layer) -> dict[str, str]:
    """Return, by operand of a layer's forward, the name of the input that it takes."""
    if in_table(layer):
        operands = OPERATIONS[f"{layer.kind}.forward"].operands
        own = [operand for operand in operands if operand not in layer.parameters]
    else:
        numbered = (f"x{number}" for number in range(2, len(layer.inputs) + 1))
        own = ["y", "target"] if layer.name == "loss" else ["x", *numbered]
    return dict(zip(own, layer.inputs, strict=True))


def results_of(name: str, layer: Layer) -> list[str]:
    """Return the results of an operation of a layer: of "fc1.backward", dx, dweight and dbias."""
    if in_table(layer):
        return list(OPERATIONS[f"{layer.kind}.{name.rpartition('.')[2]}"].results)
    if name.endswith(".forward"):
        return ["value" if layer.name == "loss" else "y"]
    operands = ["y"] if layer.name == "loss" else [*taken(layer), *layer.parameters]
    return [f"d{operand}" for operand in operands]


def traced(name: str, result: str, layers: Sequence[Layer]) -> str:
    """Return what a trace calls a result of an operation: ("fc1.forward", "y") is "act/fc1".

    The gradient of the network's input, which no training step computes, is "dact/input".
    """
    of, _, direction = name.partition(".")
    if of == "loss":
        return "loss" if direction == "forward" else f"dact/{layers[-1].name}"
    if direction == "forward":
        return f"act/{of}"
    layer = next(layer for layer in graph(layers) if layer.name == of)
    operand = result.removeprefix("d")
    if operand in layer.parameters:
        return f"grad/{of}.{operand}"
    return f"dact/{taken(layer)[operand]}"
