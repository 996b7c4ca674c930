"""The right functions are right, and every mistake is one."""

import re

import numpy as np
import pytest

from tests.functions.form import Form, Function
from tests.functions.functions import FUNCTIONS
from tests.functions.mistakes import MISTAKES, Mistake
from tests.functions.observations import (
    altered,
    call,
    draws,
    gradients,
    near,
    observe,
    reference,
    reference_steps,
    steps,
)

FORMS = [(function, form) for function in FUNCTIONS for form in function.forms]
by_form = pytest.mark.parametrize(("function", "form"), FORMS, ids=[form.name for _, form in FORMS])


@by_form
def test_a_right_form_agrees_with_autograd(function: Function, form: Form) -> None:
    if function.door == "check_optimizer":
        params = draws(function)[0]
        grads = gradients(params, 0, 10)
        expected = reference_steps(function, params, grads)
        seen = steps(form.build(form.text)[0], {n: a.copy() for n, a in params.items()}, grads)
        assert all(near(value, seen[name]) for name, value in expected.items())
        return
    for operands in draws(function):
        expected = reference(function, operands)
        seen = call(function, form.build(form.text), operands)
        judged = {name for name in seen if name in expected}
        assert "result" in judged
        assert len(judged) > 1
        for name in judged:
            assert near(expected[name], seen[name]), name
        for name, value in operands.items():
            assert np.all(value == seen[name]), name


@by_form
def test_a_right_form_does_as_the_first(function: Function, form: Form) -> None:
    """In every situation, among them zeros, other dtypes and calls that follow one another."""
    first = function.forms[0]
    right, other = observe(function, first, first.text), observe(function, form, form.text)
    for before, after in zip(right, other, strict=True):
        for name in before.keys() & after.keys():
            assert (
                isinstance(before[name], str)
                or isinstance(after[name], str)
                or near(before[name], after[name])
            ), name


def test_every_form_has_mistakes() -> None:
    assert {mistake.form.name for mistake in MISTAKES} == {form.name for _, form in FORMS}


@pytest.mark.parametrize("mistake", MISTAKES, ids=map(str, MISTAKES))
def test_a_mistake_alters_what_it_says(mistake: Mistake) -> None:
    assert mistake.form.text.count(mistake.old) == 1
    right = observe(mistake.function, mistake.form, mistake.form.text)
    differing, by_value = altered(right, observe(mistake.function, mistake.form, mistake.text))
    assert by_value <= set(mistake.wrong) <= differing


def test_no_mistake_stands_twice() -> None:
    made = [(m.form.name, re.sub(r"\s+", " ", m.text)) for m in MISTAKES]
    assert len(set(made)) == len(made)
