"""The derivation, one text for the page and for docs/derivation.md.

The text is `derivation.md` beside this file: Markdown, with formulas as `math` reads them between
dollar signs. Between double dollar signs a formula, or a rule by its name, has a line of its own.
This writes the document:

    python -m compare.report.page.derivation docs/derivation.md
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from compare.files import write_whole
from compare.report.page.math import formula, latex
from compare.report.page.rules import RULES, TESTED_IN, Rule

TEXT = Path(__file__).with_suffix(".md")
MATH = re.compile(r"\$\$(?P<display>.+?)\$\$|\$(?P<inline>.+?)\$(?P<stop>[,.:;]?)")
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
FOLD = '<details class="fold">'
HEAD = (
    "# The derivation\n\n"
    "Made by `python -m compare.report.page.derivation docs/derivation.md` from [this\n"
    "text](../compare/report/page/derivation.md). The page that `python -m compare report RUN` "
    "makes has it too, beside the\ncode and the numbers of a step.\n\n"
)


def section(stated: Callable[[Rule], str]) -> Markup:
    """Return the derivation as HTML, one fold to a heading, which is a link target.

    `stated` shows a rule.
    """

    def inline(text: str, stop: str) -> str:
        return f'<span class="unbroken">{formula(text)}{stop}</span>'

    def display(text: str) -> str:
        return f'<div class="equation">{formula(text, block=True)}</div>'

    def heading(found: re.Match[str]) -> str:
        name = found[1].replace(" ", "-")
        return f'{FOLD}<summary><h3 id="derive-{name}">{found[1]}</h3></summary>\n'

    text = HEADING.sub(heading, _written(inline, display, stated))
    first, *others = MarkdownIt("commonmark").render(text).split(FOLD)
    return Markup(first + "".join(f"{FOLD}{other}</details>\n" for other in others))


def document() -> str:
    """Return the derivation as Markdown with LaTeX, as code hosts show it."""

    def inline(text: str, stop: str) -> str:
        return f"${latex(text)}${stop}"

    def display(text: str) -> str:
        return f"$$\n{latex(text)}\n$$"

    def stated(rule: Rule) -> str:
        formulas = " | ".join(
            f"$\\displaystyle {latex(text)}$" for text in (rule.of_element, rule.of_array)
        )
        test = f"[`{rule.name}`](../{TESTED_IN})"
        head = "| one element | the array | checked by |\n| --- | --- | --- |"
        return f"{head}\n| {formulas} | {test} |"

    return HEAD + _written(inline, display, stated)


def _written(
    inline: Callable[[str, str], str], display: Callable[[str], str], stated: Callable[[Rule], str]
) -> str:
    """Return the text with its formulas and rules as these write them."""
    rules = {rule.name: rule for rule in RULES}

    def write(found: re.Match[str]) -> str:
        if found["inline"]:
            return inline(found["inline"], found["stop"])
        name = found["display"]
        return stated(rules[name]) if name in rules else display(name)

    return MATH.sub(write, TEXT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    write_whole(Path(sys.argv[1]), document().encode())
