"""Formulas are well-formed MathML, and LaTeX, that says what the expression says."""

import ast
import re
from html import unescape
from xml.etree import ElementTree

import pytest

from compare.report.page.math import SYMBOLS, formula, latex
from compare.report.page.rules import RULES, Rule


def text(expression: str) -> str:
    """Return a formula's characters, without its structure."""
    return unescape(re.sub(r"<[^>]+>", "", formula(expression)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_well_formed_and_marks_its_variables(rule: Rule) -> None:
    for expression in (rule.of_array, rule.of_element):
        tree = ElementTree.fromstring(formula(expression))
        marked = {element.get("data-symbol") for element in tree.iter()} - {None}
        names = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
        assert marked == names & SYMBOLS.keys()


@pytest.mark.parametrize(
    ("expression", "mathml", "tex"),
    [
        ("y = x @ weight.T + bias", "y=xW⊤+b", r"y = x W^\top + b"),
        ("dx = dy * (y > 0)", "dx=dy⊙[y>0]", r"\mathrm dx = \mathrm dy \odot [y \gt 0]"),
        ("dy[n, i] * (y[n, i] > 0)", "dyni[yni>0]", r"\mathrm dy_{ni} [y_{ni} \gt 0]"),
        ("2 * (y - target)", "2(y−t)", "2 (y - t)"),
        ("y - (x - target)", "y−(x−t)", "y - (x - t)"),
        ("y = (x + y) * target", "y←(x+y)⊙t", r"y \leftarrow (x + y) \odot t"),
        ("maximum(x, 0)", "max(x,0)", r"\mathrm{max}(x, 0)"),
        ("sum(x[n, i] * y[n, i] for n in rows)", "∑nxniyni", r"\sum_{n} x_{ni} y_{ni}"),
        ("1 / (1 + exp(-x))", "11+e−x", r"\frac{1}{1 + e^{-x}}"),
        ("(1 - beta1) * grad ** 2", "(1−β1)g2", r"(1 - \beta_1) g^{2}"),
        ("grad / sqrt(exp_avg_sq)", "gv", r"\frac{g}{\sqrt{v}}"),
        ("0 < x <= y", "0<x≤y", r"0 \lt x \le y"),
        ("partial(y[j]) / partial(x)", "∂yj∂x", r"\frac{\partial y_{j}}{\partial x}"),
        ("noisy[n, i]", "x~ni", r"\tilde x_{ni}"),
        ("n", "n", "n"),
    ],
)
def test_a_formula_says_what_its_expression_says(expression: str, mathml: str, tex: str) -> None:
    assert text(expression) == mathml
    assert latex(expression) == tex


def test_what_is_made_of_itself_is_an_update() -> None:
    assert text("param[i] = param[i] - grad[i]") == "θi←θi−gi"
    assert text("y = x @ weight") == "y=xW"


@pytest.mark.parametrize("expression", ["lambda: 0", "unheard_of + 1"])
def test_a_formula_refuses_what_it_cannot_write(expression: str) -> None:
    with pytest.raises(ValueError, match=r"cannot hold (lambda|unheard_of)"):
        formula(expression)
