"""The rules of the page: for every result of every operation, what one element is and what the array is.

Both are Python expressions in the variables of the NumPy code. The page shows them as formulas; the
tests evaluate them against each other, against the code, and, for gradients, against complex-step
derivatives of the forward rules.
"""

from dataclasses import dataclass

TESTED_IN = "tests/report/page/test_rules.py"


@dataclass(frozen=True)
class Rule:
    """One result of one operation: its name, its indices, and the same said of an element and of the array."""

    operation: str  # "Linear.backward"
    result: str  # "dweight"
    indices: str  # of one element: "o, i"; nothing for a number
    element: str
    array: str

    @property
    def name(self) -> str:
        """Return the name that the rule's test bears."""
        return f"{self.operation} {self.result}"

    @property
    def of_element(self) -> str:
        """Return the element's rule with what it is a rule of: "dbias[o] = sum(…)"."""
        indices = f"[{self.indices}]" if self.indices else ""
        return f"{self.result}{indices} = {self.element}"

    @property
    def of_array(self) -> str:
        """Return the same of the array's rule."""
        return f"{self.result} = {self.array}"


RULES = (
    Rule("Noise", "noisy", "n, i",
         "clip(clean[n, i] + noise * normal[n, i], 0, 1)", "clip(clean + noise * normal, 0, 1)"),
    Rule("Linear.forward", "y", "n, o",
         "sum(x[n, i] * weight[o, i] for i in inputs) + bias[o]", "x @ weight.T + bias"),
    Rule("Linear.backward", "dx", "n, i", "sum(dy[n, o] * weight[o, i] for o in outputs)", "dy @ weight"),
    Rule("Linear.backward", "dweight", "o, i", "sum(dy[n, o] * x[n, i] for n in rows)", "dy.T @ x"),
    Rule("Linear.backward", "dbias", "o", "sum(dy[n, o] for n in rows)", "dy.T @ ones"),
    Rule("ReLU.forward", "y", "n, i", "maximum(x[n, i], 0)", "maximum(x, 0)"),
    Rule("ReLU.backward", "dx", "n, i", "dy[n, i] * (y[n, i] > 0)", "dy * (y > 0)"),
    Rule("Sigmoid.forward", "y", "n, i", "1 / (1 + exp(-x[n, i]))", "1 / (1 + exp(-x))"),
    Rule("Sigmoid.backward", "dx", "n, i", "dy[n, i] * y[n, i] * (1 - y[n, i])", "dy * y * (1 - y)"),
    Rule("SumSquaredError.forward", "value", "",
         "sum((y[n, i] - target[n, i]) ** 2 for n in rows for i in inputs)", "sum((y - target) ** 2)"),
    Rule("SumSquaredError.backward", "dy", "n, i", "2 * (y[n, i] - target[n, i])", "2 * (y - target)"),
    Rule("Adam.step", "exp_avg", "i", "beta1 * exp_avg[i] + (1 - beta1) * grad[i]",
         "beta1 * exp_avg + (1 - beta1) * grad"),
    Rule("Adam.step", "exp_avg_sq", "i", "beta2 * exp_avg_sq[i] + (1 - beta2) * grad[i] ** 2",
         "beta2 * exp_avg_sq + (1 - beta2) * grad ** 2"),
    Rule("Adam.step", "param", "i",
         "param[i] - lr * (exp_avg[i] / (1 - beta1 ** step)) / (sqrt(exp_avg_sq[i] / (1 - beta2 ** step)) + eps)",
         "param - lr * (exp_avg / (1 - beta1 ** step)) / (sqrt(exp_avg_sq / (1 - beta2 ** step)) + eps)"),
)  # fmt: skip


def rules_of(operation: str) -> tuple[Rule, ...]:
    """Return the rules of an operation, one for each of its results."""
    return tuple(rule for rule in RULES if rule.operation == operation)
