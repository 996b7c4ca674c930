"""The rules of the page: for every result of every operation, what one element is, and the array.

Those of layers and loss stand in the table of kinds. The page shows them as formulas; the tests
evaluate them against each other, against the code, and, for gradients, against complex-step
derivatives of the forward rules.
"""

from dataclasses import dataclass

from compare.check.kinds import OPERATIONS

TESTED_IN = "tests/report/page/test_rules.py"


@dataclass(frozen=True)
class Rule:
    """One result of one operation: its name, its indices, what an element is, and the array."""

    operation: str  # "Linear.backward"
    result: str  # "dweight"
    indices: str  # of one element: "oi"; none of a number
    element: str
    array: str

    @property
    def name(self) -> str:
        """Return the name that the rule's test bears."""
        return f"{self.operation} {self.result}"

    @property
    def of_element(self) -> str:
        """Return the element's rule with what it is a rule of: "dbias[o] = sum(…)"."""
        indices = f"[{', '.join(self.indices)}]" if self.indices else ""
        return f"{self.result}{indices} = {self.element}"

    @property
    def of_array(self) -> str:
        """Return the same of the array's rule."""
        return f"{self.result} = {self.array}"


RULES = (
    Rule(
        "Noise",
        "noisy",
        "ni",
        "clip(clean[n, i] + factor * normal[n, i], 0, 1)",
        "clip(clean + factor * normal, 0, 1)",
    ),
    *(
        Rule(operation, name, result.indices, result.element, result.array)
        for operation, of in OPERATIONS.items()
        for name, result in of.results.items()
    ),
    Rule(
        "Adam.step",
        "exp_avg",
        "i",
        "beta1 * exp_avg[i] + (1 - beta1) * grad[i]",
        "beta1 * exp_avg + (1 - beta1) * grad",
    ),
    Rule(
        "Adam.step",
        "exp_avg_sq",
        "i",
        "beta2 * exp_avg_sq[i] + (1 - beta2) * grad[i] ** 2",
        "beta2 * exp_avg_sq + (1 - beta2) * grad ** 2",
    ),
    Rule(
        "Adam.step",
        "param",
        "i",
        "param[i] - lr * (exp_avg[i] / (1 - beta1 ** step))"
        " / (sqrt(exp_avg_sq[i] / (1 - beta2 ** step)) + eps)",
        "param - lr * (exp_avg / (1 - beta1 ** step))"
        " / (sqrt(exp_avg_sq / (1 - beta2 ** step)) + eps)",
    ),
)


def rules_of(operation: str) -> tuple[Rule, ...]:
    """Return the rules of an operation, one for each of its results."""
    return tuple(rule for rule in RULES if rule.operation == operation)
