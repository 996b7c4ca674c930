"""Every rule of the page holds: of elements and arrays, of the code, and as a derivative."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import numpy_ae
from compare.check.kinds import OPERATIONS
from compare.data.batches import add_noise
from compare.report.page.rules import RULES, Rule, rules_of
from compare.sides.numpy_side import run_layer
from tests.operands import Array, Draw

ROWS, INPUTS, OUTPUTS = 5, 4, 3
STEP = 1e-30  # of the complex-step derivative
AGREE = 1e-13  # of the size of what is compared, in float64
FUNCTIONS = {name: getattr(np, name) for name in ("maximum", "exp", "sqrt", "clip")}
RANGES = {"rows": range(ROWS), "inputs": range(INPUTS), "outputs": range(OUTPUTS)}
EXTENT = {"n": ROWS, "i": INPUTS, "o": OUTPUTS}
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
BACKWARDS = [rule for rule in RULES if rule.operation.endswith("backward")]


def operands(rule: Rule) -> dict[str, Any]:
    """Return values for every variable that a rule may name, in the shapes that it gives them."""
    draw = Draw(0)
    kind = rule.operation.split(".")[0]
    outputs = OUTPUTS if kind == "Linear" else INPUTS
    values: dict[str, Any] = {
        "x": draw(ROWS, INPUTS),
        "weight": draw(OUTPUTS, INPUTS),
        "bias": draw(1, OUTPUTS)[0],
        "dy": draw(ROWS, outputs),
        "target": draw(ROWS, INPUTS),
        "ones": np.ones(ROWS),
        **{name: draw(ROWS, INPUTS) for name in ("mean", "logvar", "noise")},
    }
    values["std"] = np.exp(values["logvar"] / 2)
    values["y"] = numpy_ae.ReLU().forward(values["x"]) if kind == "ReLU" else draw(ROWS, INPUTS)
    if kind == "Sigmoid":
        values["y"] = numpy_ae.Sigmoid().forward(values["x"])
    if kind == "Deviation":
        values["y"] = numpy_ae.Deviation().forward(values["x"])
    if kind == "Adam":
        values |= {name: draw(1, INPUTS)[0] for name in ("param", "grad", "exp_avg")}
        values |= {
            "exp_avg_sq": draw(1, INPUTS)[0] ** 2,
            "lr": 0.1,
            "beta1": 0.9,
            "beta2": 0.99,
            "eps": 0.01,
            "step": 3,
        }
    if kind == "Noise":
        values |= {
            "clean": np.abs(draw(ROWS, INPUTS)) % 1,
            "normal": draw(ROWS, INPUTS),
            "factor": 0.25,
        }
    return values


def evaluate(expression: str, values: dict[str, Any], **indices: int) -> Any:
    """Return what an expression of a rule comes to."""
    names = {
        **FUNCTIONS,
        **RANGES,
        **values,
        **indices,
        "sum": sum if "[" in expression else np.sum,
    }
    return eval(expression, {"__builtins__": {}, **names})


def close(a: Any, b: Any) -> bool:
    """Whether two results differ by roundings alone."""
    return bool(np.abs(np.subtract(a, b)).max() <= AGREE * max(1, np.abs(b).max()))


@every_rule
def test_the_rule_of_an_element_is_the_rule_of_the_array(rule: Rule) -> None:
    values = operands(rule)
    whole = np.asarray(evaluate(rule.array, values))
    letters = list(rule.indices)
    for index in product(*(range(EXTENT[letter]) for letter in letters)):
        element = evaluate(rule.element, values, **dict(zip(letters, index, strict=True)))
        assert close(element, whole[index])


@every_rule
def test_the_rule_is_what_the_code_computes(rule: Rule) -> None:
    values = operands(rule)
    if rule.result == "param":  # it is told of the moments that the step has just made
        moments = {of.result: evaluate(of.array, values) for of in rules_of("Adam.step")[:2]}
        assert close(evaluate(rule.array, values | moments), computed(rule, values))
    else:
        assert close(evaluate(rule.array, values), computed(rule, values))


def computed(rule: Rule, values: dict[str, Any]) -> Array:
    """Return what the code makes of the same operands."""
    kind, _, method = rule.operation.partition(".")
    if kind == "Noise":
        rng = SimpleNamespace(standard_normal=lambda shape, dtype: values["normal"].copy())
        return add_noise(values["clean"], values["factor"], rng)  # type: ignore[arg-type]  # all of one that it asks
    if kind == "Adam":
        return adam(values)[rule.result]
    if kind == "SumSquaredError":
        return np.asarray(
            getattr(numpy_ae.SumSquaredError(), method)(values["y"], values["target"])
        )
    if kind == "Linear":
        layer = numpy_ae.Linear(INPUTS, OUTPUTS, rng=np.random.default_rng(0))
        layer.weight, layer.bias = values["weight"], values["bias"]
        if method == "forward":
            return layer.forward(values["x"])
        results = zip(
            ("dx", "dweight", "dbias"), layer.backward(values["dy"], values["x"]), strict=True
        )
        return np.asarray(dict(results)[rule.result])
    given = {operand: values[operand] for operand in OPERATIONS[rule.operation].operands}
    return np.asarray(run_layer(getattr(numpy_ae, kind)(), method, given)[rule.result])


def adam(values: dict[str, Any]) -> dict[str, Array]:
    """Return parameter and moments after one step of our Adam."""
    param = values["param"].copy()
    optimizer = numpy_ae.Adam(
        {"p": param}, values["lr"], (values["beta1"], values["beta2"]), values["eps"]
    )
    state = optimizer.state["p"]
    state |= {
        "step": values["step"] - 1,
        **{name: values[name].copy() for name in ("exp_avg", "exp_avg_sq")},
    }
    optimizer.step({"p": values["grad"]})
    return {"param": param, "exp_avg": state["exp_avg"], "exp_avg_sq": state["exp_avg_sq"]}


@pytest.mark.parametrize("rule", BACKWARDS, ids=lambda rule: rule.name)
def test_a_gradients_rule_is_the_derivative_of_the_forward_rule(rule: Rule) -> None:
    values = operands(rule)
    (forward,) = rules_of(rule.operation.replace("backward", "forward"))
    of = rule.result.removeprefix("d")
    gradient = evaluate(rule.array, values)
    direction = Draw(1)(*np.shape(values[of]))
    moved = values | {of: values[of] + 1j * STEP * direction}
    change = np.imag(evaluate(forward.array, moved)) / STEP
    of_loss = rule.operation.startswith(("SumSquaredError", "GaussianKL"))
    upstream = 1 if of_loss else values["dy"]
    assert close((upstream * change).sum(), (gradient * direction).sum())
