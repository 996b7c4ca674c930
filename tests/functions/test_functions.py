"""The right functions are right, in every form."""

import numpy as np
import pytest

from tests.functions.form import Form, Function
from tests.functions.functions import FUNCTIONS
from tests.functions.observations import (
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
