"""Formulas are well-formed MathML that says what the expression says."""

import re
from xml.etree import ElementTree

import pytest

from compare.report.page.math import formula, symbols
from compare.report.page.rules import RULES, Rule


def text(expression: str, result: str = "") -> str:
    """Return a formula's characters, without its structure."""
    return re.sub(r"<[^>]+>", "", formula(expression, result)).replace("&gt;", ">")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_well_formed_and_marks_its_variables(rule: Rule) -> None:
    for expression, result in ((rule.array, rule.result), (rule.element, rule.of_element)):
        tree = ElementTree.fromstring(formula(expression, result))
        marked = {element.get("data-symbol") for element in tree.iter() if element.get("data-symbol")}
        assert {*symbols(expression), rule.result} <= marked


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("x @ weight.T + bias", "xW⊤+b"),
        ("dy * (y > 0)", "dy⊙[y>0]"),
        ("dy[n, i] * (y[n, i] > 0)", "dyni[yni>0]"),
        ("2 * (y - target)", "2(y−t)"),
        ("y - (x - target)", "y−(x−t)"),
        ("(x + y) * target", "(x+y)⊙t"),
        ("maximum(x, 0)", "max(x,0)"),
        ("sum(x[n, i] * y[n, i] for n in rows)", "∑nxniyni"),
        ("1 / (1 + exp(-x))", "11+e−x"),
        ("(1 - beta1) * grad", "(1−β1)g"),
    ],
)
def test_a_formula_says_what_its_expression_says(expression: str, said: str) -> None:
    assert text(expression) == said


def test_what_is_made_of_itself_is_an_update() -> None:
    assert text("param - grad", "param") == "θ←θ−g"
    assert text("x @ weight", "y") == "y=xW"


@pytest.mark.parametrize("expression", ["lambda: 0", "unheard_of + 1"])
def test_a_formula_refuses_what_it_cannot_write(expression: str) -> None:
    with pytest.raises(ValueError, match=r"cannot hold (lambda|unheard_of)"):
        formula(expression)
