"""The mistakes of mistakes.toml, each in the text of its form."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.functions.form import Form, Function
from tests.functions.functions import FUNCTIONS


@dataclass(frozen=True)
class Mistake:
    """One change of a form's text, what is wrong then, and the mistake in words."""

    function: Function
    form: Form
    old: str
    new: str
    wrong: tuple[str, ...]
    words: str

    def __str__(self) -> str:
        """Return the form and the mistake in words."""
        return f"{self.form.name}, {', '.join(self.wrong)}: {self.words}"

    @property
    def text(self) -> str:
        """The text of the form with the mistake."""
        return self.form.text.replace(self.old, self.new)


def _read() -> tuple[Mistake, ...]:
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    forms = {form.name: (function, form) for function in FUNCTIONS for form in function.forms}
    return tuple(
        Mistake(*forms[name], old, new, tuple(wrong.split()), words)
        for name, mistakes in table.items()
        for old, new, wrong, words in mistakes
    )


MISTAKES = _read()
