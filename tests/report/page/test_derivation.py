"""The derivation: its document is the page's text, and its rules and equations are tested."""

import ast
import re
from typing import Any

import numpy as np
import pytest

import numpy_ae
from compare.report.page.derivation import MATH, TEXT, document, section
from compare.report.page.rules import RULES
from tests.report.page.test_rules import FUNCTIONS, STEP, close
from tests.running import ROOT

STEPS, BETA = 7, 0.9
DISPLAYED = [
    found["display"]
    for found in MATH.finditer(TEXT.read_text(encoding="utf-8"))
    if found["display"]
]
EQUATIONS = [text for text in DISPLAYED if "==" in text]


def test_the_document_is_made_of_the_text_as_it_is() -> None:
    written = (ROOT / "docs/derivation.md").read_text(encoding="utf-8")
    assert written == document(), "say: python -m compare.report.page.derivation docs/derivation.md"


def test_every_rule_is_stated_once() -> None:
    assert sorted(text for text in DISPLAYED if "=" not in text) == sorted(
        rule.name for rule in RULES
    )


def test_on_the_page_every_operation_has_its_address() -> None:
    html = section(lambda rule: f"<figure>{rule.name}</figure>")
    assert {rule.operation.split(".")[0] for rule in RULES} <= set(
        re.findall(r'<h3 id="derive-([\w-]+)">', html)
    )
    assert all(f"<figure>{rule.name}</figure>" in html for rule in RULES)
    assert "$" not in html


def test_a_code_host_takes_every_formula_for_one_and_nothing_in_it_for_markdown() -> None:
    text = document()
    inline = re.findall(r"(.)?\$([^$\n]+)\$(.)?", text)
    for before, latex, after in inline:
        assert before in ("", " ", "(") and after in ("", *" ,.:;)"), latex
    for latex in [latex for _, latex, _ in inline] + re.findall(r"\n\n\$\$\n(.+)\n\$\$\n\n", text):
        assert latex == latex.strip() and latex.isascii()
        assert not re.search(r"\\[^a-z]|}_|[*<>|`]|\]\(", latex), latex


@pytest.mark.parametrize("equation", EQUATIONS)
def test_every_equation_holds(equation: str) -> None:
    chain = ast.parse(equation, mode="eval").body
    assert isinstance(chain, ast.Compare)
    first, *others = (evaluate(ast.unparse(side)) for side in (chain.left, *chain.comparators))
    assert all(close(other, first) for other in others)


def evaluate(expression: str) -> Any:
    """Return one side of an equation: of the sigmoid at x + ih, or of Adam after some steps."""
    x = np.linspace(-3, 3, 8) + 1j * STEP
    grad = np.random.default_rng(0).standard_normal(STEPS + 1)
    optimizer = numpy_ae.Adam({"p": np.zeros(1)}, betas=(BETA, 0.99))
    for s in range(1, STEPS + 1):
        optimizer.step({"p": grad[s : s + 1]})
    return eval(
        expression,
        FUNCTIONS
        | {"x": x, "y": numpy_ae.Sigmoid().forward(x), "partial": lambda of: np.imag(of) / STEP}
        | {"grad": grad, "exp_avg": optimizer.state["p"]["exp_avg"], "beta": BETA}
        | {"step": STEPS, "steps": range(1, STEPS + 1)},
    )
