"""The peers are used rightly, and the page counts what was said."""

import pytest

from tests.functions.document import Faulty, Healthy, document
from tests.functions.functions import FUNCTIONS
from tests.functions.mistakes import MISTAKES, Mistake
from tests.functions.verdicts import JUDGES, Verdict

PEERS = ("gradcheck", "assert_close")
AFFINE = FUNCTIONS[0]


def mistake(form: str, words: str) -> Mistake:
    return next(one for one in MISTAKES if (one.form.name, one.words) == (form, words))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", ["affine", "cross_entropy", "max_pool", "vae"])
def test_a_peer_accepts_a_right_form(name: str, peer: str) -> None:
    function = next(one for one in FUNCTIONS if one.name == name)
    form = function.forms[0]
    assert JUDGES[peer](function, form.build(form.text), 1) == Verdict(False)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(
    ("form", "words", "named"),
    [
        ("affine", "reshaped for transposed", "dweight"),
        ("embedding", "mean for sum", "dtable"),  # its other operand has no gradient
        ("vae", "one path left out", "dw_hidden"),
    ],
)
def test_a_peer_names_what_fails(form: str, words: str, named: str, peer: str) -> None:
    one = mistake(form, words)
    verdict = JUDGES[peer](one.function, one.form.build(one.text), 1)
    assert verdict == Verdict(True, (named,))


def test_each_peer_is_blind_where_it_must_be() -> None:
    float64 = mistake("affine_loops", "float64 slips in")
    halved = mistake("mean_squared_error", "factor")
    assert JUDGES["assert_close"](float64.function, float64.form.build(float64.text), 1).caught
    assert not JUDGES["gradcheck"](float64.function, float64.form.build(float64.text), 1).caught
    # Of a wrong forward gradcheck says that its gradients are wrong.
    said = JUDGES["gradcheck"](halved.function, halved.form.build(halved.text), 1)
    assert said.named == ("dprediction",)
    assert "dprediction" not in halved.wrong


def test_an_optimizer_is_compared_step_by_step() -> None:
    one = mistake("MomentumLists", "velocity shared by shape")
    judge = JUDGES["assert_close"]
    assert not judge(one.function, one.form.build(one.form.text), 0).caught
    assert judge(one.function, one.form.build(one.text), 0).named == ("bias",)


def test_the_page_counts() -> None:
    right, wrong = Verdict(False), Verdict(True, ("dbias",), "it is 1/5 times", "dbias fails")
    elsewhere = Verdict(True, ("dx", "dbias"))
    form = AFFINE.forms[0]
    healthy = Healthy(AFFINE, form, [dict.fromkeys(JUDGES, right), dict.fromkeys(JUDGES, wrong)])
    made = mistake("affine", "(1, n) for (n,)")
    dbias = frozenset({"dbias"})
    faulty = [
        Faulty(made, {"compare": wrong, "gradcheck": elsewhere, "assert_close": right}, dbias),
        Faulty(made, {"compare": elsewhere, "assert_close": wrong}, dbias),
    ]
    page = document([healthy], faulty, 2, 2)
    assert "1 functions in 1 forms, 2 seeds, 2 checks in float32 and float64: 1 alarms." in page
    assert "- affine: dbias fails" in page
    assert (
        "**2 mistakes: 2 caught; the tensor named in 1 (50.0%), the kind told in 1 (50.0%).**"
        in page
    )
    assert "does not alter fails in 1: affine, dbias: (1, n) for (n,) (dx)." in page
    assert "| linear | 2 | 2 / 1 / 1 | 1 / 0 / 0 | 1 / 1 / 1 |" in page


def test_a_door_that_raises_gives_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def door(*operands: object, seed: int) -> None:
        raise ZeroDivisionError(seed)

    monkeypatch.setattr("compare.check_function", door, raising=False)
    form = AFFINE.forms[0]
    said = JUDGES["compare"](AFFINE, form.build(form.text), 3)
    assert said == Verdict(False, raised="ZeroDivisionError(3)")
    assert Healthy(AFFINE, form, [{"compare": said}]).alarms("compare") == [said]
